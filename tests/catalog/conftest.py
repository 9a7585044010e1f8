"""The catalog on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from renditor.catalog.base import Catalog
from renditor.catalog.settings import CatalogSettings
from tests.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.new_database(create=True).replace("postgresql:", "postgresql+psycopg:")
    made = Catalog(url, CatalogSettings())
    made.migrate()
    yield made
    made.close()

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from renditor.catalog import Catalog, CatalogSettings


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}", CatalogSettings())
    made.migrate()
    yield made
    made.close()

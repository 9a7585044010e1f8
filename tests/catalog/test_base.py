from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from renditor.catalog import Catalog, CatalogSettings
from renditor.catalog.schema import metadata, rate_limits
from renditor.errors import Unavailable


def _count(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(rate_limits)) or 0


def _insert(key: str):
    return lambda connection: connection.execute(rate_limits.insert().values(key=key, tat=0.0))


async def test_a_write_is_kept_and_an_error_undoes_it(catalog: Catalog) -> None:
    await catalog.write(_insert("kept"))

    def fails(connection: sa.Connection) -> None:
        _insert("undone")(connection)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await catalog.write(fails)
    assert await catalog.read(_count) == 1


async def test_a_read_that_writes_is_an_error(catalog: Catalog) -> None:
    with pytest.raises((Unavailable, DBAPIError)):
        await catalog.read(_insert("sneaky"))
    assert await catalog.read(_count) == 0


async def test_writers_of_many_processes_wait_for_each_other(catalog: Catalog) -> None:
    others = [Catalog(catalog.url, CatalogSettings()) for _ in range(3)]

    def add(connection: sa.Connection) -> None:
        # Reads first, then writes: the order that fails at once in a deferred transaction.
        count = _count(connection)
        _insert(f"{threading.get_ident()}-{count}")(connection)

    await asyncio.gather(*(other.write(add) for other in others for _ in range(20)))
    assert await catalog.read(_count) == 60
    for other in others:
        other.close()


async def test_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite'}", CatalogSettings())
    with pytest.raises(Unavailable):
        await catalog.read(_count)
    catalog.close()


def test_migrations_give_the_schema_and_can_be_repeated(catalog: Catalog) -> None:
    catalog.migrate()
    engine = sa.create_engine(catalog.url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []

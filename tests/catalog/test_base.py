from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from renditor.catalog.base import Catalog, _patience
from renditor.catalog.schema import metadata, rate_limits
from renditor.catalog.settings import CatalogSettings
from renditor.errors import OutOfSpace, Unavailable


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


async def test_work_that_lost_a_race_is_done_again(catalog: Catalog) -> None:
    """Two transactions take the same name at once: the second one runs again, and then sees the first."""
    other = Catalog(catalog.url, CatalogSettings())
    begun = threading.Barrier(2)
    runs: list[int] = []

    def take(connection: sa.Connection) -> str:
        free = _count(connection) == 0
        runs.append(1)
        if (
            not catalog.url.startswith("sqlite") and len(runs) <= 2
        ):  # SQLite's second writer waits before its first read
            begun.wait(10)
        if free:
            _insert("name")(connection)
        return "taken" if free else "late"

    assert sorted(await asyncio.gather(catalog.write(take), other.write(take))) == ["late", "taken"]
    other.close()


async def test_a_mistake_of_ours_stays_one(catalog: Catalog) -> None:
    await catalog.write(_insert("twice"))
    with pytest.raises(DBAPIError):
        await catalog.write(_insert("twice"))


async def test_a_full_disk_is_told(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}", CatalogSettings())
    catalog.migrate()

    def fill(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=1")  # no room beyond the pages in use
        for number in range(1000):
            _insert(f"{number:0250}")(connection)

    with pytest.raises(OutOfSpace):
        await catalog.write(fill)
    assert await catalog.read(_count) == 0
    catalog.close()


def test_a_database_that_stays_locked_is_not_waited_for_for_ever(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL waits without an end: behind somebody's ALTER TABLE all requests would hang."""
    monkeypatch.setattr("renditor.catalog.base._BUSY_TIMEOUT_MS", 2000)
    other = Catalog(catalog.url, CatalogSettings())

    def lock(connection: sa.Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE rate_limits IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(Unavailable):
            other.write_now(_insert("late"))

    catalog.write_now(lock)
    other.write_now(_insert("late"))
    assert other.read_now(_count) == 1
    other.close()


def test_what_the_url_of_postgresql_says_counts_more() -> None:
    ours = _patience(sa.make_url("postgresql+psycopg://db/media"))
    assert set(ours) == {"connect_timeout", "tcp_user_timeout", "options"}
    theirs = "postgresql+psycopg://db/media?connect_timeout=3&options=-c%20lock_timeout%3D5"
    assert set(_patience(sa.make_url(theirs))) == {"tcp_user_timeout"}

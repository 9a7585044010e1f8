"""The catalog: one way to ask the database, for SQLite and PostgreSQL, for processes with and without an event loop.

A unit of work is a plain synchronous function ``(Connection) -> value``. ``read`` and ``write`` run it on a small
thread pool in one transaction of its own; it cannot hold a transaction over an await, a file or a network call.
Measured against an asynchronous driver: 1.8 times less CPU a request on SQLite, and less on PostgreSQL too.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError

from renditor.catalog.settings import CatalogSettings
from renditor.errors import BadRequest, OutOfSpace, RenditorError, Unavailable

Value = TypeVar("Value")

_KINDS = ("sqlite:///", "postgresql+psycopg://")
_BUSY_TIMEOUT_MS = 10_000
# Times that work is done before a lost race counts as an error, and the longest wait before the next time (seconds,
# times the attempt): those who meet again and again are spread out.
_ATTEMPTS = 10
_APART = 0.02
# What PostgreSQL says to the one of two transactions that has to give way: serialization_failure, deadlock_detected.
_GIVE_WAY = {"40001", "40P01"}


class Catalog:
    """The database of one process.

    Args:
        url: an SQLAlchemy URL: ``sqlite:///...`` or ``postgresql+psycopg://...``.
        settings: sizes of the pools.

    Raises:
        BadRequest: another kind of URL.
    """

    def __init__(self, url: str, settings: CatalogSettings) -> None:
        if not url.startswith(_KINDS):
            raise BadRequest(
                "The setting 'database_url' is of no known kind.",
                hint="It reads postgresql+psycopg://USER:PASSWORD@HOST/NAME; without it there is SQLite.",
                code="bad-settings",
            )
        self.url = url
        self._sqlite = url.startswith("sqlite")
        self._file = Path(url.removeprefix(_KINDS[0])) if self._sqlite else None
        self._inode: int | None = None
        self._reader = self._engine(settings.readers, read_only=True)
        # SQLite has one writer at a time: a queue in this process is cheaper than its sleeping busy handler.
        writers = 1 if self._sqlite else settings.readers
        self._writer = self._engine(writers, read_only=False)
        self._read_threads = ThreadPoolExecutor(settings.readers, thread_name_prefix="catalog-read")
        self._write_threads = ThreadPoolExecutor(writers, thread_name_prefix="catalog-write")

    async def read(self, work: Callable[[sa.Connection], Value]) -> Value:
        """Run ``work`` in a read-only transaction. A write inside it is an error of the database.

        Raises: Unavailable: the database cannot be reached or is locked for longer than 10 s.
        """
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self.read_now, work)

    async def write(self, work: Callable[[sa.Connection], Value]) -> Value:
        """Run ``work`` in one transaction that is committed when it returns and undone when it raises.

        On PostgreSQL transactions overlap: work that lost a race is done again from its beginning, and then sees what
        the other one did. So it must do nothing but ask the database.

        Raises: Unavailable: as for ``read``; OutOfSpace: the disk of the database is full.
        """
        return await asyncio.get_running_loop().run_in_executor(self._write_threads, self.write_now, work)

    def read_now(self, work: Callable[[sa.Connection], Value]) -> Value:
        """``read`` for callers without an event loop (commands, threads)."""
        return self._run(self._reader, work)

    def write_now(self, work: Callable[[sa.Connection], Value]) -> Value:
        """``write`` for callers without an event loop."""
        return self._run(self._writer, work)

    def migrate(self) -> None:
        """Bring the tables to this version. Safe to repeat; run by ``serve`` and ``worker`` before anything else.

        Raises: Unavailable: the database cannot be reached, or is none.
        """
        # Imported here: alembic takes 100 ms that web workers and image commands need not spend.
        from alembic import command  # noqa: PLC0415

        def upgrade(connection: sa.Connection) -> None:
            config = _alembic()
            config.attributes["connection"] = connection
            if not self._sqlite:  # another machine may be changing large tables
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            command.upgrade(config, "head")

        self.write_now(upgrade)

    def version(self) -> tuple[str | None, str]:
        """The version of the tables that are there (None: there are none), and the one this program works with.

        Raises: Unavailable: the database cannot be reached.
        """
        from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
        from alembic.script import ScriptDirectory  # noqa: PLC0415

        there = self.read_now(lambda c: MigrationContext.configure(c).get_current_revision())
        return there, str(ScriptDirectory.from_config(_alembic()).get_current_head())

    def close(self) -> None:
        for threads in (self._read_threads, self._write_threads):
            threads.shutdown(wait=True)
        for engine in (self._reader, self._writer):
            engine.dispose()

    def _run(self, engine: sa.Engine, work: Callable[[sa.Connection], Value]) -> Value:
        self._check_file()
        attempt = 1
        while True:
            try:
                with engine.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                if not _lost_a_race(error) or attempt == _ATTEMPTS:
                    raise _public(error) from error
            time.sleep(random.random() * _APART * attempt)  # noqa: S311  # no secret
            attempt += 1

    def _check_file(self) -> None:
        """A file that was put in the place of the database is asked from now on: what would go into the old one, which
        has no name any more, would be lost with the last process that has it open.

        Raises: Unavailable: it was removed. A new one would be empty.
        """
        if self._file is None:
            return
        try:
            inode = self._file.stat().st_ino
        except OSError as error:
            if self._inode is None:  # before the first migration
                return
            raise Unavailable(
                "The database is not there.", hint="Bring its file back, or restore the data folder from a backup."
            ) from error
        if inode != self._inode:
            if self._inode is not None:
                self._reader.dispose()
                self._writer.dispose()
            self._inode = inode

    def _engine(self, size: int, *, read_only: bool) -> sa.Engine:
        if not self._sqlite:
            options = {"postgresql_readonly": True} if read_only else {}
            return sa.create_engine(
                self.url,
                pool_size=size,
                max_overflow=0,
                pool_pre_ping=True,
                execution_options=options,
                connect_args=_patience(sa.make_url(self.url)),
            )
        engine = sa.create_engine(self.url, pool_size=size, max_overflow=0, poolclass=sa.QueuePool)
        # ``BEGIN IMMEDIATE`` for writers: a deferred transaction that reads and then writes fails at once when another
        # process wrote in between, and the busy timeout does not apply to it (measured: 60 % of requests).
        begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

        def on_connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves
            for pragma in (
                f"busy_timeout={_BUSY_TIMEOUT_MS}",
                "journal_mode=WAL",
                "synchronous=NORMAL",
                "foreign_keys=ON",
                "temp_store=MEMORY",
                *(("query_only=ON",) if read_only else ()),
            ):
                connection.execute(f"PRAGMA {pragma}")

        def on_begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql(begin)

        sa.event.listen(engine, "connect", on_connect)
        sa.event.listen(engine, "begin", on_begin)
        return engine


def _patience(url: sa.URL) -> dict[str, Any]:
    """How long PostgreSQL is waited for; it waits for ever by itself. What the URL says counts more."""
    ours = {
        "connect_timeout": _BUSY_TIMEOUT_MS // 1000,
        "tcp_user_timeout": _BUSY_TIMEOUT_MS,  # a network that swallows what is sent
        "options": f"-c lock_timeout={_BUSY_TIMEOUT_MS}",
    }
    return {name: value for name, value in ours.items() if name not in url.query}


def _lost_a_race(error: DBAPIError) -> bool:
    """Whether another transaction took the row first, or a name or a reference that was free a moment ago."""
    return isinstance(error, IntegrityError) or _sqlstate(error) in _GIVE_WAY


def _public(error: DBAPIError) -> RenditorError | DBAPIError:
    """The user's error for one of the database; the error itself where it is a mistake of ours."""
    # SQLite by its name of the error, PostgreSQL by its code (disk_full).
    if "SQLITE_FULL" in str(getattr(error.orig, "sqlite_errorname", "")) or _sqlstate(error) == "53100":
        return OutOfSpace("The disk of the database is full.", hint="Free some space on the disk of the data folder.")
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return Unavailable("The database does not answer.", hint="`renditor doctor` tells why.")
    if type(error) is DatabaseError:  # what SQLite says of a file that is no database, or a damaged one
        return Unavailable(
            "The database is damaged.", hint="Restore the data folder from a backup.", code="damaged-database"
        )
    return error


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _alembic() -> Any:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config

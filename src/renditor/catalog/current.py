"""What delivery needs at every request: assets as they are *now*, without asking again while nothing has changed.

With SQLite every commit, of any process, changes the header of the index of the write-ahead log, which all processes
share in memory (https://sqlite.org/walformat.html#the_wal_index_header): while its bytes are the same, nothing was
committed; else just the one row is read again. So a delete or a change to private counts for the very next request.
PostgreSQL has no such sign: there it is one read for each request, on the thread pool.
"""

from __future__ import annotations

import contextlib
import functools
import json
import mmap
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

import sqlalchemy as sa

from renditor.catalog import pictures
from renditor.catalog.base import Catalog
from renditor.catalog.schema import assets, renditions
from renditor.models import Asset, Rendition, ResourceType

# tenant, kind, public id
Name = tuple[str, ResourceType, str]

_ASSET = [field.name for field in fields(Asset)]
_RENDITION = [field.name for field in fields(Rendition)]
_ASSET_SQL = (
    f"SELECT {', '.join(_ASSET)} FROM assets"  # noqa: S608  # names of our own columns
    " WHERE tenant = ? AND resource_type = ? AND public_id = ?"
)
_PICTURE_SQL = (
    f"SELECT {', '.join(_RENDITION)} FROM renditions"  # noqa: S608  # names of our own columns
    " WHERE asset_id = ? AND kind = 'image' AND name = ?"
)
_COUNT_SQL = "SELECT count(*) FROM renditions WHERE asset_id = ? AND kind = 'image'"
_SELECT = sa.select(*(assets.c[name] for name in _ASSET)).where(
    assets.c.tenant == sa.bindparam("tenant"),
    assets.c.resource_type == sa.bindparam("kind"),
    assets.c.public_id == sa.bindparam("public_id"),
)
# Assets that a process remembers; each takes about 3 KB.
_REMEMBERED = 4096
# Names that lead to nothing, apart from the assets: strangers make them up, and must not push those out.
_MISSING = 4096

# Bytes of the header of a WAL index; a copy of it follows.
_HEADER = 48

ASK: Final = "ask"


@dataclass(slots=True)
class _Seen:
    """``row``: as the database has it; ``state``: of the database, just before the row was read last."""

    row: tuple[Any, ...]
    asset: Asset
    state: bytes


class Current:
    """The assets and pictures of one process' requests. To be used from one thread only: that of the event loop.

    SQLite is asked right there: a row that is found by an index takes less time than a thread needs to wake up.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._seen: OrderedDict[Name, _Seen] = OrderedDict()
        self._missing: OrderedDict[Name, bytes] = OrderedDict()  # to the state in which there was no such row
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None
        self._log: mmap.mmap | bytes = b""
        self._file = catalog.url.removeprefix("sqlite:///") if catalog.url.startswith("sqlite:///") else None
        self._inode = 0

    def peek(self, name: Name) -> Asset | Literal["ask"] | None:
        """The asset as of now, answered at once; ``ASK`` where only ``get`` can tell.

        The same object as long as its row is the same.
        """
        cursor = self._present()
        if cursor is None:
            return ASK
        try:
            state = self._log[:_HEADER]
            seen = self._seen.get(name)
            if seen is not None and seen.state == state:
                return seen.asset
            # Else the time of the answer would tell a private asset, which is remembered, from none.
            if self._missing.get(name) == state:
                return None
            # All rows are fetched: a statement that is not at its end would hold the old state of the database.
            rows = cursor.execute(_ASSET_SQL, name).fetchall()
        except sqlite3.Error:  # it may be locked for a moment, or have trouble that ``get`` explains
            return ASK
        return self._take(name, rows[0] if rows else None, state, as_text=True)

    async def get(self, name: Name) -> Asset | None:
        """The asset as of now. Raises: Unavailable."""
        found = self.peek(name)
        if found != ASK:
            return found
        values = dict(zip(("tenant", "kind", "public_id"), name, strict=True))
        row = await self._catalog.read(lambda c: c.execute(_SELECT, values).one_or_none())
        return self._take(name, None if row is None else tuple(row), b"")

    async def picture(self, asset_id: str, name: str) -> Rendition | None:
        """The stored picture of that name, whatever it was made from: compare its ``digest``. Raises: Unavailable."""
        rows = self._ask(_PICTURE_SQL, (asset_id, name))
        if rows is None:
            return await self._catalog.read(lambda c: pictures.find(c, asset_id, name))
        return Rendition(*_from_text(renditions, _RENDITION, rows[0])) if rows else None

    async def count(self, asset_id: str) -> int:
        """How many stored pictures the asset has. Raises: Unavailable."""
        rows = self._ask(_COUNT_SQL, (asset_id,))
        if rows is None:
            return await self._catalog.read(lambda c: pictures.count(c, asset_id))
        return int(rows[0][0])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._cursor = None

    def _take(self, name: Name, row: tuple[Any, ...] | None, state: bytes, *, as_text: bool = False) -> Asset | None:
        if row is None:
            self._seen.pop(name, None)
            if state:
                self._missing[name] = state
                self._missing.move_to_end(name)
                if len(self._missing) > _MISSING:
                    self._missing.popitem(last=False)
            return None
        self._missing.pop(name, None)
        seen = self._seen.get(name)
        if seen is None or seen.row != row:
            values = dict(zip(_ASSET, _from_text(assets, _ASSET, row) if as_text else row, strict=True))
            asset = Asset(**values | {"tags": tuple(values["tags"])})
            seen = self._seen[name] = _Seen(row, asset, state)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        seen.state = state
        self._seen.move_to_end(name)
        return seen.asset

    def _ask(self, question: str, values: tuple[str, ...]) -> list[tuple[Any, ...]] | None:
        """None: it must be asked in another way."""
        cursor = self._present()
        if cursor is None:
            return None
        try:
            return cursor.execute(question, values).fetchall()
        except sqlite3.Error:
            return None

    def _present(self) -> sqlite3.Cursor | None:
        """The database under its name. One that was put back from a backup is another file: what was seen is old then.

        None: it must be asked in another way, which also tells what is wrong.
        """
        if self._file is None:
            return None
        try:
            inode = os.stat(self._file).st_ino  # noqa: PTH116  # at every request: half the time of a Path
        except OSError:
            return None
        if inode != self._inode:
            self.close()
            self._seen.clear()
            self._missing.clear()
            self._inode = inode
        return self._cursor or self._open(self._file)

    def _open(self, path: str) -> sqlite3.Cursor | None:
        with contextlib.suppress(sqlite3.Error, OSError):
            # No time-out: the event loop must not wait for a lock, ``get`` can.
            connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA query_only=ON")
            connection.execute(_COUNT_SQL, ("",)).fetchall()  # the index of the log is there from now on
            self._log = _index_of_log(f"{path}-shm")
            self._connection, self._cursor = connection, connection.cursor()
        return self._cursor


@functools.cache
def _mapped(path: str, _inode: int) -> mmap.mmap:
    """Mapped once, and never closed: closing any descriptor of a file drops the locks of SQLite on it (fcntl(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return mmap.mmap(descriptor, _HEADER, mmap.MAP_SHARED, mmap.PROT_READ)


def _index_of_log(path: str) -> mmap.mmap:
    """The beginning of the index of a write-ahead log, as it is at every moment.

    It stays in place as long as a connection of this process is open. Raises: OSError: there is no log.
    """
    return _mapped(path, Path(path).stat().st_ino)


def _from_text(table: sa.Table, names: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row as SQLite keeps it, with the values of Python that SQLAlchemy would make of them."""
    return tuple(
        _READ[type(table.c[name].type)](value) if value is not None and type(table.c[name].type) in _READ else value
        for name, value in zip(names, row, strict=True)
    )


_READ: dict[type, Callable[[Any], Any]] = {sa.JSON: json.loads, sa.Boolean: bool}

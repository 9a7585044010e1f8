"""Assets as they are *now*, without asking again while nothing has changed: what delivery needs at every request.

SQLite tells in a few microseconds whether anybody, in any process, has committed since the last question (``PRAGMA
data_version``, https://sqlite.org/pragma.html#pragma_data_version); if so, just the one row is read again. So a delete
or a change to private counts for the very next request. PostgreSQL has no such sign: there it is one read for each
request, on the thread pool.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import sqlalchemy as sa

from renditor.catalog.base import Catalog
from renditor.catalog.schema import assets
from renditor.models import Asset, ResourceType

# tenant, kind, public id
Name = tuple[str, ResourceType, str]

_FIELDS = [field.name for field in fields(Asset)]
_JSON = [place for place, name in enumerate(_FIELDS) if isinstance(assets.c[name].type, sa.JSON)]
_TAGS = _FIELDS.index("tags")
_SELECT = sa.select(*(assets.c[name] for name in _FIELDS)).where(
    assets.c.tenant == sa.bindparam("tenant"),
    assets.c.resource_type == sa.bindparam("kind"),
    assets.c.public_id == sa.bindparam("public_id"),
)
_SQL = (
    f"SELECT {', '.join(_FIELDS)} FROM assets"  # noqa: S608  # names of our own columns
    " WHERE tenant = ? AND resource_type = ? AND public_id = ?"
)
# Assets that a process remembers; each takes about 3 KB.
_REMEMBERED = 4096

ASK: Final = "ask"


@dataclass(slots=True)
class _Seen:
    """``row``: as the database has it; ``version``: its state in which the row was read last."""

    row: tuple[Any, ...]
    asset: Asset
    version: int


class CurrentAssets:
    """The assets of one process' requests. ``peek`` from one thread only: that of the event loop."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._seen: OrderedDict[Name, _Seen] = OrderedDict()
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None

    def peek(self, name: Name) -> Asset | Literal["ask"] | None:
        """The asset as of now, answered at once; ``ASK`` where only ``get`` can tell.

        The same object as long as its row is the same.
        """
        cursor = self._cursor or self._open()
        if cursor is None:
            return ASK
        try:
            # All rows are fetched: a statement that is not at its end would hold the old state of the database.
            version = cursor.execute("PRAGMA data_version").fetchall()[0][0]
            seen = self._seen.get(name)
            if seen is not None and seen.version == version:
                return seen.asset
            rows = cursor.execute(_SQL, name).fetchall()
        except sqlite3.Error:  # it may be locked for a moment, or have trouble that ``get`` explains
            return ASK
        return self._take(name, rows[0] if rows else None, version, from_text=True)

    async def get(self, name: Name) -> Asset | None:
        """The asset as of now. Raises: Unavailable."""
        found = self.peek(name)
        if found != ASK:
            return found
        values = dict(zip(("tenant", "kind", "public_id"), name, strict=True))
        row = await self._catalog.read(lambda c: c.execute(_SELECT, values).one_or_none())
        return self._take(name, None if row is None else tuple(row), -1, from_text=False)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._cursor = None

    def _take(self, name: Name, row: tuple[Any, ...] | None, version: int, *, from_text: bool) -> Asset | None:
        if row is None:
            self._seen.pop(name, None)
            return None
        seen = self._seen.get(name)
        if seen is None or seen.row != row:
            seen = self._seen[name] = _Seen(row, _asset(row, from_text=from_text), version)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        seen.version = version
        self._seen.move_to_end(name)
        return seen.asset

    def _open(self) -> sqlite3.Cursor | None:
        if not self._catalog.url.startswith("sqlite:///"):
            return None
        path = self._catalog.url.removeprefix("sqlite:///")
        with contextlib.suppress(sqlite3.Error):
            # No time-out: the event loop must not wait for a lock, ``get`` can.
            connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA query_only=ON")
            self._connection, self._cursor = connection, connection.cursor()
        return self._cursor


def _asset(row: tuple[Any, ...], *, from_text: bool) -> Asset:
    values = list(row)
    if from_text:
        for place in _JSON:
            values[place] = None if values[place] is None else json.loads(values[place])
    values[_TAGS] = tuple(values[_TAGS])
    return Asset(*values)

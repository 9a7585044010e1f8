"""Counters of rates: the generic cell rate algorithm (GCRA) as one statement, exact across processes and machines.

With SQLite they have a file of their own, ``limits.sqlite``: a request never waits behind an upload that the catalog
is busy with. It is asked on the event loop: 10 us, where a thread would cost 170 us. Losing it forgives what was
counted, so nothing is ever flushed to the disk for it. With PostgreSQL they are a table of the catalog.

A row is a moment: when all that was taken will have come back. One that lies behind says nothing, and is swept.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import sqlalchemy as sa

from renditor.catalog.base import Catalog
from renditor.errors import OutOfSpace, RenditorError, Unavailable

# Others write for microseconds; who waits here holds up all requests of the process.
_BUSY_TIMEOUT_MS: Final = 50
_TABLE: Final = "CREATE TABLE IF NOT EXISTS rate_limits (key TEXT PRIMARY KEY, tat REAL NOT NULL) WITHOUT ROWID"
# A moment that no request can have brought about, but a clock that went back since: it would lock out whoever it
# belongs to until the clock is there again. Clocks of machines that share a database differ by less. Seconds.
_CLOCKS_DIFFER: Final = 60.0
# A refusal writes nothing: a flood costs no disk. Dialects differ in the name of the greatest of two; CASE does not.
_TAKE: Final = """
INSERT INTO rate_limits (key, tat) VALUES (:key, :now + :cost)
ON CONFLICT (key) DO UPDATE
SET tat = CASE WHEN rate_limits.tat BETWEEN :now AND :latest THEN rate_limits.tat ELSE :now END + :cost
WHERE CASE WHEN rate_limits.tat BETWEEN :now AND :latest THEN rate_limits.tat ELSE :now END + :cost <= :now + :burst
RETURNING tat
"""
_LOOK: Final = "SELECT tat FROM rate_limits WHERE key = :key AND tat BETWEEN :now AND :latest"
_SWEEP: Final = "DELETE FROM rate_limits WHERE tat < :now OR tat > :latest"
# Longest period of a rate (a day), and what clocks may differ by. Seconds.
_LONGEST: Final = 86_400 + _CLOCKS_DIFFER
# Halves of a counter that would not be exact in binary: what is left is rounded with this much grace. Requests.
_ROUNDING: Final = 1e-6


class Rate(Protocol):
    """``count`` requests in ``period`` seconds, each of which costs ``increment`` of them."""

    @property
    def count(self) -> int: ...

    @property
    def period(self) -> int: ...

    @property
    def increment(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a counter stands.

    ``remaining``: requests that would be admitted now; ``reset``: seconds until all of them are; ``wait``: seconds
    until one is.
    """

    admitted: bool
    remaining: int
    reset: float
    wait: float


class RateLimits:
    """The counters that all processes share. ``file``: for SQLite; None: they are in the catalog's database."""

    def __init__(self, catalog: Catalog, file: Path | None) -> None:
        self._catalog = catalog
        self._file = file
        self._connection: sqlite3.Connection | None = None

    async def take(self, who: str, rate: Rate, now: float | None = None) -> Standing:
        """Count one request of ``who``, if there is one left. ``now``: seconds since 1970.

        Raises: Unavailable, OutOfSpace: it cannot be counted.
        """
        asked = _asked(who, rate, time.time() if now is None else now)
        rows = await self._execute(_TAKE, asked)
        if rows:
            return _standing(rows[0][0], rate, asked["now"], admitted=True)
        return await self._look(asked, rate)

    async def look(self, who: str, rate: Rate, now: float | None = None) -> Standing:
        """Where the counter of ``who`` stands; nothing is counted. Raises: as ``take``."""
        return await self._look(_asked(who, rate, time.time() if now is None else now), rate)

    async def sweep(self) -> None:
        """Forget rows that say nothing any more: attackers have many addresses."""
        now = time.time()
        await self._execute(_SWEEP, {"now": now, "latest": now + _LONGEST})

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _look(self, asked: dict[str, Any], rate: Rate) -> Standing:
        rows = await self._execute(_LOOK, asked)
        return _standing(rows[0][0] if rows else asked["now"], rate, asked["now"], admitted=False)

    async def _execute(self, statement: str, values: dict[str, Any]) -> list[Any]:
        if self._file is None:
            return await self._catalog.write(lambda c: _rows(c.execute(sa.text(statement), values)))
        try:
            if self._connection is None:
                self._connection = _open(self._file)
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self.close()  # a file that was put in its place, or is whole again, is opened anew
            raise _public(error) from error


def _open(file: Path) -> sqlite3.Connection:
    # Of one event loop at a time; tests have several.
    connection = sqlite3.connect(file, timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(_TABLE)
    return connection


def _public(error: sqlite3.Error) -> RenditorError:
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        return OutOfSpace("The disk of the counters is full.", hint="Free some space on the disk of the data folder.")
    # It holds nothing that anybody would miss.
    hint = "If it stays so, stop the server and delete limits.sqlite in the data folder: it is made anew."
    return Unavailable("Requests cannot be counted.", hint=hint)


def _rows(result: sa.CursorResult[Any]) -> list[Any]:
    return list(result) if result.returns_rows else []


def _asked(who: str, rate: Rate, now: float) -> dict[str, Any]:
    """Each rate counts for itself: the moments of a rate by the hour mean nothing to one by the second.

    Names of owners are long, and addresses are nobody's business: neither is kept.
    """
    key = hashlib.blake2b(f"{who}\x1f{rate.count}/{rate.period}".encode(), digest_size=16).hexdigest()
    latest = now + rate.period + _CLOCKS_DIFFER
    return {"key": key, "now": now, "cost": rate.increment, "burst": float(rate.period), "latest": latest}


def _standing(tat: float, rate: Rate, now: float, *, admitted: bool) -> Standing:
    ahead = max(0.0, tat - now)
    remaining = int((rate.period - ahead) / rate.increment + _ROUNDING)
    wait = max(0.0, ahead + rate.increment - rate.period)
    return Standing(admitted, max(0, min(remaining, rate.count)), ahead, wait)

"""Objects that storage should lose, and when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from renditor.catalog.schema import renditions, trash
from renditor.models import now_ms

# How long a job that was stopped may go on storing until it notices; ms. What it stored is left alone for so long:
# objects that come after their folder was emptied would stay for ever.
GRACE_MS = 60_000
# How long an object may be stored without being known before it counts as left behind by a crash; a day, as no upload
# to any store takes that long.
_INTENT_MS = 24 * 3600 * 1000
# The same for what a job stores: its end, whatever it is, decides about it long before.
_JOB_INTENT_MS = 14 * _INTENT_MS


def throw(
    connection: sa.Connection, keys: Iterable[str], *, not_before: int | None = None, job_id: str | None = None
) -> None:
    """Mark objects (or folders: ``.../``) for removal, now or from ``not_before`` (ms since 1970) on."""
    rows = [{"key": key, "not_before": not_before or now_ms(), "job_id": job_id} for key in keys]
    if not rows:
        return
    dialect_insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = dialect_insert(trash)
    fresh = {"not_before": statement.excluded.not_before, "job_id": statement.excluded.job_id}
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=fresh), rows)


def intend(connection: sa.Connection, keys: Iterable[str], *, job_id: str | None = None) -> None:
    """Mark objects that are about to be stored: if nobody makes them known within a day, a crash left them behind.

    Those of a job stay marked until it ends, also when they are shown before: their fate hangs on its own.
    """
    throw(connection, keys, not_before=now_ms() + (_JOB_INTENT_MS if job_id else _INTENT_MS), job_id=job_id)


def take_back(connection: sa.Connection, keys: Iterable[str]) -> int:
    """The objects are known now: they stay. Returns how many were still marked: the others may be gone already."""
    return connection.execute(trash.delete().where(trash.c.key.in_(list(keys)))).rowcount


def expire_job(connection: sa.Connection, job_id: str, *, grace: int = 0) -> None:
    """What an attempt of this job stored without making it known for good may go, now or in ``grace`` ms.

    Of it what was shown already (a first playable quality) is known no more from now on.
    """
    marked_keys = sa.select(trash.c.key).where(trash.c.job_id == job_id)
    connection.execute(renditions.delete().where(renditions.c.key.in_(marked_keys)))
    statement = trash.update().where(trash.c.job_id == job_id)
    connection.execute(statement.values(not_before=now_ms() + grace))


def due(connection: sa.Connection, limit: int = 100) -> list[str]:
    query = sa.select(trash.c.key).where(trash.c.not_before <= now_ms()).order_by(trash.c.not_before).limit(limit)
    return list(connection.scalars(query))


def count_due(connection: sa.Connection) -> int:
    """How many objects (or folders) should be gone by now."""
    query = sa.select(sa.func.count()).select_from(trash).where(trash.c.not_before <= now_ms())
    return connection.scalar(query) or 0


def forget(connection: sa.Connection, key: str) -> None:
    """The object is gone from storage."""
    connection.execute(trash.delete().where(trash.c.key == key, trash.c.not_before <= now_ms()))


def marked(connection: sa.Connection, keys: list[str]) -> set[str]:
    """Those of these objects that are marked already, for now or later."""
    return set(connection.scalars(sa.select(trash.c.key).where(trash.c.key.in_(keys))))

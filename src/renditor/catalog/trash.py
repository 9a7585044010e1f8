"""Objects that storage should lose, and when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from renditor.catalog.schema import trash
from renditor.models import now_ms


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


def take_back(connection: sa.Connection, keys: Iterable[str]) -> None:
    """The objects are known now: they stay."""
    connection.execute(trash.delete().where(trash.c.key.in_(list(keys))))


def expire_job(connection: sa.Connection, job_id: str) -> None:
    """What an earlier, dead attempt of this job stored may go now."""
    connection.execute(trash.update().where(trash.c.job_id == job_id).values(not_before=now_ms()))


def due(connection: sa.Connection, limit: int = 100) -> list[str]:
    query = sa.select(trash.c.key).where(trash.c.not_before <= now_ms()).order_by(trash.c.not_before).limit(limit)
    return list(connection.scalars(query))


def forget(connection: sa.Connection, key: str) -> None:
    """The object is gone from storage."""
    connection.execute(trash.delete().where(trash.c.key == key, trash.c.not_before <= now_ms()))

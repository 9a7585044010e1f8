"""Questions about resumable uploads. Everything an owner asks is scoped by tenant, owner and upload token."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from renditor.catalog.schema import uploads
from renditor.errors import NotFound
from renditor.models import Principal, is_id

Row = dict[str, Any]


def insert(connection: sa.Connection, values: Row) -> None:
    connection.execute(uploads.insert().values(**values))


def owned(connection: sa.Connection, principal: Principal, upload_id: str) -> Row:
    """Raises: NotFound: unknown, foreign and malformed ids alike."""
    if not is_id(upload_id):
        raise NotFound
    row = connection.execute(sa.select(uploads).where(_mine(principal), uploads.c.id == upload_id)).mappings().first()
    if row is None:
        raise NotFound
    return dict(row)


def count_open(connection: sa.Connection, principal: Principal) -> int:
    """Uploads of the owner that have not ended; whole parts, which fill a disk until they are joined, too."""
    mine = (uploads.c.tenant == principal.tenant) & (uploads.c.owner == principal.owner)
    there = (uploads.c.status == "open") | (uploads.c.concat == "partial")
    query = sa.select(sa.func.count()).select_from(uploads).where(mine, there)
    return connection.scalar(query) or 0


def advance(connection: sa.Connection, upload_id: str, expected: int, values: Row) -> bool:
    """Change an upload that is still at ``expected`` bytes. False: it is not."""
    there = (uploads.c.id == upload_id) & (uploads.c.offset == expected)
    return connection.execute(uploads.update().where(there).values(**values)).rowcount > 0


def finish(connection: sa.Connection, upload_id: str, expires_at: int) -> None:
    """Remember for a while that it became an asset."""
    values = {"status": "done", "expires_at": expires_at}
    connection.execute(uploads.update().where(uploads.c.id == upload_id).values(**values))


def forget(connection: sa.Connection, upload_ids: list[str]) -> None:
    connection.execute(uploads.delete().where(uploads.c.id.in_(upload_ids)))


def forget_expired(connection: sa.Connection, upload_id: str, now: int) -> bool:
    """False: it got another piece meanwhile, or is gone."""
    over = (uploads.c.id == upload_id) & (uploads.c.expires_at <= now)
    return connection.execute(uploads.delete().where(over)).rowcount > 0


def expired(connection: sa.Connection, now: int, most: int) -> list[str]:
    """Ids of those whose time is over."""
    query = sa.select(uploads.c.id).where(uploads.c.expires_at <= now).order_by(uploads.c.expires_at).limit(most)
    return list(connection.scalars(query))


def waiting(connection: sa.Connection, before: int, most: int) -> list[Row]:
    """Those of which all bytes are here since ``before`` (ms since 1970), but which have become nothing yet."""
    whole = (uploads.c.status == "open") & (uploads.c.offset == uploads.c.length)
    query = sa.select(uploads).where(whole, uploads.c.updated_at <= before).order_by(uploads.c.id).limit(most)
    return [dict(row) for row in connection.execute(query).mappings()]


def known(connection: sa.Connection, upload_ids: list[str]) -> set[str]:
    """Those of these ids that there are."""
    return set(connection.scalars(sa.select(uploads.c.id).where(uploads.c.id.in_(upload_ids))))


def _mine(principal: Principal) -> sa.ColumnElement[bool]:
    mine = (uploads.c.tenant == principal.tenant) & (uploads.c.owner == principal.owner)
    if principal.allowance is not None:
        mine &= uploads.c.token_id == principal.allowance.token_id
    return mine

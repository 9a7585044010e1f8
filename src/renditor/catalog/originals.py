"""Questions about stored originals: which were read back and when, and which are damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from renditor.catalog import trash
from renditor.catalog.schema import assets, originals

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes of an upload as they should be in storage."""

    key: str
    tenant: str
    sha256: str
    bytes: int


def to_verify(connection: sa.Connection, before: int) -> Original | None:
    """The one that was read back longest ago, before a moment (ms since 1970), or never. Damaged ones are known."""
    due = originals.c.verified_at.is_(None) | (originals.c.verified_at < before)
    oldest = originals.c.verified_at.asc().nulls_first()
    query = sa.select(originals).where(due, originals.c.corrupt_at.is_(None)).order_by(oldest).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _original(row)


def following(connection: sa.Connection, key: str) -> list[Original]:
    """The next ones behind a key, in the order of keys."""
    query = sa.select(originals).where(originals.c.key > key).order_by(originals.c.key).limit(_AT_ONCE)
    return [_original(row) for row in connection.execute(query)]


def verified(connection: sa.Connection, key: str, at: int) -> bool:
    """It is whole. True: it was damaged before, and has been restored."""
    restored = damaged(connection, key) is not None
    connection.execute(originals.update().where(originals.c.key == key).values(verified_at=at, corrupt_at=None))
    if restored:
        connection.execute(assets.update().where(assets.c.original_key == key).values(corrupt_at=None))
    return restored


def corrupt(connection: sa.Connection, key: str, at: int) -> list[str] | None:
    """Nothing is made from these bytes any more. Returns: the ids of their assets; None: gone, or known already."""
    which = (originals.c.key == key) & originals.c.corrupt_at.is_(None)
    if connection.execute(originals.update().where(which).values(corrupt_at=at, verified_at=at)).rowcount == 0:
        return None
    changed = assets.update().where(assets.c.original_key == key).values(corrupt_at=at).returning(assets.c.id)
    return list(connection.scalars(changed))


def damaged(connection: sa.Connection, key: str) -> list[str] | None:
    """The ids of the assets of an original that is known to be damaged; None: it is not, or is gone."""
    found = (originals.c.key == key) & originals.c.corrupt_at.is_not(None)
    if connection.scalar(sa.select(originals.c.key).where(found)) is None:
        return None
    return list(connection.scalars(sa.select(assets.c.id).where(assets.c.original_key == key)))


def heal(connection: sa.Connection, tenant: str, sha256: str, key: str) -> bool:
    """Let the object ``key`` take the place of a damaged one with the same digest. False: there is none."""
    mine = (originals.c.tenant == tenant) & (originals.c.sha256 == sha256) & originals.c.corrupt_at.is_not(None)
    old = connection.execute(sa.select(originals).where(mine)).one_or_none()
    if old is None:
        return False
    # Two rows cannot have the same digest, and assets cannot be without a row: it gives up its digest first.
    connection.execute(originals.update().where(originals.c.key == old.key).values(sha256=old.key))
    connection.execute(originals.insert().values(key=key, tenant=tenant, sha256=sha256, bytes=old.bytes))
    sharing = assets.c.original_key == old.key
    connection.execute(assets.update().where(sharing).values(original_key=key, corrupt_at=None))
    connection.execute(originals.delete().where(originals.c.key == old.key))
    trash.throw(connection, [old.key])
    return True


def _original(row: sa.Row[Any]) -> Original:
    return Original(row.key, row.tenant, row.sha256, row.bytes)

"""Requests that may be sent again. A key is claimed with the id that the asset is going to have: whether that asset is
there says whether the first request is done, also where its server was killed."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from renditor.catalog.schema import idempotency
from renditor.models import Principal


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a key. ``mine``: this request has it; else another one had, or has. ``seen_at``: when that one
    gave its last sign of life, ms since 1970."""

    fingerprint: str
    asset_id: str
    seen_at: int
    mine: bool


def claim(connection: sa.Connection, principal: Principal, key: str, new: Claim) -> Claim:
    """Take a key that is free; else what the one who has it said."""
    row = connection.execute(sa.select(idempotency).where(_of(principal, key))).mappings().one_or_none()
    if row is not None:
        return Claim(row["fingerprint"], row["asset_id"], row["created_at"], mine=False)
    values = {"fingerprint": new.fingerprint, "asset_id": new.asset_id, "created_at": new.seen_at}
    owner = {"tenant": principal.tenant, "owner": principal.owner, "key": key}
    connection.execute(idempotency.insert().values(**owner, **values))
    return new


def take_over(connection: sa.Connection, principal: Principal, key: str, old: Claim, now: int) -> bool:
    """Take a key from a request that gives no sign of life. False: somebody else was faster, or it does."""
    same = _of(principal, key) & (idempotency.c.asset_id == old.asset_id) & (idempotency.c.created_at == old.seen_at)
    return connection.execute(idempotency.update().where(same).values(created_at=now)).rowcount > 0


def keep(connection: sa.Connection, principal: Principal, key: str, asset_id: str, now: int) -> None:
    """A sign of life."""
    mine = _of(principal, key) & (idempotency.c.asset_id == asset_id)
    connection.execute(idempotency.update().where(mine).values(created_at=now))


def free(connection: sa.Connection, principal: Principal, key: str, asset_id: str) -> None:
    """Give a key back."""
    connection.execute(idempotency.delete().where(_of(principal, key) & (idempotency.c.asset_id == asset_id)))


def sweep(connection: sa.Connection, before: int) -> int:
    """Forget keys without a sign of life since ``before`` (ms since 1970). Returns how many."""
    return connection.execute(idempotency.delete().where(idempotency.c.created_at < before)).rowcount


def _of(principal: Principal, key: str) -> sa.ColumnElement[bool]:
    return (
        (idempotency.c.tenant == principal.tenant)
        & (idempotency.c.owner == principal.owner)
        & (idempotency.c.key == key)
    )

"""Questions about API keys, and the rate limit statement."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from renditor.catalog.schema import api_keys, rate_limits
from renditor.models import ApiKey


def insert(connection: sa.Connection, key: ApiKey, secret_hash: str) -> None:
    connection.execute(
        api_keys.insert().values(
            id=key.id,
            name=key.name,
            tenant=key.tenant,
            owner=key.owner,
            scopes=",".join(sorted(key.scopes)),
            secret_hash=secret_hash,
            uploads=key.uploads,
            created_at=key.created_at,
            revoked_at=key.revoked_at,
            expires_at=key.expires_at,
        )
    )


def get(connection: sa.Connection, key_id: str) -> tuple[ApiKey, str] | None:
    """The key and the hash of its secret."""
    row = connection.execute(sa.select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
    return (_key(row), row.secret_hash) if row else None


def all_keys(connection: sa.Connection) -> list[ApiKey]:
    return [_key(row) for row in connection.execute(sa.select(api_keys).order_by(api_keys.c.created_at))]


def has_tenant(connection: sa.Connection, tenant: str) -> bool:
    """Whether any key, revoked ones too, is of this tenant."""
    return connection.scalar(sa.select(api_keys.c.id).where(api_keys.c.tenant == tenant).limit(1)) is not None


def revoke(connection: sa.Connection, key_id: str, at: int) -> bool:
    """False when there is no such key or it is revoked already."""
    unrevoked = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
    return connection.execute(api_keys.update().where(unrevoked).values(revoked_at=at)).rowcount > 0


def take_token(connection: sa.Connection, key: str, now: float, increment: float, burst: float) -> bool:
    """One request of the generic cell rate algorithm; False means: over the limit.

    ``increment`` is the time one request costs (period / count, s), ``burst`` how far ahead of time the principal may
    be (the period, s). One statement, so that it is exact across processes and machines.
    """
    later = sa.func.max if connection.dialect.name == "sqlite" else sa.func.greatest
    dialect_insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    ahead = later(rate_limits.c.tat, now) + increment
    statement = (
        dialect_insert(rate_limits)
        .values(key=key, tat=now + increment)
        .on_conflict_do_update(index_elements=["key"], set_={"tat": ahead}, where=ahead - now <= burst)
        .returning(rate_limits.c.tat)
    )
    return connection.execute(statement).first() is not None


def wait_for_token(connection: sa.Connection, key: str, now: float, increment: float, burst: float) -> float:
    """Seconds until ``take_token`` would succeed."""
    tat = connection.scalar(sa.select(rate_limits.c.tat).where(rate_limits.c.key == key))
    return max(0.0, (tat or now) + increment - now - burst)


def _key(row: sa.Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        tenant=row.tenant,
        owner=row.owner,
        scopes=frozenset(row.scopes.split(",")),
        created_at=row.created_at,
        uploads=row.uploads,
        revoked_at=row.revoked_at,
        expires_at=row.expires_at,
    )

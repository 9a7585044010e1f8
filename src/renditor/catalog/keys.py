"""Questions about API keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from renditor.catalog.schema import api_keys
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

"""Questions about upload tokens. What a token is, is the caller's business: here are its columns."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from renditor.catalog.schema import upload_tokens


def insert(connection: sa.Connection, values: dict[str, Any], secret_hash: str) -> None:
    """``values``: the columns but the hash; ``media_types`` as text separated by commas."""
    connection.execute(upload_tokens.insert().values(**values, secret_hash=secret_hash))


def get(connection: sa.Connection, token_id: str) -> dict[str, Any] | None:
    """All columns."""
    row = connection.execute(sa.select(upload_tokens).where(upload_tokens.c.id == token_id)).mappings().one_or_none()
    return None if row is None else dict(row)


def spend(connection: sa.Connection, token_id: str) -> bool:
    """Take one upload off a token. False: none is left. One statement: exact, however many ask at once."""
    left = (upload_tokens.c.id == token_id) & (upload_tokens.c.uploads_left > 0)
    statement = upload_tokens.update().where(left).values(uploads_left=upload_tokens.c.uploads_left - 1)
    return connection.execute(statement).rowcount > 0


def revoke(connection: sa.Connection, tenant: str, owner: str, token_id: str, at: int) -> bool:
    """False: the owner has no such token, or it is revoked already."""
    mine = (upload_tokens.c.tenant == tenant) & (upload_tokens.c.owner == owner) & (upload_tokens.c.id == token_id)
    active = mine & upload_tokens.c.revoked_at.is_(None)
    return connection.execute(upload_tokens.update().where(active).values(revoked_at=at)).rowcount > 0


def sweep(connection: sa.Connection, before: int) -> int:
    """Forget tokens that expired before (ms since 1970). Returns how many."""
    return connection.execute(upload_tokens.delete().where(upload_tokens.c.expires_at < before)).rowcount

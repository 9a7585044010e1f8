"""Questions about the server's own secrets. What is stored is sealed: the catalog never sees one in the clear."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from renditor.catalog.schema import secrets

# id of the secret, its sealed form, when it was made (ms)
Sealed = tuple[str, bytes, int]


def lock(connection: sa.Connection) -> None:
    """Let nobody else write secrets until this transaction ends: two that start at once make one set of them.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE secrets IN SHARE ROW EXCLUSIVE MODE"))


def everything(connection: sa.Connection) -> list[dict[str, Any]]:
    """All secrets that there ever were, newest first: id, purpose, sealed, created_at, retired_at."""
    ordered = sa.select(secrets).order_by(secrets.c.purpose, secrets.c.created_at.desc(), secrets.c.id.desc())
    return [dict(row) for row in connection.execute(ordered).mappings()]


def reseal(connection: sa.Connection, secret_id: str, sealed: bytes) -> None:
    connection.execute(secrets.update().where(secrets.c.id == secret_id).values(sealed=sealed))


def of_purpose(connection: sa.Connection, purpose: str, *, retired: bool = False) -> list[Sealed]:
    """Those that are not retired, or all that there ever were; newest first."""
    query = sa.select(secrets.c.id, secrets.c.sealed, secrets.c.created_at).where(secrets.c.purpose == purpose)
    if not retired:
        query = query.where(secrets.c.retired_at.is_(None))
    ordered = query.order_by(secrets.c.created_at.desc(), secrets.c.id.desc())
    return [(row.id, row.sealed, row.created_at) for row in connection.execute(ordered)]


def insert(connection: sa.Connection, secret_id: str, purpose: str, sealed: bytes, at: int) -> None:
    connection.execute(secrets.insert().values(id=secret_id, purpose=purpose, sealed=sealed, created_at=at))


def retire(connection: sa.Connection, secret_id: str, at: int) -> bool:
    """False when there is no such secret or it is retired already."""
    active = (secrets.c.id == secret_id) & secrets.c.retired_at.is_(None)
    return connection.execute(secrets.update().where(active).values(retired_at=at)).rowcount > 0

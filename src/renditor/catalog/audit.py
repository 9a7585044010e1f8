"""Questions about the audit log. Rows are only added; what they say and how they are bound is the caller's business."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sqlalchemy as sa

from renditor.catalog.schema import audit_checkpoints, audit_log

# tenant, number, entry, previous, mac
Row = tuple[str, int, str, str, str]
# tenant, number, mac, at, signature
Mark = tuple[str, int, str, int, str]

_AT_ONCE = 1000
# PostgreSQL's advisory locks share one space of numbers: this one is the audit log's.
_LOCK_SPACE = 0x61756474


def append(connection: sa.Connection, tenant: str, bind: Callable[[int, str | None], Row]) -> None:
    """Add one entry. ``bind`` gets its number and the MAC of the entry before (None: there is none)."""
    if connection.dialect.name == "postgresql":
        # SQLite has one writer at a time anyway. Held to the end of the transaction.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_SPACE, sa.func.hashtext(tenant))))
    last = newest(connection, tenant)
    row = bind(1, None) if last is None else bind(last[1] + 1, last[4])
    connection.execute(audit_log.insert().values(row))


def newest(connection: sa.Connection, tenant: str) -> Row | None:
    query = sa.select(audit_log).where(audit_log.c.tenant == tenant).order_by(audit_log.c.number.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    return None if found is None else (found.tenant, found.number, found.entry, found.previous, found.mac)


def tenants(connection: sa.Connection) -> list[str]:
    """All that have a chain, or had one when a checkpoint was made."""
    both = sa.union(sa.select(audit_log.c.tenant), sa.select(audit_checkpoints.c.tenant))
    return sorted(connection.scalars(both))


def entries(connection: sa.Connection, tenant: str) -> Iterator[Row]:
    """A whole chain in its order, read in pieces: it may be long."""
    after = 0
    while True:
        query = (
            sa.select(audit_log)
            .where(audit_log.c.tenant == tenant, audit_log.c.number > after)
            .order_by(audit_log.c.number)
            .limit(_AT_ONCE)
        )
        rows = connection.execute(query).all()
        for row in rows:
            yield (row.tenant, row.number, row.entry, row.previous, row.mac)
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1].number


def backwards(connection: sa.Connection, tenant: str) -> Iterator[str]:
    """The entries of a chain, newest first, read in pieces."""
    before: int | None = None
    while True:
        query = sa.select(audit_log.c.number, audit_log.c.entry).where(audit_log.c.tenant == tenant)
        if before is not None:
            query = query.where(audit_log.c.number < before)
        rows = connection.execute(query.order_by(audit_log.c.number.desc()).limit(_AT_ONCE)).all()
        yield from (row.entry for row in rows)
        if len(rows) < _AT_ONCE:
            return
        before = rows[-1].number


def add_checkpoint(connection: sa.Connection, mark: Mark) -> bool:
    """False when there is one at this number already."""
    there = (audit_checkpoints.c.tenant == mark[0]) & (audit_checkpoints.c.number == mark[1])
    if connection.scalar(sa.select(audit_checkpoints.c.number).where(there)) is not None:
        return False
    connection.execute(audit_checkpoints.insert().values(mark))
    return True


def checkpoints(connection: sa.Connection, tenant: str) -> list[Mark]:
    query = sa.select(audit_checkpoints).where(audit_checkpoints.c.tenant == tenant)
    found = connection.execute(query.order_by(audit_checkpoints.c.number))
    return [(row.tenant, row.number, row.mac, row.at, row.signature) for row in found]

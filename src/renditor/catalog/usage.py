"""How much an owner has: a counter of files and bytes for each, kept in the transactions that add and remove assets.

The row of an owner is also what those line up at who would make it more: on PostgreSQL transactions overlap, and twenty
uploads at once would each see room for one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from renditor.catalog.schema import assets, jobs, uploads, usage


@dataclass(frozen=True, slots=True)
class Usage:
    """What an owner has, and what is promised to it: ``open_bytes`` and ``open_files`` of uploads that are not done."""

    files: int
    bytes: int
    open_files: int
    open_bytes: int


def change(connection: sa.Connection, tenant: str, owner: str, *, files: int, bytes_: int) -> None:
    """Count assets that come (or go, negative). Others who count for this owner wait until the transaction ends."""
    dialect_insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    more = {"files": usage.c.files + files, "bytes": usage.c.bytes + bytes_}
    statement = dialect_insert(usage).values(tenant=tenant, owner=owner, files=files, bytes=bytes_)
    connection.execute(statement.on_conflict_do_update(index_elements=["tenant", "owner"], set_=more))


def line_up(connection: sa.Connection, tenant: str, owner: str) -> None:
    """Wait until nobody else makes it more, until the transaction ends."""
    change(connection, tenant, owner, files=0, bytes_=0)


def of(connection: sa.Connection, tenant: str, owner: str, made: str | None = None) -> Usage:
    """What an owner has. ``made``: an asset that is counted already: the upload that it was, and its parts, are not.

    An upload made of parts weighs what its parts weigh, and they are counted; parts become no file of their own.
    """
    mine = (usage.c.tenant == tenant) & (usage.c.owner == owner)
    kept = connection.execute(sa.select(usage.c.files, usage.c.bytes).where(mine)).first()
    parts = None if made is None else connection.scalar(sa.select(uploads.c.parts).where(uploads.c.id == made))
    besides = [] if made is None else [made, *(parts or ())]
    theirs = (uploads.c.tenant == tenant) & (uploads.c.owner == owner) & uploads.c.id.not_in(besides)
    there = (uploads.c.status == "open") | (uploads.c.concat == "partial")
    weighs = sa.case((uploads.c.concat == "final", 0), else_=uploads.c.length)
    becomes = sa.case((uploads.c.concat == "partial", 0), else_=1)
    sums = sa.select(sa.func.coalesce(sa.func.sum(becomes), 0), sa.func.coalesce(sa.func.sum(weighs), 0))
    open_files, open_bytes = connection.execute(sums.where(theirs, there)).one()
    files, bytes_ = kept or (0, 0)
    return Usage(files, bytes_, int(open_files), int(open_bytes))


def unfinished_jobs(connection: sa.Connection, tenant: str, owner: str, besides: Collection[str]) -> int:
    """Jobs for assets of the owner that have not ended, but those of the recipes ``besides``."""
    query = sa.select(sa.func.count()).select_from(jobs).join(assets, assets.c.id == jobs.c.asset_id)
    active = jobs.c.status.in_(("queued", "running")) & jobs.c.recipe.not_in(list(besides))
    return connection.scalar(query.where(active, assets.c.tenant == tenant, assets.c.owner == owner)) or 0

"""Questions about stored pictures: found by name, counted, dropped when long unused, swapped for smaller ones.

The key of a stored picture is never used twice: an object in the trash is never the object of a row.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from renditor.catalog import trash
from renditor.catalog.assets import read_rendition
from renditor.catalog.schema import assets, renditions
from renditor.models import Rendition, now_ms

_FIELDS = [field.name for field in fields(Rendition)]
_PICTURES = renditions.c.kind == "image"
_EVICTABLE = sa.and_(_PICTURES, renditions.c.pinned.is_(sa.false()))


@dataclass(frozen=True, slots=True)
class Total:
    """A number of stored pictures, and the sum of their sizes in bytes."""

    count: int = 0
    bytes: int = 0


def find(connection: sa.Connection, asset_id: str, name: str) -> Rendition | None:
    """The stored picture of that name, whatever it was made from: compare its ``digest``."""
    query = sa.select(renditions).where(renditions.c.asset_id == asset_id, _PICTURES, renditions.c.name == name)
    row = connection.execute(query).one_or_none()
    return read_rendition(row) if row else None


def count(connection: sa.Connection, asset_id: str) -> int:
    query = sa.select(sa.func.count()).where(renditions.c.asset_id == asset_id, _PICTURES)
    return connection.scalar(query) or 0


def keep(connection: sa.Connection, item: Rendition, most: int) -> bool:
    """Make a picture known *before* its object is stored, in place of one of the same name that was made otherwise.

    Whoever finds the row and no object yet waits, or makes the picture again; a crash in between leaves no orphan.

    Returns: False: the asset is gone, or has ``most`` pictures already, or another machine was first.
    """
    if _add(connection, item, most):
        return True
    there = find(connection, item.asset_id, item.name)
    if there is None or there.digest == item.digest:
        return False
    drop(connection, there)
    return _add(connection, item, most)


def _add(connection: sa.Connection, item: Rendition, most: int) -> bool:
    """One statement for the usual case."""
    values = {name: getattr(item, name) for name in _FIELDS}
    return connection.execute(_insert(connection.dialect.name), values | {"most": most}).first() is not None


@functools.cache
def _insert(dialect: str) -> Any:
    """Insert a picture if its asset is there and has room. Made once: that takes longer than to carry it out."""
    there = sa.select(sa.func.count()).where(renditions.c.asset_id == sa.bindparam("asset_id"), _PICTURES)
    row = sa.select(*(sa.bindparam(name, type_=renditions.c[name].type) for name in _FIELDS)).where(
        assets.c.id == sa.bindparam("asset_id"), there.scalar_subquery() < sa.bindparam("most")
    )
    made: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return made(renditions).from_select(_FIELDS, row).on_conflict_do_nothing().returning(renditions.c.id)


def pin(connection: sa.Connection, ids: list[str]) -> None:
    """Never evict these pictures."""
    connection.execute(renditions.update().where(renditions.c.id.in_(ids)).values(pinned=True))


def drop_all(connection: sa.Connection, asset_id: str) -> int:
    """Forget all stored pictures of an asset. Returns how many there were."""
    of_asset = sa.and_(renditions.c.asset_id == asset_id, _PICTURES)
    keys = list(connection.scalars(renditions.delete().where(of_asset).returning(renditions.c.key)))
    trash.throw(connection, keys)
    raise_stamp(connection, asset_id)
    return len(keys)


def drop(connection: sa.Connection, item: Rendition) -> None:
    """Forget a picture whose object is lost."""
    connection.execute(renditions.delete().where(renditions.c.id == item.id))
    trash.throw(connection, [item.key])


def raise_stamp(connection: sa.Connection, *asset_ids: str) -> None:
    """Tell all processes that what they hold in memory of these assets' pictures is old."""
    connection.execute(assets.update().where(assets.c.id.in_(asset_ids)).values(stamp=assets.c.stamp + 1))


# -- use and eviction -------------------------------------------------------------------------------------------------


def note_uses(connection: sa.Connection, uses: Mapping[str, int]) -> None:
    """``uses``: how often each rendition (by id) was delivered since this was noted last."""
    statement = (
        renditions.update()
        .where(renditions.c.id == sa.bindparam("which"))
        .values(used_at=now_ms(), hits=renditions.c.hits + sa.bindparam("more"))
    )
    # In one order everywhere: two processes that note the same pictures would wait for each other for ever otherwise.
    connection.execute(statement, [{"which": name, "more": uses[name]} for name in sorted(uses)])


def total(connection: sa.Connection) -> Total:
    """All stored pictures."""
    return _total(connection, _PICTURES)


def evictable(connection: sa.Connection) -> Total:
    """Those that may be dropped to make room: pinned ones may not."""
    return _total(connection, _EVICTABLE)


def _total(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Total:
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(renditions.c.bytes), 0)).where(which)
    return Total(*(int(value) for value in connection.execute(query).one()))


def least_used(connection: sa.Connection, excess: int, limit: int | None) -> list[Rendition]:
    """The pictures to drop first, enough to free ``excess`` bytes; at most ``limit``."""
    query = sa.select(renditions).where(_EVICTABLE).order_by(renditions.c.used_at)
    found: list[Rendition] = []
    for row in connection.execute(query.limit(limit)):
        if excess <= 0:
            break
        found.append(read_rendition(row))
        excess -= found[-1].bytes
    return found


def evict(connection: sa.Connection, items: Iterable[Rendition]) -> Total:
    """Forget these pictures unless they were used in the meantime. Returns what was dropped."""
    dropped, touched = Total(), set()
    for item in items:
        unused = sa.and_(renditions.c.id == item.id, renditions.c.used_at == item.used_at)
        key = connection.scalar(renditions.delete().where(unused).returning(renditions.c.key))
        if key is not None:
            trash.throw(connection, [key])
            dropped = Total(dropped.count + 1, dropped.bytes + item.bytes)
            touched.add(item.asset_id)
    raise_stamp(connection, *touched)  # nobody may name an object that is gone to a proxy
    return dropped


def unknown(connection: sa.Connection, keys: list[str]) -> list[str]:
    """Those of these objects that neither a rendition nor the trash knows."""
    known = set(connection.scalars(sa.select(renditions.c.key).where(renditions.c.key.in_(keys))))
    known |= trash.marked(connection, keys)
    return [key for key in keys if key not in known]


# -- encoding again ---------------------------------------------------------------------------------------------------


def hot(
    connection: sa.Connection, hits: int, content_types: Iterable[str], asset_id: str | None, limit: int
) -> list[Rendition]:
    """Pictures (of one asset) delivered ``hits`` times that were never encoded with more effort; most used first."""
    query = (
        sa.select(renditions)
        .where(_PICTURES, renditions.c.squeezed.is_(sa.false()), renditions.c.hits >= hits)
        .where(renditions.c.content_type.in_(list(content_types)))
        .order_by(renditions.c.hits.desc())
        .limit(limit)
    )
    if asset_id is not None:
        query = query.where(renditions.c.asset_id == asset_id)
    return [read_rendition(row) for row in connection.execute(query)]


def leave_as_it_is(connection: sa.Connection, rendition_id: str) -> None:
    """More effort does not pay for this one: it is not tried again."""
    connection.execute(renditions.update().where(renditions.c.id == rendition_id).values(squeezed=True))


def swap(connection: sa.Connection, old: Rendition, key: str, size: int) -> bool:
    """Put the smaller object ``key`` of ``size`` bytes in the place of the old one. False: that one is gone by now."""
    unchanged = sa.and_(renditions.c.id == old.id, renditions.c.key == old.key)
    values: dict[str, Any] = {"key": key, "bytes": size, "squeezed": True}
    if not connection.execute(renditions.update().where(unchanged).values(**values)).rowcount:
        trash.throw(connection, [key])
        return False
    trash.take_back(connection, [key])
    trash.throw(connection, [old.key])
    raise_stamp(connection, old.asset_id)
    return True

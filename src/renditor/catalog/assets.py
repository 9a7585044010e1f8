"""Questions about assets, originals and renditions. Everything an owner asks is scoped by tenant and owner."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from renditor.catalog import originals as stored_originals
from renditor.catalog import trash, usage
from renditor.catalog.schema import assets, idempotency, jobs, originals, renditions
from renditor.errors import Conflict, NotFound
from renditor.models import Asset, Job, MediaType, Principal, Rendition, ResourceType, is_id

# What recipes made of an asset: kind -> name -> id of the rendition.
Made = Mapping[str, Mapping[str, str]]

_ASSET_FIELDS = [field.name for field in fields(Asset)]
_RENDITION_FIELDS = [field.name for field in fields(Rendition)]


def resource_type(media_type: MediaType) -> ResourceType:
    """The kind of delivery path: audio is delivered below ``/video/`` (the delivery grammar's rule)."""
    return "image" if media_type == "image" else "video"


# -- for owners -------------------------------------------------------------------------------------------------------


def owned(connection: sa.Connection, principal: Principal, asset_id: str) -> Asset:
    """Raises: NotFound: unknown, foreign and malformed ids alike."""
    if not is_id(asset_id):
        raise NotFound
    row = connection.execute(sa.select(assets).where(_mine(principal), assets.c.id == asset_id)).one_or_none()
    if row is None:
        raise NotFound
    return _asset(row)


def get(connection: sa.Connection, asset_id: str) -> Asset:
    """For work that the owner has asked for already. Raises: NotFound."""
    row = connection.execute(sa.select(assets).where(assets.c.id == asset_id)).one_or_none()
    if row is None:
        raise NotFound
    return _asset(row)


def several(connection: sa.Connection, asset_ids: Collection[str]) -> list[Asset]:
    """Those of these assets that are there; for whoever knows that they may be seen."""
    return [_asset(row) for row in connection.execute(sa.select(assets).where(assets.c.id.in_(list(asset_ids))))]


def page(
    connection: sa.Connection, principal: Principal, filters: dict[str, str], cursor: str | None, limit: int
) -> tuple[list[Asset], str | None]:
    """The newest assets first, and the cursor of the next page (None at the end).

    ``filters``: any of ``media_type``, ``status``, ``tag``.
    """
    query = sa.select(assets).where(_mine(principal)).order_by(assets.c.id.desc()).limit(limit + 1)
    for name in ("media_type", "status"):
        if name in filters:
            query = query.where(assets.c[name] == filters[name])
    if "tag" in filters:
        # JSON text of a list of strings: the quotes make it a whole tag, escaping keeps wildcards literal.
        query = query.where(sa.cast(assets.c.tags, sa.Text).contains(json.dumps(filters["tag"]), autoescape=True))
    if cursor:
        query = query.where(assets.c.id < cursor)
    found = [_asset(row) for row in connection.execute(query)]
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def renditions_of(connection: sa.Connection, asset_id: str) -> list[Rendition]:
    order = (renditions.c.kind, renditions.c.name)
    query = sa.select(renditions).where(renditions.c.asset_id == asset_id).order_by(*order)
    return [read_rendition(row) for row in connection.execute(query)]


# -- for delivery -----------------------------------------------------------------------------------------------------


def by_public_id(connection: sa.Connection, tenant: str, kind: ResourceType, public_id: str) -> Asset | None:
    """One read by a unique index: a delete or a change to private shows at the next request of any process."""
    query = sa.select(assets).where(
        assets.c.tenant == tenant, assets.c.resource_type == kind, assets.c.public_id == public_id
    )
    row = connection.execute(query).one_or_none()
    return _asset(row) if row else None


def by_rendition(connection: sa.Connection, tenant: str, rendition_id: str) -> tuple[Asset, Rendition] | None:
    query = (
        sa.select(renditions, *(column.label(f"of_{column.name}") for column in assets.c))
        .join_from(renditions, assets)
        .where(renditions.c.id == rendition_id, assets.c.tenant == tenant)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    asset = Asset(**{name: row[f"of_{name}"] for name in _ASSET_FIELDS} | {"tags": tuple(row["of_tags"])})
    return asset, Rendition(**{name: row[name] for name in _RENDITION_FIELDS})


def rendition(connection: sa.Connection, asset_id: str, kind: str, name: str | None = None) -> Rendition | None:
    query = sa.select(renditions).where(renditions.c.asset_id == asset_id, renditions.c.kind == kind)
    if name is not None:
        query = query.where(renditions.c.name == name)
    row = connection.execute(query.order_by(renditions.c.id).limit(1)).one_or_none()
    return read_rendition(row) if row else None


def keep_rendition(connection: sa.Connection, item: Rendition) -> bool:
    """Make a rendition known; one that is known already (two processes made it at once) stays. False: asset gone."""
    try:
        with connection.begin_nested():
            connection.execute(renditions.insert().values(**_columns(item)))
    except IntegrityError:
        return connection.scalar(sa.select(assets.c.id).where(assets.c.id == item.asset_id)) is not None
    return True


def grow_rendition(connection: sa.Connection, item: Rendition) -> None:
    """Write down what a set has become that grew: same id, same folder, one ``revision`` later.

    The caller has stored what is new, and the playlists that name it, before.
    """
    query = sa.select(renditions.c.metadata).where(renditions.c.id == item.id).with_for_update()
    known = connection.execute(query).one()[0]
    values = _columns(item) | {"metadata": item.metadata | {"revision": known.get("revision", 1) + 1}}
    changed = {name: values[name] for name in ("bytes", "width", "height", "duration", "metadata")}
    connection.execute(renditions.update().where(renditions.c.id == item.id).values(**changed))


def forget_renditions(connection: sa.Connection, asset_id: str, kinds: Collection[str], keep: Collection[str]) -> int:
    """Forget the renditions of these kinds but those with the ids ``keep``; their objects go to the trash.

    Returns: how many they were.
    """
    which = (
        (renditions.c.asset_id == asset_id) & renditions.c.kind.in_(list(kinds)) & renditions.c.id.not_in(list(keep))
    )
    gone = list(connection.scalars(renditions.delete().where(which).returning(renditions.c.key)))
    trash.throw(connection, gone)
    return len(gone)


def made_of(renditions_of_one: Iterable[Rendition]) -> Made:
    """What recipes made of an asset, of its renditions."""
    made: dict[str, dict[str, str]] = {}
    for item in renditions_of_one:
        if item.kind != "image":
            made.setdefault(item.kind, {})[item.name] = item.id
    return made


def made_of_all(connection: sa.Connection, asset_ids: Collection[str]) -> dict[str, Made]:
    """What recipes made of each of these assets."""
    found: dict[str, dict[str, dict[str, str]]] = {asset_id: {} for asset_id in asset_ids}
    query = sa.select(renditions.c.id, renditions.c.asset_id, renditions.c.kind, renditions.c.name)
    for row in connection.execute(query.where(renditions.c.asset_id.in_(found), renditions.c.kind != "image")):
        found[row.asset_id].setdefault(row.kind, {})[row.name] = row.id
    return dict(found)


# -- for ingest and deletion ------------------------------------------------------------------------------------------


def original_of(connection: sa.Connection, tenant: str, sha256: str) -> str | None:
    """The key of the stored original with these bytes, if the tenant has one that is not damaged."""
    query = sa.select(originals.c.key).where(originals.c.tenant == tenant, originals.c.sha256 == sha256)
    return connection.scalar(query.where(originals.c.corrupt_at.is_(None)))


def add(connection: sa.Connection, asset: Asset, *, stored: bool, overwrite: bool, job: Job | None) -> Asset | None:
    """Make an asset known, with its original and its job, in one transaction.

    Assets with the same bytes share one original: the first one wins and the other object goes to the trash. Where that
    one is damaged, the new one takes its place.

    Args:
        stored: whether the caller has just stored the bytes under ``asset.original_key``; if not, it counts on an
            original that it saw before.
        overwrite: replace the owner's asset of the same public id.

    Returns:
        The asset as stored; None when the original that the caller counted on has gone: store the bytes, try again.

    Raises:
        Conflict: the public id is taken, and ``overwrite`` is off or the asset belongs to someone else.
    """
    # First of all: what is asked below is then the truth until this transaction ends, whoever else overwrites.
    usage.line_up(connection, asset.tenant, asset.owner)
    kind = resource_type(asset.media_type)
    taken = by_public_id(connection, asset.tenant, kind, asset.public_id)
    if taken is not None and not (overwrite and taken.owner == asset.owner):
        raise Conflict(
            f"The public id {asset.public_id!r} is taken.",
            code="public-id-taken",
            hint="Choose another public_id, or send overwrite=true to replace your own asset.",
        )
    key = original_of(connection, asset.tenant, asset.sha256)
    if key is None and not stored:
        return None
    usage.change(connection, asset.tenant, asset.owner, files=1, bytes_=asset.bytes)
    if taken is not None:
        remove(connection, taken)
        # Two uploads within a millisecond: the version stands for the bytes in URLs that are cached for ever.
        asset = replace(asset, version=max(asset.version, taken.version + 1))
    if stored and key is not None:
        trash.throw(connection, [asset.original_key])
    key = key or asset.original_key
    # ``remove`` may just have given up the very original that this asset shares.
    if original_of(connection, asset.tenant, asset.sha256) is None:
        trash.take_back(connection, [key])
        if not stored_originals.heal(connection, asset.tenant, asset.sha256, key):
            values = {"key": key, "tenant": asset.tenant, "sha256": asset.sha256, "bytes": asset.bytes}
            connection.execute(originals.insert().values(**values))
    row_values = _columns(asset) | {"original_key": key, "resource_type": kind, "tags": list(asset.tags)}
    row = connection.execute(assets.insert().values(**row_values).returning(assets)).one()
    if job is not None:
        connection.execute(jobs.insert().values(**_columns(job)))
    return _asset(row)


def drop_unknown(connection: sa.Connection, key: str) -> bool:
    """Send an object that belongs to no asset to the trash. False when it does belong to one."""
    if connection.scalar(sa.select(originals.c.key).where(originals.c.key == key)):
        return False
    trash.throw(connection, [key])
    return True


def unknown_folders(connection: sa.Connection, prefixes: list[str]) -> list[str]:
    """Those of these folders that belong to no rendition."""
    known = set(connection.scalars(sa.select(renditions.c.key).where(renditions.c.key.in_(prefixes))))
    return [prefix for prefix in prefixes if prefix not in known]


def remove(connection: sa.Connection, asset: Asset) -> list[str]:
    """Forget an asset at once; its objects go to the trash. Returns the ids of its unfinished jobs."""
    unfinished = sa.select(jobs.c.id).where(jobs.c.asset_id == asset.id, jobs.c.status.in_(("queued", "running")))
    job_ids = list(connection.scalars(unfinished))
    keys = list(connection.scalars(sa.select(renditions.c.key).where(renditions.c.asset_id == asset.id)))
    for job_id in job_ids:
        trash.expire_job(connection, job_id, grace=trash.GRACE_MS)
    # Only who really removed it gives back what it weighed: two may delete one asset at once.
    if connection.execute(assets.delete().where(assets.c.id == asset.id)).rowcount:
        usage.change(connection, asset.tenant, asset.owner, files=-1, bytes_=-asset.bytes)
    # Sent again, the request that made it makes another one.
    owned_by = (idempotency.c.tenant == asset.tenant) & (idempotency.c.owner == asset.owner)
    connection.execute(idempotency.delete().where(owned_by, idempotency.c.asset_id == asset.id))
    shared = sa.select(assets.c.id).where(assets.c.original_key == asset.original_key).limit(1)
    if connection.execute(shared).first() is None:
        connection.execute(originals.delete().where(originals.c.key == asset.original_key))
        keys.append(asset.original_key)
    trash.throw(connection, keys)
    return job_ids


def older_than(connection: sa.Connection, owner: str, created_at: int, limit: int = 100) -> list[Asset]:
    """Assets of an owner, in all tenants, that were made before a moment; ``limit`` at most."""
    old = (assets.c.owner == owner) & (assets.c.created_at < created_at)
    return [_asset(row) for row in connection.execute(sa.select(assets).where(old).limit(limit))]


def merge_metadata(connection: sa.Connection, asset_id: str, found: dict[str, Any]) -> None:
    """Put facts into an asset's metadata; what stands under other names there stays, whoever writes it meanwhile."""
    query = sa.select(assets.c.metadata).where(assets.c.id == asset_id).with_for_update()
    known = connection.execute(query).one_or_none()
    if known is not None:
        update(connection, asset_id, metadata=known[0] | found)


def renew_version(connection: sa.Connection, asset_id: str) -> None:
    """Give the asset's URLs another version."""
    connection.execute(assets.update().where(assets.c.id == asset_id).values(version=assets.c.version + 1))


def metadata_of_twins(connection: sa.Connection, original_key: str, limit: int = 10) -> list[dict[str, Any]]:
    """The metadata of assets that share an original, newest last."""
    query = sa.select(assets.c.metadata).where(assets.c.original_key == original_key).order_by(assets.c.id).limit(limit)
    return [row[0] for row in connection.execute(query)]


def update(connection: sa.Connection, asset_id: str, **values: Any) -> None:
    connection.execute(assets.update().where(assets.c.id == asset_id).values(**values))


def _mine(principal: Principal) -> sa.ColumnElement[bool]:
    """What a principal may see: the owner's assets; with an upload token only those that came by it."""
    mine = (assets.c.tenant == principal.tenant) & (assets.c.owner == principal.owner)
    if principal.allowance is not None:
        mine &= assets.c.token_id == principal.allowance.token_id
    return mine


def _columns(item: Asset | Rendition | Job) -> dict[str, Any]:
    return asdict(item)


def _asset(row: sa.Row[Any]) -> Asset:
    values = {name: getattr(row, name) for name in _ASSET_FIELDS if name != "metadata"}
    return Asset(**values | {"tags": tuple(row.tags), "metadata": row._mapping["metadata"]})  # noqa: SLF001  # the public name of the mapping


def read_rendition(row: sa.Row[Any]) -> Rendition:
    return Rendition(**{name: row._mapping[name] for name in _RENDITION_FIELDS})  # noqa: SLF001

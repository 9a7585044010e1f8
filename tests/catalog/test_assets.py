from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from renditor.catalog import assets, jobs, pictures, trash
from renditor.catalog.base import Catalog
from renditor.catalog.schema import originals
from renditor.catalog.schema import trash as trash_table
from renditor.catalog.settings import CatalogSettings
from renditor.errors import Conflict, NotFound
from renditor.models import Asset, Job, Principal, Rendition, new_id, now_ms

ANNA = Principal("anna", "main", frozenset({"write"}))
BEN = Principal("ben", "main", frozenset({"admin"}))
OTHER = Principal("anna", "other", frozenset({"write"}))


def asset(**changes: Any) -> Asset:
    asset_id = new_id()
    now = now_ms()
    return replace(
        Asset(
            id=asset_id,
            tenant="main",
            owner="anna",
            public_id=asset_id,
            media_type="image",
            status="completed",
            visibility="public",
            filename="a.jpg",
            content_type="image/jpeg",
            format="jpg",
            bytes=3,
            sha256="0" * 64,
            original_key=f"originals/xx/{asset_id}",
            version=1,
            created_at=now,
            updated_at=now,
        ),
        **changes,
    )


def add(
    catalog: Catalog, item: Asset, *, stored: bool = True, overwrite: bool = False, job: Job | None = None
) -> Asset:
    saved = catalog.write_now(lambda c: assets.add(c, item, stored=stored, overwrite=overwrite, job=job))
    assert saved is not None
    return saved


def keys_in_trash(catalog: Catalog) -> set[str]:
    return set(catalog.read_now(lambda c: list(c.scalars(sa.select(trash_table.c.key)))))


def original_keys(catalog: Catalog) -> list[str]:
    return catalog.read_now(lambda c: list(c.scalars(sa.select(originals.c.key))))


def test_an_asset_comes_back_as_it_was(catalog: Catalog) -> None:
    item = asset(tags=("one", "two"), metadata={"width": 3}, error=None, duration=1.5)
    assert add(catalog, item) == item
    assert catalog.read_now(lambda c: assets.owned(c, ANNA, item.id)) == item


def test_foreign_and_unknown_are_alike(catalog: Catalog) -> None:
    item = add(catalog, asset())
    for principal, asset_id in (
        (BEN, item.id),
        (OTHER, item.id),
        (ANNA, "unknown"),
        (ANNA, "' OR 1=1 --"),
        (ANNA, "a\0b"),
    ):
        with pytest.raises(NotFound) as caught:
            catalog.read_now(partial(assets.owned, principal=principal, asset_id=asset_id))
        assert caught.value.detail == NotFound().detail


def test_same_bytes_share_one_original_until_the_last_is_gone(catalog: Catalog) -> None:
    first, second = add(catalog, asset()), add(catalog, asset())
    assert second.original_key == first.original_key
    assert len(original_keys(catalog)) == 1
    assert len(keys_in_trash(catalog)) == 1  # the second object, which is not needed
    catalog.write_now(lambda c: assets.remove(c, first))
    assert original_keys(catalog) == [second.original_key]
    assert second.original_key not in keys_in_trash(catalog)
    catalog.write_now(lambda c: assets.remove(c, second))
    assert original_keys(catalog) == []
    assert second.original_key in keys_in_trash(catalog)


def test_tenants_share_nothing(catalog: Catalog) -> None:
    first, second = add(catalog, asset()), add(catalog, asset(tenant="other"))
    assert first.original_key != second.original_key


def test_counting_on_an_original_that_has_gone(catalog: Catalog) -> None:
    item = asset()
    assert catalog.write_now(lambda c: assets.add(c, item, stored=False, overwrite=False, job=None)) is None


def test_a_taken_public_id(catalog: Catalog) -> None:
    add(catalog, asset(public_id="cat"))
    with pytest.raises(Conflict):
        add(catalog, asset(public_id="cat"))
    with pytest.raises(Conflict):  # not even to overwrite: it is somebody else's
        add(catalog, asset(public_id="cat", owner="ben"), overwrite=True)
    add(catalog, asset(public_id="cat", media_type="video"))  # another kind of path


def test_overwrite_replaces_and_keeps_shared_bytes(catalog: Catalog) -> None:
    old = add(catalog, asset(public_id="cat"))
    new = add(catalog, asset(public_id="cat", original_key=old.original_key), stored=False, overwrite=True)
    assert new.original_key == old.original_key
    assert original_keys(catalog) == [old.original_key]
    assert old.original_key not in keys_in_trash(catalog)
    newest = add(catalog, asset(public_id="cat", sha256="1" * 64), overwrite=True)
    assert original_keys(catalog) == [newest.original_key]
    assert old.original_key in keys_in_trash(catalog)
    found = catalog.read_now(lambda c: assets.by_public_id(c, "main", "image", "cat"))
    assert found is not None
    assert found.id == newest.id


def test_an_object_is_safe_from_the_sweeper_once_it_is_known(catalog: Catalog) -> None:
    item = asset()
    catalog.write_now(lambda c: trash.throw(c, [item.original_key], not_before=now_ms() + 1000))
    add(catalog, item)
    assert item.original_key not in keys_in_trash(catalog)
    assert not catalog.write_now(lambda c: assets.drop_unknown(c, item.original_key))


def test_removing_an_asset_takes_renditions_and_jobs_along(catalog: Catalog) -> None:
    item = asset(media_type="video", status="processing")
    job = Job(new_id(), item.id, "video", "queued", 1, 1)
    add(catalog, item, job=job)
    made = Rendition(new_id(), item.id, "hls", "set", "sets/aa/r/", "x", 1, 1)
    assert catalog.write_now(lambda c: assets.keep_rendition(c, made))
    assert catalog.write_now(lambda c: assets.remove(c, item)) == [job.id]
    assert {"sets/aa/r/", item.original_key} <= keys_in_trash(catalog)
    assert catalog.read_now(lambda c: jobs.get(c, job.id)) is None
    assert not catalog.write_now(lambda c: assets.keep_rendition(c, made))


def test_the_same_rendition_twice_is_fine(catalog: Catalog) -> None:
    item = add(catalog, asset())
    for _ in range(2):
        made = Rendition(new_id(), item.id, "image", "w_1.jpg", "k", "image/jpeg", 1, 1)
        assert catalog.write_now(partial(assets.keep_rendition, item=made))
    assert catalog.read_now(lambda c: pictures.count(c, item.id)) == 1


def test_pages_come_newest_first_and_filtered(catalog: Catalog) -> None:
    items = [add(catalog, asset(sha256=str(n) * 64, tags=(f"n{n}", 'q"%_'))) for n in range(5)]
    add(catalog, asset(owner="ben"))
    seen, cursor = [], None
    while True:
        page, cursor = catalog.read_now(partial(assets.page, principal=ANNA, filters={}, cursor=cursor, limit=2))
        seen += [item.id for item in page]
        if cursor is None:
            break
    assert seen == [item.id for item in reversed(items)]

    def ids(**filters: str) -> list[str]:
        return [item.id for item in catalog.read_now(lambda c: assets.page(c, ANNA, filters, None, 9))[0]]

    assert ids(tag="n3") == [items[3].id]
    assert len(ids(tag='q"%_')) == 5
    assert ids(tag="n%") == ids(media_type="video") == ids(status="failed") == []


def test_jobs_end_once(catalog: Catalog) -> None:
    item = asset(media_type="video", status="processing", recipe="video")
    job = Job(new_id(), item.id, "video", "queued", 1, 1)
    add(catalog, item, job=job)
    started = catalog.write_now(lambda c: jobs.start(c, job.id))
    assert started is not None
    assert started.attempts == 1
    assert catalog.write_now(lambda c: jobs.progress(c, job.id, 40, "encode"))
    assert catalog.read_now(lambda c: assets.get(c, item.id)).progress == 40
    assert catalog.write_now(lambda c: jobs.finish(c, job.id, "cancelled"))
    assert not catalog.write_now(lambda c: jobs.finish(c, job.id, "completed"))
    assert not catalog.write_now(lambda c: jobs.progress(c, job.id, 90, "late"))
    assert catalog.write_now(lambda c: jobs.start(c, job.id)) is None
    assert catalog.read_now(lambda c: assets.get(c, item.id)).status == "cancelled"


def test_an_overwrite_is_newer_even_within_one_millisecond(catalog: Catalog) -> None:
    first = add(catalog, asset(public_id="cat", version=1000))
    second = add(catalog, asset(public_id="cat", version=1000, sha256="1" * 64), overwrite=True)
    third = add(catalog, asset(public_id="cat", version=999, sha256="2" * 64), overwrite=True)
    assert first.version < second.version < third.version


def test_uploads_at_once_take_a_public_id_in_turn(catalog: Catalog) -> None:
    """Many processes overwrite one id with the same bytes: one asset is left, with its original, and no error."""
    others = [Catalog(catalog.url, CatalogSettings()) for _ in range(4)]

    def overwrite(other: Catalog) -> None:
        for _ in range(10):
            add(other, asset(public_id="cat"), overwrite=True)

    try:
        with ThreadPoolExecutor(len(others)) as threads:
            list(threads.map(overwrite, others))
    finally:
        for other in others:
            other.close()
    left, _ = catalog.read_now(lambda c: assets.page(c, ANNA, {}, None, 100))
    assert len(left) == 1
    assert original_keys(catalog) == [left[0].original_key]
    assert left[0].original_key not in keys_in_trash(catalog)


def test_what_a_stopped_job_stores_is_left_alone_until_it_noticed(catalog: Catalog) -> None:
    item = asset()
    job = Job(new_id(), item.id, "video", "queued", 1, 1)
    add(catalog, item, job=job)
    catalog.write_now(lambda c: trash.throw(c, ["sets/aa/r/"], not_before=now_ms() + 3_600_000, job_id=job.id))
    catalog.write_now(lambda c: assets.remove(c, item))
    assert "sets/aa/r/" not in catalog.read_now(trash.due)
    marked = sa.select(trash_table.c.not_before).where(trash_table.c.key == "sets/aa/r/")
    assert (catalog.read_now(lambda c: c.scalar(marked)) or 0) <= now_ms() + trash.GRACE_MS

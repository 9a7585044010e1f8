from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

from renditor.catalog import pictures
from renditor.catalog.pictures import Total
from renditor.deliver.quota import Quota
from renditor.deliver.responses import Body, Request
from renditor.library import MediaProcessingService
from tests.deliver.conftest import Ask


def objects(folder: Path) -> set[str]:
    return {path.name for path in (folder / "data" / "storage" / "renditions").rglob("*") if path.is_file()}


async def test_those_unused_for_longest_go_first(
    service: MediaProcessingService, photo: dict[str, Any], ask: Ask, tmp_path: Path
) -> None:
    catalog, storage = service.flows.catalog, service.flows.storage
    quota = Quota(catalog, storage, None)
    for width in (50, 60, 70, 80):
        await ask(f"w_{width}")
        await asyncio.sleep(0.002)  # the clock of ``used_at`` counts ms
    await ask("w_50")
    await service.flows.deliver.settled()
    before = await catalog.read(pictures.total)
    assert before.count == 4
    one = {item.name: item for item in await catalog.read(partial(pictures.least_used, excess=10**9, limit=None))}
    excess = one["w_60.jpg"].bytes + 1
    expected = Total(2, one["w_60.jpg"].bytes + one["w_70.jpg"].bytes)
    assert await quota.evict(before.bytes - excess, dry_run=True) == expected
    assert (await catalog.read(pictures.total)) == before
    assert await quota.evict(before.bytes - excess) == expected
    await service.flows.recipes.sweeps.empty_all_trash()
    left = {item.name for item in await catalog.read(partial(pictures.least_used, excess=10**9, limit=None))}
    assert left == {"w_50.jpg", "w_80.jpg"}
    assert len(objects(tmp_path)) == 2
    assert (await ask("w_60")).size > 0  # made anew


async def test_a_limit_that_is_kept_drops_nothing(service: MediaProcessingService, ask: Ask) -> None:
    await ask("w_50")
    total = await service.flows.catalog.read(pictures.total)
    assert await Quota(service.flows.catalog, service.flows.storage, None).evict(total.bytes) == Total()


async def test_pinned_pictures_stay(service: MediaProcessingService, ask: Ask) -> None:
    for width in (50, 60):
        await ask(f"w_{width}")
    catalog = service.flows.catalog
    all_of_them = await catalog.read(partial(pictures.least_used, excess=10**9, limit=None))
    await catalog.write(partial(pictures.pin, ids=[all_of_them[0].id]))
    assert (await Quota(catalog, service.flows.storage, 0).evict(0)).count == 1
    pinned = all_of_them[0]
    assert await catalog.read(lambda c: pictures.find(c, pinned.asset_id, pinned.name)) is not None


async def test_pinned_pictures_do_not_count(service: MediaProcessingService, ask: Ask) -> None:
    await ask("w_300")
    catalog = service.flows.catalog
    made_ahead = await catalog.read(partial(pictures.least_used, excess=10**9, limit=None))
    await catalog.write(partial(pictures.pin, ids=[item.id for item in made_ahead]))
    small = await ask("w_50")
    assert await Quota(catalog, service.flows.storage, None).evict(small.size) == Total()


async def test_a_dropped_picture_is_answered_from_memory_no_more(
    service: MediaProcessingService, photo: dict[str, Any], ask: Ask
) -> None:
    raw = b"/main/image/upload/w_50/photo.jpg"
    for _ in range(2):
        await ask("w_50")
    assert isinstance(service.flows.deliver.again(raw, Request()), Body)
    await Quota(service.flows.catalog, service.flows.storage, None).evict(0)
    assert service.flows.deliver.again(raw, Request()) is None  # with a proxy in front it would name a lost file


async def test_objects_that_nothing_knows_go_once_they_are_old(
    service: MediaProcessingService, photo: dict[str, Any], ask: Ask, tmp_path: Path
) -> None:
    await ask("w_50")
    known = objects(tmp_path)
    folder = tmp_path / "data" / "storage" / "renditions" / "zz" / "lost"
    folder.mkdir(parents=True)
    for name in ("old.jpg", "young.jpg"):
        (folder / name).write_bytes(b"123")
    for path in (tmp_path / "data" / "storage" / "renditions").rglob("*.jpg"):
        if path.name != "young.jpg":
            os.utime(path, (1, 1))
    quota = Quota(service.flows.catalog, service.flows.storage, None)
    assert await quota.remove_unknown(dry_run=True) == Total(1, 3)
    assert await quota.remove_unknown() == Total(1, 3)
    assert objects(tmp_path) == known | {"young.jpg"}
    assert await quota.remove_unknown() == Total()

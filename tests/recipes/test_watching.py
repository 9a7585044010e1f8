"""What listeners are told, as the catalog changes under them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from renditor.catalog import assets, jobs
from renditor.catalog.base import Catalog
from renditor.errors import Overloaded, TooManyRequests, Unavailable
from renditor.models import Asset, Job, Rendition, new_id, now_ms
from renditor.recipes.settings import EventSettings
from renditor.recipes.watching import Event, Watch, Watching, _Told
from tests.catalog.test_assets import add, asset

QUICK = EventSettings(poll_seconds=0.25, keep_alive_seconds=0.3)


def processing(catalog: Catalog, owner: str = "anna") -> tuple[Asset, Job]:
    item = asset(owner=owner, media_type="video", recipe="video", status="processing", progress=0)
    job = Job(new_id(), item.id, "video", "queued", now_ms(), now_ms())
    saved = add(catalog, item, job=job)
    catalog.write_now(partial(jobs.start, job_id=job.id))
    return saved, job


def hls(asset_id: str) -> Rendition:
    rendition_id = new_id()
    return Rendition(rendition_id, asset_id, "hls", "hls", f"sets/{rendition_id}/", "x", 1, 1)


async def following(watch: Watch) -> Event:
    """The next event, silence left out."""
    async with asyncio.timeout(10):
        while (event := await anext(watch)) is None:
            pass
    return event


async def test_from_the_first_to_the_last(catalog: Catalog) -> None:
    item, job = processing(catalog)
    watch = Watching(catalog, QUICK).watch(item, {})
    first = await following(watch)
    assert (first.name, first.asset.progress) == ("job.progress", 0)
    catalog.write_now(partial(jobs.progress, job_id=job.id, percent=30, stage="encoding"))
    second = await following(watch)
    assert (second.name, second.asset.progress, second.asset.stage) == ("job.progress", 30, "encoding")
    catalog.write_now(partial(assets.keep_rendition, item=hls(item.id)))
    third = await following(watch)
    assert (third.name, set(third.made)) == ("asset.playable", {"hls"})
    catalog.write_now(partial(jobs.finish, job_id=job.id, status="completed"))
    last = await following(watch)
    assert (last.name, last.asset.progress) == ("asset.ready", 100)
    assert len({first.id, second.id, third.id, last.id}) == 4
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


@pytest.mark.parametrize(("end", "name"), [("failed", "asset.failed"), ("cancelled", "asset.cancelled")])
async def test_other_ends(catalog: Catalog, end: Any, name: str) -> None:
    item, job = processing(catalog)
    watch = Watching(catalog, QUICK).watch(item, {})
    await following(watch)
    catalog.write_now(partial(jobs.finish, job_id=job.id, status=end, error={"code": "x"}))
    last = await following(watch)
    assert (last.name, last.asset.error) == (name, {"code": "x"})


async def test_done_already(catalog: Catalog) -> None:
    item = add(catalog, asset())
    watch = Watching(catalog, QUICK).watch(item, {})
    (event,) = [event async for event in watch if event]
    assert event.name == "asset.ready"
    assert Watching(catalog, QUICK).watch(item, {}, last=event.id).exhausted


async def test_deleted_meanwhile(catalog: Catalog) -> None:
    item, _ = processing(catalog)
    watch = Watching(catalog, QUICK).watch(item, {})
    await following(watch)
    catalog.write_now(partial(assets.remove, asset=item))
    async with asyncio.timeout(10):
        assert [event async for event in watch if event] == []


async def test_going_on_from_the_last_event(catalog: Catalog) -> None:
    item, job = processing(catalog)
    watching = Watching(catalog, QUICK)
    catalog.write_now(partial(assets.keep_rendition, item=hls(item.id)))
    now = catalog.read_now(partial(assets.get, asset_id=item.id))
    made = catalog.read_now(partial(assets.made_of_all, asset_ids=[item.id]))[item.id]
    first = watching.watch(now, made)
    known = [await following(first), await following(first)]
    assert [event.name for event in known] == ["asset.playable", "job.progress"]
    # Cut off after the first: the second comes. After the second: nothing, until something happens.
    assert (await following(watching.watch(now, made, known[0].id))).name == "job.progress"
    silent = watching.watch(now, made, known[1].id)
    assert await anext(silent) is None
    catalog.write_now(partial(jobs.progress, job_id=job.id, percent=50, stage="encoding"))
    assert (await following(silent)).name == "job.progress"


async def test_playable_is_told_once(catalog: Catalog) -> None:
    """Its worker dies: what could be played is gone until another has made it again."""
    item, job = processing(catalog)
    watching = Watching(catalog, QUICK)
    watch = watching.watch(item, {})
    await following(watch)
    shown = hls(item.id)
    catalog.write_now(partial(assets.keep_rendition, item=shown))
    told = [await following(watch)]
    for percent, change in ((20, "forget"), (30, "show"), (40, "stay")):
        if change == "forget":
            catalog.write_now(partial(assets.forget_renditions, asset_id=item.id, kinds=["hls"], keep=[]))
        elif change == "show":
            catalog.write_now(partial(assets.keep_rendition, item=hls(item.id)))
        catalog.write_now(partial(jobs.progress, job_id=job.id, percent=percent, stage="encoding"))
        told.append(await following(watch))
        now = catalog.read_now(partial(assets.get, asset_id=item.id))
        made = catalog.read_now(partial(assets.made_of_all, asset_ids=[item.id]))[item.id]
        again = watching.watch(now, made, told[-1].id)
        assert await anext(again) is None
        again.close()
    assert [event.name for event in told] == ["asset.playable", *["job.progress"] * 3]
    catalog.write_now(partial(jobs.finish, job_id=job.id, status="completed"))
    last = await following(watch)
    assert last.name == "asset.ready"
    now = catalog.read_now(partial(assets.get, asset_id=item.id))
    assert watching.watch(now, last.made, last.id).exhausted


@given(st.text(max_size=300))
def test_ids_that_are_none_of_ours_say_nothing(text: str) -> None:
    told = _Told.read(text)
    assert told == _Told() or str(told).split(".", 3)[:2] == text.split(".", 3)[:2]
    assert _Told.read(str(told)) == told


async def test_one_question_for_all(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [processing(catalog)[0] for _ in range(5)]
    watching = Watching(catalog, QUICK)
    asked = 0
    read = catalog.read

    async def counted(work: Callable[[sa.Connection], Any]) -> Any:
        nonlocal asked
        asked += 1
        return await read(work)

    monkeypatch.setattr(catalog, "read", counted)
    watches = [watching.watch(item, {}) for item in items for _ in range(10)]
    await asyncio.sleep(1.1)
    assert 2 <= asked <= 5
    for watch in watches:
        watch.close()
    await asyncio.sleep(0.6)
    before = asked
    await asyncio.sleep(0.6)
    assert asked == before  # nobody listens: nothing is asked


async def test_a_database_that_does_not_answer_for_a_while(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    item, job = processing(catalog)
    watching = Watching(catalog, QUICK)
    read = catalog.read

    async def refused(work: Callable[[sa.Connection], Any]) -> Any:
        raise Unavailable

    monkeypatch.setattr(catalog, "read", refused)
    watch = watching.watch(item, {})
    await following(watch)
    await asyncio.sleep(0.6)
    monkeypatch.setattr(catalog, "read", read)
    catalog.write_now(partial(jobs.finish, job_id=job.id, status="completed"))
    assert (await following(watch)).name == "asset.ready"


async def test_limits(catalog: Catalog) -> None:
    item, _ = processing(catalog)
    other = replace(item, owner="bert")
    watching = Watching(catalog, QUICK.model_copy(update={"streams": 3, "streams_per_owner": 2}))
    first, _ = watching.watch(item, {}), watching.watch(item, {})
    with pytest.raises(TooManyRequests) as caught:
        watching.watch(item, {})
    assert caught.value.error_code == "too-many-streams"
    watching.watch(other, {})
    with pytest.raises(Overloaded):
        watching.watch(replace(item, owner="carla"), {})
    first.close()
    first.close()  # twice is once
    watching.watch(item, {})
    with pytest.raises(Overloaded):
        watching.watch(other, {})


async def test_an_end_after_a_while_and_at_the_stop(catalog: Catalog) -> None:
    item, _ = processing(catalog)
    short = Watching(catalog, QUICK.model_copy(update={"stream_seconds": 0.5}))
    async with asyncio.timeout(5):
        assert [event.name async for event in short.watch(item, {}) if event] == ["job.progress"]
    watching = Watching(catalog, QUICK)
    watch = watching.watch(item, {})
    await following(watch)
    waiting = asyncio.create_task(anext(watch))
    await asyncio.sleep(0)
    watching.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    with pytest.raises(Overloaded):
        watching.watch(item, {})


async def test_who_reads_slowly_is_told_the_latest(catalog: Catalog) -> None:
    item, job = processing(catalog)
    watch = Watching(catalog, QUICK).watch(item, {})
    for percent in (10, 20, 30):
        catalog.write_now(partial(jobs.progress, job_id=job.id, percent=percent, stage="encoding"))
        await asyncio.sleep(0.4)
    assert (await following(watch)).asset.progress == 30
    watch.close()

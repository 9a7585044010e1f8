"""Jobs that speak for their asset, and those that do not; metadata that several write."""

from __future__ import annotations

import importlib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from renditor.catalog import assets, jobs, trash
from renditor.catalog.base import Catalog
from renditor.models import Asset, Job, JobStatus, Rendition, new_id, now_ms
from tests.catalog.test_assets import add, asset


def queued(catalog: Catalog, recipe: str, own: str | None) -> tuple[Asset, Job]:
    item = asset(recipe=own, status="processing" if own else "completed", progress=0 if own else 100)
    job = Job(new_id(), item.id, recipe, "queued", now_ms(), now_ms())
    return add(catalog, item, job=job), job


def shown(catalog: Catalog, asset_id: str) -> Asset:
    return catalog.read_now(partial(assets.get, asset_id=asset_id))


def unfinished(catalog: Catalog, item: Asset) -> list[str]:
    found = catalog.read_now(partial(jobs.unfinished_of, asset_id=item.id, besides=["analysis"]))
    return [job.id for job in found]


def test_a_job_of_the_assets_own_recipe_speaks_for_it(catalog: Catalog) -> None:
    item, job = queued(catalog, "video", "video")
    assert [
        one.id for one in catalog.read_now(partial(jobs.unfinished_of, asset_id=item.id, besides=["analysis"]))
    ] == [job.id]
    catalog.write_now(partial(jobs.start, job_id=job.id))
    assert catalog.write_now(partial(jobs.progress, job_id=job.id, percent=40, stage="encoding"))
    assert (shown(catalog, item.id).progress, shown(catalog, item.id).stage) == (40, "encoding")
    assert catalog.write_now(partial(jobs.finish, job_id=job.id, status="failed", error={"code": "x"}))
    assert (shown(catalog, item.id).status, shown(catalog, item.id).error) == ("failed", {"code": "x"})


def test_a_background_job_does_not(catalog: Catalog) -> None:
    item, job = queued(catalog, "analysis", None)
    before = shown(catalog, item.id)
    assert unfinished(catalog, item) == []
    assert job.id in catalog.read_now(jobs.unfinished_ids)
    catalog.write_now(partial(jobs.start, job_id=job.id))
    assert catalog.write_now(partial(jobs.progress, job_id=job.id, percent=40, stage="looking"))
    assert catalog.write_now(partial(jobs.finish, job_id=job.id, status="failed", error={"code": "x"}))
    assert shown(catalog, item.id) == before
    assert not catalog.write_now(partial(jobs.finish, job_id=job.id, status="completed"))


def test_another_recipe_for_a_complete_asset_does_not(catalog: Catalog) -> None:
    item, job = queued(catalog, "web", "video")
    catalog.write_now(partial(assets.update, asset_id=item.id, status="completed", progress=100))
    before = shown(catalog, item.id)
    catalog.write_now(partial(jobs.start, job_id=job.id))
    assert catalog.write_now(partial(jobs.progress, job_id=job.id, percent=40, stage="encoding"))
    assert catalog.write_now(partial(jobs.finish, job_id=job.id, status="failed", error={"code": "x"}))
    assert shown(catalog, item.id) == before


def test_progress_never_goes_back(catalog: Catalog) -> None:
    """Also not when the next attempt begins from nothing."""
    item, job = queued(catalog, "video", "video")
    catalog.write_now(partial(jobs.start, job_id=job.id))
    assert catalog.write_now(partial(jobs.progress, job_id=job.id, percent=40, stage="encoding"))
    again = catalog.write_now(partial(jobs.start, job_id=job.id))
    assert again is not None
    assert (again.attempts, again.progress, again.stage) == (2, 40, "encoding")
    assert catalog.write_now(partial(jobs.progress, job_id=job.id, percent=3, stage="starting"))
    assert (shown(catalog, item.id).progress, shown(catalog, item.id).stage) == (40, "starting")
    assert catalog.write_now(partial(jobs.finish, job_id=job.id, status="failed"))
    assert shown(catalog, item.id).progress == 40


def test_an_interruption_does_not_count_as_an_attempt(catalog: Catalog) -> None:
    _, job = queued(catalog, "video", "video")
    for _ in range(5):
        catalog.write_now(partial(jobs.start, job_id=job.id))
        catalog.write_now(partial(jobs.give_back, job_id=job.id))
    again = catalog.write_now(partial(jobs.start, job_id=job.id))
    assert again is not None
    assert again.attempts == 1


def hls(asset_id: str) -> Rendition:
    rendition_id = new_id()
    key, kind = f"sets/{rendition_id[-2:]}/{rendition_id}/", "application/vnd.apple.mpegurl"
    return Rendition(rendition_id, asset_id, "hls", "hls", key, kind, 10, 1, metadata={"rungs": ["240p"]})


@pytest.mark.parametrize("end", ["failed", "cancelled", "another attempt", "completed"])
def test_what_is_shown_before_the_end_hangs_on_the_end(catalog: Catalog, end: str) -> None:
    item, job = queued(catalog, "video", "video")
    catalog.write_now(partial(jobs.start, job_id=job.id))
    early = hls(item.id)
    catalog.write_now(partial(trash.intend, keys=[early.key], job_id=job.id))
    catalog.write_now(partial(assets.keep_rendition, item=early))
    made = catalog.read_now(partial(assets.made_of_all, asset_ids=[item.id]))
    assert made == {item.id: {"hls": {"hls": early.id}}} == {item.id: assets.made_of([early])}
    if end == "completed":
        assert catalog.write_now(partial(trash.take_back, keys=[early.key])) == 1
        catalog.write_now(partial(jobs.finish, job_id=job.id, status="completed"))
        assert catalog.read_now(partial(assets.renditions_of, asset_id=item.id)) == [early]
        assert catalog.read_now(partial(trash.marked, keys=[early.key])) == set()
        return
    ends: dict[str, JobStatus] = {"failed": "failed", "cancelled": "cancelled"}
    if end in ends:
        catalog.write_now(partial(jobs.finish, job_id=job.id, status=ends[end]))
    else:
        catalog.write_now(partial(trash.expire_job, job_id=job.id))
    assert catalog.read_now(partial(assets.renditions_of, asset_id=item.id)) == []
    assert catalog.read_now(partial(trash.marked, keys=[early.key])) == {early.key}


def test_a_set_that_grows_stays_the_same_rendition(catalog: Catalog) -> None:
    item = add(catalog, asset(media_type="video"))
    early = hls(item.id)
    catalog.write_now(partial(assets.keep_rendition, item=early))
    for revision in (2, 3):
        grown = replace(early, bytes=early.bytes + revision, metadata={"rungs": ["240p", "360p"]})
        catalog.write_now(partial(assets.grow_rendition, item=grown))
        (found,) = catalog.read_now(partial(assets.renditions_of, asset_id=item.id))
        assert found == replace(grown, metadata={"rungs": ["240p", "360p"], "revision": revision})


def test_renditions_that_are_replaced(catalog: Catalog) -> None:
    item = add(catalog, asset(media_type="video"))
    old, new = hls(item.id), replace(hls(item.id), name="other")
    for one in (old, new):
        catalog.write_now(partial(assets.keep_rendition, item=one))
    gone = partial(assets.forget_renditions, asset_id=item.id, kinds=["hls"], keep=[new.id])
    assert (catalog.write_now(gone), catalog.write_now(gone)) == (1, 0)
    assert catalog.read_now(partial(assets.renditions_of, asset_id=item.id)) == [new]
    assert catalog.read_now(trash.due) == [old.key]


def test_touched_jobs_are_not_stale(catalog: Catalog) -> None:
    _, first = queued(catalog, "analysis", None)
    _, second = queued(catalog, "analysis", None)
    later = now_ms() + 1000
    assert {job.id for job in catalog.read_now(partial(jobs.stale, before=later))} == {first.id, second.id}
    catalog.write_now(partial(jobs.touch, job_ids=[first.id]))
    oldest, newest = catalog.read_now(partial(jobs.stale, before=later))
    assert (oldest.id, newest.id) == (second.id, first.id)


def test_facts_written_at_once_are_all_kept(catalog: Catalog) -> None:
    item = add(catalog, asset(metadata={"width": 1}))

    def write(number: int) -> None:
        catalog.write_now(partial(assets.merge_metadata, asset_id=item.id, found={f"fact{number}": number}))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(40)))
    assert shown(catalog, item.id).metadata == {"width": 1} | {f"fact{number}": number for number in range(40)}


def test_facts_of_an_asset_that_is_gone_go_nowhere(catalog: Catalog) -> None:
    catalog.write_now(partial(assets.merge_metadata, asset_id=new_id(), found={"width": 1}))


def test_a_version_is_never_the_same_again(catalog: Catalog) -> None:
    item = add(catalog, asset())
    versions = [item.version]
    for _ in range(3):
        catalog.write_now(partial(assets.renew_version, asset_id=item.id))
        versions.append(shown(catalog, item.id).version)
    assert len(set(versions)) == 4
    assert versions == sorted(versions)


def test_pictures_from_before_there_was_an_analysis_get_theirs(catalog: Catalog) -> None:
    old = add(catalog, asset(media_type="image"))
    looked_at, job = queued(catalog, "analysis", None)
    video = add(catalog, asset(media_type="video"))

    def again(connection: sa.Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            importlib.import_module("renditor.catalog.migrations.versions.0004_analysis_of_old_pictures").upgrade()

    catalog.write_now(again)
    stale = catalog.read_now(partial(jobs.stale, before=now_ms() + 1000))
    assert {(one.asset_id, one.recipe) for one in stale} == {(old.id, "analysis"), (looked_at.id, "analysis")}
    assert job.id in {one.id for one in stale}
    assert video.id not in {one.asset_id for one in stale}


def test_of_two_who_ask_at_once_one_gets_the_others_job(catalog: Catalog) -> None:
    item = add(catalog, asset(media_type="video", recipe="video"))
    first, second = (Job(new_id(), item.id, "video", "queued", now_ms(), now_ms()) for _ in range(2))
    with ThreadPoolExecutor(1) as other:

        def ask(connection: sa.Connection) -> Future[Job]:
            jobs.line_up(connection, item.id)
            later = other.submit(catalog.write_now, partial(jobs.ask, job=second))
            assert not wait([later], 0.3).done, "it did not wait for its turn"
            jobs.ask(connection, first)
            return later

        assert catalog.write_now(ask).result(10).id == first.id
    assert len(unfinished(catalog, item)) == 1

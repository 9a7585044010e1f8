"""Jobs that speak for their asset, and those that do not; metadata that several write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import sqlalchemy as sa

from renditor.catalog import Catalog, assets, jobs
from renditor.models import Asset, Job, new_id, now_ms
from tests.catalog.test_assets import add, asset


def queued(catalog: Catalog, recipe: str, own: str | None) -> tuple[Asset, Job]:
    item = asset(recipe=own, status="processing" if own else "completed", progress=0 if own else 100)
    job = Job(new_id(), item.id, recipe, "queued", now_ms(), now_ms())
    return add(catalog, item, job=job), job


def shown(catalog: Catalog, asset_id: str) -> Asset:
    return catalog.read_now(partial(assets.get, asset_id=asset_id))


def test_a_job_of_the_assets_own_recipe_speaks_for_it(catalog: Catalog) -> None:
    item, job = queued(catalog, "video", "video")
    assert [one.id for one in catalog.read_now(partial(jobs.active_of, asset_id=item.id))] == [job.id]
    catalog.write_now(partial(jobs.start, job_id=job.id))
    assert catalog.write_now(partial(jobs.progress, job_id=job.id, percent=40, stage="encoding"))
    assert (shown(catalog, item.id).progress, shown(catalog, item.id).stage) == (40, "encoding")
    assert catalog.write_now(partial(jobs.finish, job_id=job.id, status="failed", error={"code": "x"}))
    assert (shown(catalog, item.id).status, shown(catalog, item.id).error) == ("failed", {"code": "x"})


def test_a_background_job_does_not(catalog: Catalog) -> None:
    item, job = queued(catalog, "analysis", None)
    before = shown(catalog, item.id)
    assert catalog.read_now(partial(jobs.active_of, asset_id=item.id)) == []
    assert job.id in catalog.read_now(jobs.unfinished_ids)
    catalog.write_now(partial(jobs.start, job_id=job.id))
    assert catalog.write_now(partial(jobs.progress, job_id=job.id, percent=40, stage="looking"))
    assert catalog.write_now(partial(jobs.finish, job_id=job.id, status="failed", error={"code": "x"}))
    assert shown(catalog, item.id) == before
    assert not catalog.write_now(partial(jobs.finish, job_id=job.id, status="completed"))


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
    catalog.write_now(lambda c: c.execute(sa.text("UPDATE alembic_version SET version_num = '0003'")))
    catalog.migrate()
    stale = catalog.read_now(partial(jobs.stale, before=now_ms() + 1000))
    assert {(one.asset_id, one.recipe) for one in stale} == {(old.id, "analysis"), (looked_at.id, "analysis")}
    assert job.id in {one.id for one in stale}
    assert video.id not in {one.asset_id for one in stale}

"""Sets that are shown before their job ends: in a real catalog and a real storage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from renditor.catalog import assets, jobs, schema, sets, trash
from renditor.catalog.base import Catalog
from renditor.errors import ProcessingFailed
from renditor.models import Asset, Job, Output, Rendition, new_id, now_ms
from renditor.recipes.publishing import Publication
from renditor.recipes.recipe import Attempt, JobGone
from renditor.recipes.sweeps import Sweeps
from renditor.storage.local import LocalStorage
from tests.catalog.test_assets import add, asset


@dataclass
class Scene:
    """A video in work, and everything around it."""

    catalog: Catalog
    storage: LocalStorage
    item: Asset
    job: Job
    attempt: Attempt
    publication: Publication

    def shown(self) -> Asset:
        return self.catalog.read_now(partial(assets.get, asset_id=self.item.id))

    def renditions(self) -> dict[str, Rendition]:
        found = self.catalog.read_now(partial(assets.renditions_of, asset_id=self.item.id))
        return {one.kind: one for one in found}

    def stored(self) -> set[str]:
        """Names of stored files, below the folder of their rendition."""
        return {path.name for path in (self.storage.root / "sets").rglob("*") if path.is_file()}

    async def head(self, name: str = "master.m3u8") -> str:
        rendition = self.renditions()["hls"]
        key = rendition.key + sets.stored_name(rendition, name)
        return b"".join([chunk async for chunk in self.storage.open(key)]).decode()

    async def sweep(self) -> None:
        work = self.attempt.folder.parent
        await Sweeps(self.catalog, self.storage, work).empty_all_trash()


@pytest.fixture
def scene(catalog: Catalog, tmp_path: Path) -> Scene:
    item = asset(media_type="video", recipe="video", status="processing", progress=0)
    job = Job(new_id(), item.id, "video", "queued", now_ms(), now_ms())
    saved = add(catalog, item, job=job)
    return begin(catalog, LocalStorage(tmp_path / "storage"), saved, job, tmp_path / "work")


def begin(catalog: Catalog, storage: LocalStorage, item: Asset, job: Job, work: Path) -> Scene:
    started = catalog.write_now(partial(jobs.start, job_id=job.id))
    assert started
    folder = work / f"{job.id}-{started.attempts}"
    folder.mkdir(parents=True)
    attempt = Attempt(started, item, folder)
    return Scene(catalog, storage, item, started, attempt, Publication(catalog, storage, attempt))


def hls(scene: Scene, *rungs: str) -> Output:
    """A set with these rungs: a folder as a provider leaves it."""
    folder = scene.attempt.folder / "hls"
    for rung in rungs:
        (folder / rung).mkdir(parents=True, exist_ok=True)
        (folder / rung / "1.m4s").write_text(f"{rung} of {scene.item.id}")
    for name in ("master.m3u8", "manifest.mpd"):
        (folder / name).write_text(" ".join(rungs))
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Output("hls", "hls", folder, "application/vnd.apple.mpegurl", total, metadata={"rungs": list(rungs)})


def mp4(scene: Scene) -> Output:
    path = scene.attempt.folder / "video.mp4"
    path.write_bytes(b"film")
    return Output("mp4", "video.mp4", path, "video/mp4", 4)


def ignore(_: float) -> None:
    pass


async def test_it_grows_where_it_is(scene: Scene) -> None:
    await scene.publication.show(hls(scene, "240p"))
    early = scene.renditions()["hls"]
    assert (scene.shown().status, await scene.head()) == ("processing", "240p")
    assert (scene.attempt.folder / "hls" / "240p" / "1.m4s").exists()  # the provider goes on with it
    shares: list[float] = []
    await scene.publication.complete((hls(scene, "240p", "360p"), mp4(scene)), shares.append)
    made = scene.renditions()
    assert scene.shown().status == "completed"
    assert (made["hls"].id, made["hls"].key, set(made)) == (early.id, early.key, {"hls", "mp4"})
    assert (sets.revision(early), sets.revision(made["hls"])) == (1, 2)
    assert (await scene.head(), await scene.head("manifest.mpd")) == ("240p 360p", "240p 360p")
    assert made["hls"].metadata["rungs"] == ["240p", "360p"]
    assert shares[-1] == 1.0
    await scene.sweep()
    assert {"master.m3u8", "manifest.mpd", "1.m4s", "video.mp4"} <= scene.stored()
    assert scene.catalog.read_now(partial(trash.marked, keys=[made["hls"].key, made["mp4"].key])) == set()


async def test_without_a_first_part(scene: Scene) -> None:
    await scene.publication.complete((hls(scene, "240p", "360p"),), ignore)
    assert sets.revision(scene.renditions()["hls"]) == 1
    assert await scene.head() == "240p 360p"


def overdue(connection: sa.Connection) -> None:
    """As if everything had been given up long ago."""
    connection.execute(schema.trash.update().values(not_before=0))


@pytest.mark.parametrize("end", ["failed", "cancelled", "deleted", "worker died"])
async def test_nothing_stays_of_a_part_whose_job_does_not_complete(scene: Scene, end: str) -> None:
    await scene.publication.show(hls(scene, "240p"))
    if end == "deleted":
        scene.catalog.write_now(partial(assets.remove, asset=scene.item))
    elif end == "failed":
        scene.catalog.write_now(partial(jobs.finish, job_id=scene.job.id, status="failed"))
    elif end == "cancelled":
        scene.catalog.write_now(partial(jobs.finish, job_id=scene.job.id, status="cancelled"))
    scene.catalog.write_now(partial(trash.expire_job, job_id=scene.job.id))  # the next attempt, or the grace is over
    if end != "deleted":
        assert scene.renditions() == {}
    await scene.sweep()
    assert scene.stored() == set()
    if end != "worker died":
        with pytest.raises(JobGone):
            await scene.publication.complete((hls(scene, "240p", "360p"),), ignore)
        scene.catalog.write_now(partial(trash.expire_job, job_id=scene.job.id))
        scene.catalog.write_now(overdue)  # what comes late is left alone for a while
        await scene.sweep()
        assert scene.stored() == set()


async def test_the_next_attempt_shows_its_own(scene: Scene) -> None:
    await scene.publication.show(hls(scene, "240p"))
    scene.catalog.write_now(partial(trash.expire_job, job_id=scene.job.id))
    again = begin(scene.catalog, scene.storage, scene.item, scene.job, scene.attempt.folder.parent)
    await again.publication.show(hls(again, "240p"))
    await again.publication.complete((hls(again, "240p", "360p"),), ignore)
    await scene.sweep()
    assert await again.head() == "240p 360p"
    assert len(list((scene.storage.root / "sets").glob("*/*"))) == 1


async def test_files_that_players_hold_cannot_become_others(scene: Scene) -> None:
    await scene.publication.show(hls(scene, "240p"))
    whole = hls(scene, "240p", "360p")
    (whole.path / "240p" / "1.m4s").write_text("another")
    with pytest.raises(ProcessingFailed):
        await scene.publication.complete((whole,), ignore)


async def test_a_job_that_has_ended_shows_nothing(scene: Scene) -> None:
    scene.catalog.write_now(partial(jobs.finish, job_id=scene.job.id, status="cancelled"))
    with pytest.raises(JobGone):
        await scene.publication.show(hls(scene, "240p"))
    assert scene.renditions() == {}


async def test_another_recipe_replaces_everything_in_one_moment(scene: Scene) -> None:
    await scene.publication.complete((hls(scene, "240p"), mp4(scene)), ignore)
    before = scene.shown()
    old = scene.renditions()
    job = Job(new_id(), scene.item.id, "web", "queued", now_ms(), now_ms())
    scene.catalog.write_now(partial(jobs.ask, job=job))
    again = begin(scene.catalog, scene.storage, before, job, scene.attempt.folder.parent)
    assert scene.renditions() == old
    await again.publication.complete((hls(again, "360p"),), ignore)
    after = scene.shown()
    assert set(scene.renditions()) == {"hls"}
    assert (after.recipe, after.status) == ("web", "completed")
    assert after.version > before.version  # what caches hold under the old URLs is old
    await scene.sweep()
    assert await again.head() == "360p"
    assert "video.mp4" not in scene.stored()

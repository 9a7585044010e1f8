"""FLOW: asset -> renditions, as durable jobs.

A recipe is the list of things done after an upload. Its job survives the death of its worker: it is then done again
elsewhere, from the beginning, in a folder of its own, and only its end is visible:

    start the attempt -> check the original out -> provider makes and verifies everything in the job folder
    -> store the outputs -> one transaction makes them known and the asset ``completed``
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field

from renditor import observe
from renditor.audio.base import AudioFormat
from renditor.catalog import Catalog, assets, jobs, trash
from renditor.errors import BadRequest, Internal, OutOfSpace, Overloaded, RenditorError, Unavailable
from renditor.jobs.base import RECIPE_JOB, JobContext, JobEngine, Json
from renditor.models import Asset, Job, MediaType, Output, Rendition, new_id, now_ms
from renditor.routing import MediaRouter
from renditor.storage import keys
from renditor.storage.base import Storage
from renditor.video.plan import Tier, plan

# Written to the catalog at most this often (seconds): a row for each frame would be all the database does.
_PROGRESS_EVERY = 0.5
_PUBLISHING = 0.97  # the share of a job's progress that is done when its outputs are made
_REMOVE_AGAIN_MS = 60_000
# A file that was being stored when its job was stopped is there this much later at the latest: threads are not stopped.
_LATE_MS = 5_000
# Attempts at a job for reasons that may pass.
_ATTEMPTS = 3
# A job is looked at by the reconciler when nobody has touched its row for this long.
_STALE_MS = 20_000
# Folders that no unfinished job owns are removed when nothing happened in them for this long: pictures of a frame are
# made beside the jobs, in folders that live for a second.
_IDLE_SECONDS = 60


class RecipeSettings(BaseModel, extra="forbid"):
    """What is made of an upload without being asked."""

    audio_bitrate: int = Field(192_000, ge=32_000, le=320_000, description="MP3 and AAC renditions of audio, in bit/s.")
    opus_bitrate: int = Field(96_000, ge=16_000, le=256_000, description="Opus renditions of audio, in bit/s.")


@dataclass(frozen=True, slots=True)
class Recipes:
    """The recipes and the jobs that carry them out."""

    catalog: Catalog
    storage: Storage
    router: MediaRouter
    settings: RecipeSettings
    tier: Tier
    work: Path

    @property
    def _makers(self) -> dict[str, Callable[[Asset, Path, Path, Progress], Awaitable[tuple[Output, ...]]]]:
        return {"video": self._video, "audio": self._audio}

    def name_for(self, media_type: MediaType, wanted: str | None) -> str | None:
        """The recipe of an upload: the one asked for, else its type's own; pictures have none.

        Raises: BadRequest: there is no such recipe for this type.
        """
        own = media_type if media_type in self._makers else None
        if wanted and wanted != own:
            known = f"The recipe for {media_type} is {own!r}." if own else "Images need no recipe."
            raise BadRequest(f"There is no recipe {wanted!r} for {media_type}.", hint=known)
        return own

    def register(self, engine: JobEngine) -> None:
        """Make the job and the sweeps known to an engine that will run them."""
        engine.register(RECIPE_JOB, self._job)
        engine.schedule("reconcile", 5, lambda: self.reconcile(engine))
        engine.schedule("sweep", 5, self.sweep)

    async def _job(self, context: JobContext, payload: Json) -> None:
        await context.step(self.attempt, payload["job_id"])

    async def attempt(self, job_id: str) -> None:
        """One attempt at a job. Ends it as completed or failed; an interruption leaves it to be resumed."""
        job = await self.catalog.write(lambda c: jobs.start(c, job_id))
        if job is None:
            return
        began = time.monotonic()
        folder = self.work / f"{job_id}-{new_id()[-8:]}"
        try:
            await asyncio.to_thread(self._make_folder, job_id, folder)
            output_bytes = await self._make(job, folder)
        except JobGone:
            observe.log().info("job_cancelled", job=job.id, asset=job.asset_id, recipe=job.recipe)
        except asyncio.CancelledError:
            observe.log().info("job_interrupted", job=job.id, asset=job.asset_id, recipe=job.recipe)
            raise
        except Exception as error:
            if _may_pass(error) and job.attempts < _ATTEMPTS:
                kind = type(error).__name__
                observe.log().warning("job_attempt_failed", job=job.id, attempt=job.attempts, error_type=kind)
                raise  # the engine tries again
            await self._fail(job, error)
        else:
            self._log_success(job, time.monotonic() - began, output_bytes)
        finally:
            await asyncio.shield(self._clean(job.id, folder))

    def _make_folder(self, job_id: str, folder: Path) -> None:
        """A folder for this attempt; what dead attempts of the job left behind goes first."""
        for left in self.work.glob(f"{job_id}-*"):
            shutil.rmtree(left, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)

    async def _clean(self, job_id: str, folder: Path) -> None:
        """What this attempt made and did not publish goes, here and in storage."""
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        await self.catalog.write(lambda c: trash.expire_job(c, job_id))

    async def _make(self, job: Job, folder: Path) -> int:
        asset = await self.catalog.read(lambda c: assets.get(c, job.asset_id))
        observe.bind(owner=asset.owner, tenant=asset.tenant, bytes=asset.bytes)  # on every line of this job
        # What a dead attempt had stored without making it known goes at the next sweep.
        await self.catalog.write(lambda c: trash.expire_job(c, job.id))
        progress = Progress(self.catalog, job.id)
        source = await self.storage.checkout(asset.original_key, folder)
        made = folder / "out"
        made.mkdir(mode=0o700)
        async with progress:
            outputs = await self._makers[job.recipe](asset, source, made, progress)
            await self._publish(job, outputs)
        return sum(output.bytes for output in outputs)

    async def _video(self, asset: Asset, source: Path, folder: Path, progress: Progress) -> tuple[Output, ...]:
        provider = self.router.video(asset.route)
        probe = await provider.probe(source)
        return await provider.run(plan(probe, self.tier), source, folder, progress.report)

    async def _audio(self, asset: Asset, source: Path, folder: Path, progress: Progress) -> tuple[Output, ...]:
        formats = (
            AudioFormat("mp3", "mp3", self.settings.audio_bitrate),
            AudioFormat("aac", "m4a", self.settings.audio_bitrate),
            AudioFormat("opus", "opus", self.settings.opus_bitrate),
        )
        return await self.router.audio(asset.route).run(formats, source, folder, progress.report)

    async def _publish(self, job: Job, outputs: tuple[Output, ...]) -> None:
        """Store everything under fresh keys, then make it known in one transaction: all of it or nothing is seen."""
        made = [(output, _rendition(job.asset_id, output)) for output in outputs]
        prefixes = [rendition.key for _, rendition in made]
        await self.catalog.write(lambda c: trash.intend(c, prefixes, job_id=job.id))
        try:
            for output, rendition in made:
                await self._store(output, rendition.key)
            await self.catalog.write(partial(_make_known, job=job, renditions=[rendition for _, rendition in made]))
        except BaseException:
            # Marked anew: the sweeps may have come by while we were still storing.
            await asyncio.shield(self.catalog.write(partial(_throw_unknown, prefixes=prefixes)))
            raise

    async def _store(self, output: Output, key: str) -> None:
        files = sorted(output.path.rglob("*")) if output.path.is_dir() else [output.path]
        base = output.path if output.path.is_dir() else output.path.parent
        for file in files:
            if file.is_file():
                await self.storage.put(key + file.relative_to(base).as_posix(), file)

    def _log_success(self, job: Job, seconds: float, output_bytes: int) -> None:
        observe.JOBS.labels(job.recipe, "completed").inc()
        observe.JOB_SECONDS.labels(job.recipe).observe(seconds)
        observe.log().info(
            "media_processing_completed",
            job=job.id,
            asset=job.asset_id,
            recipe=job.recipe,
            processing_time_ms=round(seconds * 1000),
            output_size=output_bytes,
        )

    async def _fail(self, job: Job, error: Exception) -> None:
        """End a job as failed. What we did not foresee is logged in full and shown as no more than that."""
        if not isinstance(error, RenditorError):
            observe.log().error("job_crashed", job=job.id, asset=job.asset_id, exc_info=error)
            error = Internal(hint="The server's log has the details under this job's id.")
        shown = {"code": error.error_code, "title": error.title, "detail": error.detail, "hint": error.hint}
        if await self.catalog.write(lambda c: jobs.finish(c, job.id, "failed", shown)):
            observe.JOBS.labels(job.recipe, "failed").inc()
            kind = type(error).__name__
            event = f"{job.recipe}_processing_failed"
            observe.log().error(event, job=job.id, asset=job.asset_id, error=error.detail, error_type=kind)

    # -- sweeps: run by every worker, safe to repeat and to run at once ------------------------------------------------

    async def reconcile(self, engine: JobEngine) -> None:
        """Bring our rows and the engine's together: hand over what never arrived, end what the engine gave up."""
        for job in await self.catalog.read(lambda c: jobs.stale(c, now_ms() - _STALE_MS)):
            state = await engine.status(job.id)
            if state is None:
                await engine.enqueue(RECIPE_JOB, job.id, {"job_id": job.id})
                await self.catalog.write(partial(jobs.touch, job_id=job.id))
            elif state.state in ("failed", "cancelled", "completed"):
                gave_up = Internal("Processing was given up after several attempts.", code="gave-up")
                await self._fail(job, gave_up)

    async def sweep(self) -> None:
        """Remove what the catalog has given up from storage, and job folders that no job uses any more."""
        await self.empty_trash()
        wanted = await self.catalog.read(jobs.unfinished_ids)
        await asyncio.to_thread(self._sweep_folders, wanted)

    async def empty_trash(self) -> None:
        """Remove objects that the catalog has given up; what fails is tried again later, and holds nothing up."""
        for key in await self.catalog.read(trash.due):
            try:
                await self._remove(key)
            except (RenditorError, OSError) as error:
                observe.log().warning("object_not_removed", key=key, error_type=type(error).__name__)
                later = now_ms() + _REMOVE_AGAIN_MS
                await self.catalog.write(partial(trash.throw, keys=[key], not_before=later))
            else:
                await self.catalog.write(partial(trash.forget, key=key))

    async def _remove(self, key: str) -> None:
        if key.endswith("/"):
            async for item in self.storage.list(key):
                await self.storage.delete(item.key)
        else:
            await self.storage.delete(key)

    def _sweep_folders(self, wanted: set[str]) -> None:
        for folder in self.work.iterdir():
            job_id, _, _ = folder.name.partition("-")
            with contextlib.suppress(OSError):  # it may go while we look
                idle = time.time() - folder.stat().st_mtime
                if job_id not in wanted and idle > _IDLE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)


def _may_pass(error: Exception) -> bool:
    """Whether the same work may succeed later: busy decoders, a database that restarts, or something unforeseen."""
    return not isinstance(error, RenditorError) or isinstance(error, Overloaded | Unavailable | OutOfSpace)


def _make_known(connection: Any, job: Job, renditions: list[Rendition]) -> None:
    """End the job as completed, with what it made. Raises: JobGone: it had ended, or its objects were given up."""
    if trash.take_back(connection, [rendition.key for rendition in renditions]) != len(renditions):
        raise JobGone
    if not jobs.finish(connection, job.id, "completed"):
        raise JobGone
    for rendition in renditions:
        assets.keep_rendition(connection, rendition)


def _throw_unknown(connection: Any, prefixes: list[str]) -> None:
    """Send folders to the trash, unless their rendition did become known (an answer of the database that was lost)."""
    later = now_ms() + _LATE_MS
    trash.throw(connection, assets.unknown_folders(connection, prefixes), not_before=later)


class JobGone(Exception):  # not an error: somebody wanted it so
    """The job was cancelled, or its asset deleted, while it ran."""


class Progress:
    """Carries a provider's progress to the catalog, at most twice a second, and never backwards.

    When the job's row is no longer ours to write (cancelled, asset deleted), it cancels the task that does the work.
    """

    def __init__(self, catalog: Catalog, job_id: str) -> None:
        self._catalog = catalog
        self._job_id = job_id
        self._fraction, self._stage = 0.0, "starting"
        self._gone = False
        self._writer: asyncio.Task[None] | None = None
        self._owner: asyncio.Task[Any] | None = None

    def report(self, fraction: float, stage: str) -> None:
        """``fraction`` 0..1 of the provider's work."""
        self._fraction = max(self._fraction, min(1.0, fraction) * _PUBLISHING)
        self._stage = stage

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        self._writer = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer:
            self._writer.cancel()
            try:
                await asyncio.wait([self._writer])
            except asyncio.CancelledError:  # its own, that came when the work was just over
                if not self._gone:
                    raise
        if self._gone and self._owner:
            self._owner.uncancel()
            raise JobGone

    async def _write(self) -> None:
        written: tuple[int, str] | None = None
        while True:
            now = (int(self._fraction * 100), self._stage)
            # Also without news every few seconds: a touched row tells the reconciler that someone works on it.
            with contextlib.suppress(RenditorError):
                write = partial(jobs.progress, job_id=self._job_id, percent=now[0], stage=now[1])
                active = await self._catalog.write(write)
                if not active and self._owner:
                    self._gone = True
                    self._owner.cancel()
                    return
            written = now
            waited = 0.0
            while written == (int(self._fraction * 100), self._stage) and waited < 5:  # seconds
                await asyncio.sleep(_PROGRESS_EVERY)
                waited += _PROGRESS_EVERY


def _rendition(asset_id: str, output: Output) -> Rendition:
    rendition_id = new_id()
    return Rendition(
        id=rendition_id,
        asset_id=asset_id,
        kind=output.kind,
        name=output.name,
        key=keys.set_folder(rendition_id),
        content_type=output.content_type,
        bytes=output.bytes,
        created_at=now_ms(),
        width=output.width,
        height=output.height,
        duration=output.duration,
        metadata=output.metadata | ({} if output.path.is_dir() else {"file": output.path.name}),
    )

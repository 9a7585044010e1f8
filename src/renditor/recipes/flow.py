"""Attempts at jobs: begun, carried out by their recipe, ended; and our jobs kept in step with the engine's."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from renditor import observe
from renditor.catalog import Catalog, assets, jobs, trash
from renditor.errors import BadRequest, Internal, OutOfSpace, Overloaded, RenditorError, Unavailable
from renditor.jobs.base import RECIPE_JOB, JobContext, JobEngine, Json
from renditor.models import Job, MediaType, new_id, now_ms
from renditor.recipes.recipe import Attempt, JobGone, Recipe
from renditor.recipes.sweeps import Sweeps

# Attempts at a job for reasons that may pass.
_ATTEMPTS = 3
# A job is looked at by the reconciler when nobody has touched its row for this long.
_STALE_MS = 20_000


@dataclass(frozen=True, slots=True)
class Recipes:
    """The recipes by name, and the jobs that carry them out. ``work`` holds the job folders."""

    catalog: Catalog
    recipes: Mapping[str, Recipe]
    sweeps: Sweeps
    work: Path

    def name_for(self, media_type: MediaType, wanted: str | None) -> str | None:
        """The recipe of an upload: the one asked for, else its type's own; pictures have none.

        Raises: BadRequest: there is no such recipe for this type.
        """
        own = media_type if media_type in self.recipes else None
        if wanted and wanted != own:
            known = f"The recipe for {media_type} is {own!r}." if own else "Images need no recipe."
            raise BadRequest(f"There is no recipe {wanted!r} for {media_type}.", hint=known)
        return own

    def register(self, engine: JobEngine) -> None:
        """Make the job and the sweeps known to an engine that will run them."""
        engine.register(RECIPE_JOB, self._job)
        engine.schedule("reconcile", 5, lambda: self.reconcile(engine))
        engine.schedule("sweep", 5, self.sweeps.sweep)

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
            output_bytes = await self._run(job, folder)
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
            _log_success(job, time.monotonic() - began, output_bytes)
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

    async def _run(self, job: Job, folder: Path) -> int:
        asset = await self.catalog.read(lambda c: assets.get(c, job.asset_id))
        observe.bind(owner=asset.owner, tenant=asset.tenant, bytes=asset.bytes)  # on every line of this job
        # What a dead attempt had stored without making it known goes at the next sweep.
        await self.catalog.write(lambda c: trash.expire_job(c, job.id))
        return await self.recipes[job.recipe].run(Attempt(job, asset, folder))

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

    async def reconcile(self, engine: JobEngine) -> None:
        """Bring our rows and the engine's together: hand over what never arrived, end what the engine gave up."""
        alive = []
        for job in await self.catalog.read(lambda c: jobs.stale(c, now_ms() - _STALE_MS)):
            state = await engine.status(job.id)
            if state is None:
                background = self.recipes[job.recipe].background
                await engine.enqueue(RECIPE_JOB, job.id, {"job_id": job.id}, background=background)
            if state is None or state.state in ("queued", "running"):
                alive.append(job.id)
            else:
                gave_up = Internal("Processing was given up after several attempts.", code="gave-up")
                await self._fail(job, gave_up)
        if alive:  # the next round begins with those behind them
            await self.catalog.write(partial(jobs.touch, job_ids=alive))


def _may_pass(error: Exception) -> bool:
    """Whether the same work may succeed later: busy decoders, a database that restarts, or something unforeseen."""
    return not isinstance(error, RenditorError) or isinstance(error, Overloaded | Unavailable | OutOfSpace)


def _log_success(job: Job, seconds: float, output_bytes: int) -> None:
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

"""Attempts at jobs: begun, carried out by their recipe, ended; and our jobs kept in step with the engine's."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from renditor import observe
from renditor.catalog import assets, jobs, trash
from renditor.catalog.base import Catalog
from renditor.errors import (
    BadRequest,
    Internal,
    OutOfSpace,
    Overloaded,
    ProcessingFailed,
    RenditorError,
    Unavailable,
)
from renditor.jobs.base import RECIPE_JOB, JobContext, JobEngine, Json
from renditor.models import Job, MediaType, new_id, now_ms
from renditor.recipes.publishing import LATE_MS
from renditor.recipes.recipe import Attempt, JobGone, Recipe
from renditor.recipes.solitude import Solitude
from renditor.recipes.sweeps import Sweeps
from renditor.sandbox.folders import clear

# Attempts at a job: by so many errors for reasons that may pass, or deaths of its worker, it is ended.
ATTEMPTS = 3
# A job is looked at by the reconciler when nobody has touched its row for this long.
_STALE_MS = 20_000


@dataclass(frozen=True, slots=True)
class Recipes:
    """The recipes by name, and the jobs that carry them out. ``work`` holds the job folders."""

    catalog: Catalog
    recipes: Mapping[str, Recipe]
    sweeps: Sweeps
    work: Path
    solitude: Solitude = field(default_factory=Solitude)

    @property
    def in_background(self) -> frozenset[str]:
        """The names of recipes that say nothing about their asset."""
        return frozenset(name for name, recipe in self.recipes.items() if recipe.background)

    def name_for(self, media_type: MediaType, wanted: str | None) -> str | None:
        """The recipe of an upload: the one asked for, else its type's own; pictures have none.

        Raises: BadRequest: there is no such recipe for this type.
        """
        known = [name for name, recipe in self.recipes.items() if recipe.kind == media_type]
        if wanted and wanted not in known:
            hint = f"Recipes for {media_type} are: {', '.join(sorted(known))}." if known else "Images need no recipe."
            raise BadRequest(f"There is no recipe {wanted!r} for {media_type}.", hint=hint, code="unknown-recipe")
        return wanted or (media_type if known else None)

    def register(self, engine: JobEngine) -> None:
        """Make the job and the sweeps known to an engine that will run them."""
        engine.register(RECIPE_JOB, self._job)
        engine.schedule("reconcile", 5, lambda: self.reconcile(engine))
        engine.schedule("sweep", 5, self.sweeps.sweep)

    async def _job(self, context: JobContext, payload: Json) -> None:
        await context.step(self.attempt, payload["job_id"])

    async def attempt(self, job_id: str) -> None:
        """One attempt at a job. Ends it as completed or failed; an interruption leaves it to be resumed."""
        known = await self.catalog.read(lambda c: jobs.get(c, job_id))
        if known is None:
            return
        # The last attempt runs alone: of jobs that died together only the one that kills its worker dies again.
        async with self.solitude.turn(alone=known.attempts >= ATTEMPTS - 1):
            job = await self.catalog.write(lambda c: jobs.start(c, job_id))
            if job is None:
                return
            await asyncio.to_thread(self._remove_folders, job_id)
            if job.attempts > ATTEMPTS:
                await self._fail(job, _gave_up(job, job.attempts - 1))
                return
            await self._attempt(job)

    async def _attempt(self, job: Job) -> None:
        began = time.monotonic()
        folder = self.work / f"{job.id}-{new_id()[-8:]}"
        interrupted = False
        try:
            await asyncio.to_thread(folder.mkdir, parents=True, mode=0o700)
            output_bytes = await self._run(job, folder)
        except JobGone:
            observe.log().info("job_cancelled", job=job.id, asset=job.asset_id, recipe=job.recipe)
        except asyncio.CancelledError:
            interrupted = True
            observe.log().info("job_interrupted", job=job.id, asset=job.asset_id, recipe=job.recipe)
            raise
        except Exception as error:
            if _may_pass(error) and job.attempts < ATTEMPTS:
                kind = type(error).__name__
                observe.log().warning("job_attempt_failed", job=job.id, attempt=job.attempts, error_type=kind)
                raise  # the engine tries again
            await self._fail(job, error)
        else:
            _log_success(job, time.monotonic() - began, output_bytes)
        finally:
            await asyncio.shield(self._clean(job.id, folder, interrupted=interrupted))

    def _remove_folders(self, job_id: str) -> None:
        """What dead attempts of the job left behind."""
        for left in self.work.glob(f"{job_id}-*"):
            _remove(left)

    async def _clean(self, job_id: str, folder: Path, *, interrupted: bool) -> None:
        """What this attempt made and did not publish goes, here and in storage."""

        def work(connection: Any) -> None:
            trash.expire_job(connection, job_id, grace=LATE_MS)
            if interrupted:
                jobs.give_back(connection, job_id)

        await asyncio.to_thread(_remove, folder)
        await self.catalog.write(work)

    async def _run(self, job: Job, folder: Path) -> int:
        asset = await self.catalog.read(lambda c: assets.get(c, job.asset_id))
        observe.bind(owner=asset.owner, tenant=asset.tenant, bytes=asset.bytes)  # on every line of this job
        # What a dead attempt had stored without making it known goes at the next sweep.
        await self.catalog.write(lambda c: trash.expire_job(c, job.id))
        recipe = self.recipes.get(job.recipe)
        if recipe is None:
            raise BadRequest(
                f"The recipe {job.recipe!r} of this job is not configured any more.",
                hint="Put it back into the settings of the worker, or run another recipe on the file.",
                code="unknown-recipe",
            )
        return await recipe.run(Attempt(job, asset, folder))

    async def _fail(self, job: Job, error: Exception) -> None:
        """End a job as failed. What we did not foresee is logged in full and shown as no more than that."""
        if not isinstance(error, RenditorError):
            observe.log().error("job_crashed", job=job.id, asset=job.asset_id, exc_info=error)
            error = Internal(hint="The server's log has the details under this job's id.")
        shown = {"code": error.error_code, "title": error.title, "detail": error.detail, "hint": error.hint}
        if await self.catalog.write(lambda c: jobs.finish(c, job.id, "failed", shown)):
            observe.JOBS.labels(job.recipe, "failed").inc()
            recipe = self.recipes.get(job.recipe)
            observe.log().error(
                f"{recipe.kind if recipe else job.recipe}_processing_failed",
                job=job.id,
                asset=job.asset_id,
                recipe=job.recipe,
                error=error.detail,
                error_type=type(error).__name__,
            )

    async def reconcile(self, engine: JobEngine) -> None:
        """Bring our rows and the engine's together: hand over what never arrived, end what the engine gave up."""
        alive = []
        for job in await self.catalog.read(lambda c: jobs.stale(c, now_ms() - _STALE_MS)):
            state = await engine.status(job.id)
            if state is None:
                background = job.recipe in self.in_background
                await engine.enqueue(RECIPE_JOB, job.id, {"job_id": job.id}, background=background)
            if state is None or state.state in ("queued", "running"):
                alive.append(job.id)
            else:
                await self._fail(job, _gave_up(job, state.attempts))
        if alive:  # the next round begins with those behind them
            await self.catalog.write(partial(jobs.touch, job_ids=alive))


def _gave_up(job: Job, deaths: int) -> ProcessingFailed:
    """``job`` as the last attempt left it: its stage is the one that did not end."""
    during = f", the last time while it was {job.stage!r}" if job.stage else ""
    return ProcessingFailed(
        f"Processing was begun {deaths} times and ended with its worker each time{during}: it was given up.",
        hint="The file may be made to do that. The logs of the worker and of the machine (memory?) tell more.",
        code="gave-up",
    )


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


def _remove(folder: Path) -> None:
    """What cannot be removed now is left to the sweeps."""
    with contextlib.suppress(OSError):
        clear(folder)

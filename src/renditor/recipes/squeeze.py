"""The recipe that encodes much used pictures again, one asset at a time, whenever nobody waits for anything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol

from renditor.catalog import jobs
from renditor.catalog.base import Catalog
from renditor.jobs.base import RECIPE_JOB, SQUEEZE, JobEngine
from renditor.models import Asset, Job, new_id, now_ms
from renditor.recipes.recipe import Attempt, JobGone

# Seconds between looks for work.
_EVERY = 15.0


class Squeezing(Protocol):
    """Knows which pictures are worth it, and does it (``deliver.Squeezer``)."""

    async def hottest(self) -> str | None:
        """The id of an asset with pictures worth it, or None."""
        ...

    async def squeeze(self, asset: Asset) -> int:
        """Returns: bytes saved. What was tried is not ``hottest`` again."""
        ...


@dataclass(frozen=True, slots=True)
class SqueezeRecipe:
    """A job for the pictures of one asset."""

    kind: ClassVar[str] = SQUEEZE
    background: ClassVar[bool] = True

    catalog: Catalog
    squeezer: Squeezing

    def register(self, engine: JobEngine) -> None:
        """Have workers look for work, and do one job at a time."""
        engine.schedule("squeeze", _EVERY, lambda: self.look(engine))

    async def look(self, engine: JobEngine) -> None:
        """Enqueue a job for the asset whose pictures are asked for most, unless one is under way."""
        if await self.catalog.read(partial(jobs.is_under_way, recipe=SQUEEZE)):
            return
        asset_id = await self.squeezer.hottest()
        if asset_id is None:
            return
        job = Job(new_id(), asset_id, SQUEEZE, "queued", now_ms(), now_ms())
        asked = await self.catalog.write(partial(jobs.ask, job=job))
        await engine.enqueue(RECIPE_JOB, asked.id, {"job_id": asked.id}, background=self.background)

    async def run(self, attempt: Attempt) -> int:
        """See ``Recipe.run``."""
        await self.squeezer.squeeze(attempt.asset)
        if not await self.catalog.write(partial(jobs.finish, job_id=attempt.job.id, status="completed")):
            raise JobGone
        return 0

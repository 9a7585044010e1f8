"""The recipe that makes pictures before anybody asks for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol

from renditor.catalog import assets, jobs
from renditor.catalog.base import Catalog
from renditor.jobs.base import ANALYSIS, EAGER
from renditor.models import Asset, Job, OnProgress
from renditor.recipes.progress import Progress
from renditor.recipes.recipe import Attempt, JobGone
from renditor.transformation import Transformation, parse

# Seconds to wait for the analysis of a picture that was uploaded a moment ago: ``q_auto`` and ``g_auto`` make other
# pictures of what is known. Without it they would be made a second time.
_PATIENCE = 15.0
_LOOK_AGAIN = 0.25


class Maker(Protocol):
    """Makes and stores pictures where delivery looks for them (``deliver.Ahead``)."""

    async def make(self, asset: Asset, chains: Iterable[Transformation], on_progress: OnProgress) -> int:
        """Returns: bytes that were made; what is there already is not made again."""
        ...


@dataclass(frozen=True, slots=True)
class EagerRecipe:
    """The job's task is ``{"transformations": [...]}``, in canonical form, presets resolved."""

    kind: ClassVar[str] = EAGER
    background: ClassVar[bool] = True

    catalog: Catalog
    maker: Maker

    async def run(self, attempt: Attempt) -> int:
        """See ``Recipe.run``."""
        job = attempt.job
        chains = [parse(text) for text in (job.task or {})["transformations"]]
        asset = await self._analysed(attempt.asset)
        async with Progress(self.catalog, job.id) as progress:
            made = await self.maker.make(asset, chains, progress.report)
        await self.catalog.write(partial(_finish, job=job))
        return made

    async def _analysed(self, asset: Asset) -> Asset:
        """The asset with what its analysis finds, if that is about to end."""
        end = time.monotonic() + _PATIENCE
        unfinished = partial(jobs.is_unfinished, asset_id=asset.id, recipe=ANALYSIS)
        while time.monotonic() < end and await self.catalog.read(unfinished):  # noqa: ASYNC110 - done by another process
            await asyncio.sleep(_LOOK_AGAIN)
        return await self.catalog.read(lambda c: assets.get(c, asset.id))


def _finish(connection: Any, job: Job) -> None:
    if not jobs.finish(connection, job.id, "completed"):
        raise JobGone

"""The recipe that looks at a picture after its upload, in the background: what it finds goes into the metadata."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from renditor.catalog import assets, jobs
from renditor.catalog.base import Catalog
from renditor.errors import Internal
from renditor.images.analysis.findings import VERSION, Analysis
from renditor.images.base import Source
from renditor.jobs.base import ANALYSIS
from renditor.models import Asset, Job
from renditor.recipes.recipe import Attempt, JobGone
from renditor.routing import MediaRouter
from renditor.storage.base import Storage


@dataclass(frozen=True, slots=True)
class AnalysisRecipe:
    """Has the provider look at the picture, unless it has looked at the same bytes before."""

    kind: ClassVar[str] = ANALYSIS
    background: ClassVar[bool] = True

    catalog: Catalog
    storage: Storage
    router: MediaRouter

    async def run(self, attempt: Attempt) -> int:
        """See ``Recipe.run``."""
        asset = attempt.asset
        found = await self._found_before(asset)
        if found is None:
            path = await self.storage.checkout(asset.source, attempt.folder)
            found = await self.router.images(asset.route).analyse(Source(path, asset.format))
        await self.catalog.write(partial(_keep, job=attempt.job, found=found.to_json()))
        return 0

    async def _found_before(self, asset: Asset) -> Analysis | None:
        for metadata in await self.catalog.read(lambda c: assets.metadata_of_twins(c, asset.original_key)):
            if metadata.get("analysis") == VERSION:
                try:
                    return Analysis.from_json(metadata)
                except Internal:  # edited by hand: look again
                    continue
        return None


def _keep(connection: Any, job: Job, found: dict[str, Any]) -> None:
    if not jobs.finish(connection, job.id, "completed"):
        raise JobGone
    assets.merge_metadata(connection, job.asset_id, found)

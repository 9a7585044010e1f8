"""The recipes of video and audio: check the original out, have it processed, publish what was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from renditor.audio.base import AudioFormat
from renditor.models import Asset, Output
from renditor.recipes.progress import Progress
from renditor.recipes.publishing import Publisher
from renditor.recipes.recipe import Attempt
from renditor.recipes.settings import RecipeSettings
from renditor.routing import MediaRouter
from renditor.video.plan import Tier, plan


@dataclass(frozen=True, slots=True)
class MovingRecipe:
    """Runs the provider of the asset's media type, and keeps the asset's progress up to date meanwhile."""

    background: ClassVar[bool] = False

    publisher: Publisher
    router: MediaRouter
    settings: RecipeSettings
    tier: Tier

    async def run(self, attempt: Attempt) -> int:
        """See ``Recipe.run``."""
        progress = Progress(self.publisher.catalog, attempt.job.id)
        source = await self.publisher.storage.checkout(attempt.asset.original_key, attempt.folder)
        made = attempt.folder / "out"
        made.mkdir(mode=0o700)
        async with progress:
            make = self._video if attempt.job.recipe == "video" else self._audio
            outputs = await make(attempt.asset, source, made, progress)
            await self.publisher.publish(attempt.job, outputs)
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

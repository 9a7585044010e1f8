"""The recipes of video and audio: check the original out, have it processed, publish what was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from renditor.audio.formats import AudioFormat
from renditor.audio.plan import plan_audio
from renditor.audio.treatment import Treatment
from renditor.catalog import Catalog
from renditor.models import OnPlayable, OnProgress, Output
from renditor.recipes.progress import Progress
from renditor.recipes.publishing import Publication
from renditor.recipes.recipe import Attempt
from renditor.recipes.settings import AudioRecipe, VideoRecipe
from renditor.routing import MediaRouter
from renditor.storage.base import Storage
from renditor.video.base import VideoSettings
from renditor.video.plan import plan


class Maker(Protocol):
    """What is particular about one media type: everything between the original and the outputs."""

    kind: ClassVar[str]

    async def make(
        self, attempt: Attempt, source: Path, on_progress: OnProgress, on_playable: OnPlayable | None
    ) -> tuple[Output, ...]:
        """Make all outputs below the attempt's folder.

        Args:
            attempt: what is processed, and where.
            source: the original, to be read only.
            on_progress: told how far it is.
            on_playable: takes a first part that can be played; None: nobody wants it.

        Raises: what the providers raise.
        """
        ...


@dataclass(frozen=True, slots=True)
class MovingRecipe:
    """A recipe by name: has a maker work on the original, and publishes what it made."""

    background: ClassVar[bool] = False

    catalog: Catalog
    storage: Storage
    maker: Maker

    @property
    def kind(self) -> str:
        """See ``Recipe``."""
        return self.maker.kind

    async def run(self, attempt: Attempt) -> int:
        """See ``Recipe.run``."""
        publication = Publication(self.catalog, self.storage, attempt)
        async with Progress(self.catalog, attempt.job.id) as progress:
            source = await self.storage.checkout(attempt.asset.original_key, attempt.folder)
            # What is complete already stays as it is until all of the new is there.
            on_playable = publication.show if attempt.asset.status == "processing" else None
            outputs = await self.maker.make(attempt, source, progress.report, on_playable)
            await publication.complete(outputs, progress.stored)
        return sum(output.bytes for output in outputs)


@dataclass(frozen=True, slots=True)
class VideoMaker:
    """``settings``: what holds where the recipe says nothing."""

    kind: ClassVar[str] = "video"

    router: MediaRouter
    recipe: VideoRecipe
    settings: VideoSettings

    async def make(
        self, attempt: Attempt, source: Path, on_progress: OnProgress, on_playable: OnPlayable | None
    ) -> tuple[Output, ...]:
        """See ``Maker``."""
        provider, recipe = self.router.video(attempt.asset.route), self.recipe
        probe = await provider.probe(source, key_frames=recipe.copy_compliant and "hls" in recipe.outputs)
        wanted = plan(
            probe,
            recipe.tier or self.settings.tier,
            recipe.outputs,
            steps=self.settings.ladders[recipe.ladder],
            first_playable=recipe.first_playable and on_playable is not None,
        )
        return await provider.run(wanted, source, _folder(attempt, "video"), on_progress, on_playable)


@dataclass(frozen=True, slots=True)
class AudioMaker:
    kind: ClassVar[str] = "audio"

    router: MediaRouter
    recipe: AudioRecipe

    async def make(
        self,
        attempt: Attempt,
        source: Path,
        on_progress: OnProgress,
        on_playable: OnPlayable | None,  # noqa: ARG002 - sound is made in a moment: no part of it is shown before
    ) -> tuple[Output, ...]:
        """See ``Maker``."""
        provider, recipe = self.router.audio(attempt.asset.route), self.recipe
        probe = await provider.probe(source)
        folder = _folder(attempt, "audio")
        formats = [AudioFormat(container, self._bitrate(container)) for container in recipe.formats]
        wanted = plan_audio(probe, formats, Treatment(loudness=recipe.loudness))
        return await provider.run(wanted, source, folder, on_progress)

    def _bitrate(self, container: str) -> int | None:
        """bit/s; None: that container's codec has a rate of its own."""
        return {"mp3": self.recipe.bitrate, "m4a": self.recipe.bitrate, "opus": self.recipe.opus_bitrate}.get(container)


def _folder(attempt: Attempt, name: str) -> Path:
    folder = attempt.folder / name
    folder.mkdir(mode=0o700)
    return folder

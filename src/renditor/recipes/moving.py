"""The recipes of video and audio: check the original out, have it processed, publish what was made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Protocol

from renditor.audio.formats import AudioFormat
from renditor.audio.plan import plan_audio
from renditor.audio.treatment import Treatment
from renditor.audio.waveform.plan import SET as WAVEFORM
from renditor.catalog.base import Catalog
from renditor.ffmpeg.probe import MediaProbe
from renditor.models import OnPlayable, OnProgress, Output
from renditor.recipes.carrying import carry_captions
from renditor.recipes.progress import Progress, parts
from renditor.recipes.publishing import Publication
from renditor.recipes.recipe import Attempt
from renditor.recipes.settings import AudioRecipe, VideoRecipe
from renditor.routing import MediaRouter
from renditor.storage.base import Storage
from renditor.video.base import VideoSettings
from renditor.video.plan import plan, plan_chapters
from renditor.video.subtitles.chapters import make_chapters
from renditor.video.verify import check_chapters


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
            source = await self.storage.checkout(attempt.asset.source, attempt.folder)
            # What is complete already stays as it is until all of the new is there.
            on_playable = publication.show if attempt.asset.status == "processing" else None
            outputs = await self.maker.make(attempt, source, progress.report, on_playable)
            outputs = await carry_captions(self.catalog, self.storage, attempt, outputs)
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


# Nothing is lost in it: what is made of it is as good as of the original.
_LEVEL: Final = "flac"
# How long the parts of an audio recipe take, against each other: six encoders at most, one look, two encoders.
_FILES, _WAVEFORM, _STREAM = 6.0, 1.0, 3.0


@dataclass(frozen=True, slots=True)
class AudioMaker:
    """Chapters, files, then the waveform and the stream; these two from a file where the loudness was changed."""

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
        recipe, provider = self.recipe, self.router.audio(attempt.asset.route)
        probe, wanted = await provider.probe(source), self._formats()
        weights = (_FILES * bool(wanted), _WAVEFORM * recipe.waveform, _STREAM * recipe.hls)
        on_files, on_waveform, on_stream = parts(on_progress, weights)
        made = await self._chapters(attempt, probe) if recipe.chapters else []
        if wanted:
            plan_of_files = plan_audio(probe, wanted, Treatment(loudness=recipe.loudness))
            made += await provider.run(plan_of_files, source, _folder(attempt, "audio"), on_files)
            source = next((one.path for one in made if self._is_level(one)), source)
        if recipe.waveform:
            made.append(await provider.waveform(WAVEFORM, source, _folder(attempt, "picture"), on_waveform))
        if recipe.hls:
            made += await self._stream(attempt, source, on_stream)
        return tuple(one for one in made if one.kind != "audio" or one.path.suffix[1:] in recipe.formats)

    async def _chapters(self, attempt: Attempt, probe: MediaProbe) -> list[Output]:
        found = plan_chapters(probe, probe.duration or 0.0)
        if not found:
            return []
        output = await asyncio.to_thread(make_chapters, found, _folder(attempt, "chapters"))
        check_chapters(found, output.path)
        return [output]

    async def _stream(self, attempt: Attempt, source: Path, on_progress: OnProgress) -> tuple[Output, ...]:
        provider = self.router.video()
        wanted = plan(await provider.probe(source), outputs=("hls",))
        return await provider.run(wanted, source, _folder(attempt, "stream"), on_progress)

    def _formats(self) -> list[AudioFormat]:
        """The files of the recipe; where the loudness is to be changed, also one that others can be made of."""
        containers = list(self.recipe.formats)
        if self.recipe.loudness is not None and (self.recipe.hls or self.recipe.waveform):
            containers += [] if _LEVEL in containers else [_LEVEL]
        rates = {"mp3": self.recipe.bitrate, "m4a": self.recipe.bitrate, "opus": self.recipe.opus_bitrate}
        return [AudioFormat(container, rates.get(container)) for container in containers]

    def _is_level(self, output: Output) -> bool:
        return self.recipe.loudness is not None and output.path.suffix == f".{_LEVEL}"


def _folder(attempt: Attempt, name: str) -> Path:
    folder = attempt.folder / name
    folder.mkdir(mode=0o700)
    return folder

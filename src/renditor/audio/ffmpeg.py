"""The local audio provider: FFmpeg in the sandbox, one decode for all formats, each result read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from renditor.audio import commands
from renditor.audio.base import AudioFormat
from renditor.audio.waveform.plan import FOLDER as WAVEFORM_FOLDER
from renditor.audio.waveform.plan import WaveformPlan
from renditor.errors import CorruptMedia, NoSuchStream, ProcessingFailed, RenditorError, Unprocessable
from renditor.ffmpeg.probe import MediaProbe
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import Command, Toolbox
from renditor.ffmpeg.workspace import stored_bytes, workspace
from renditor.models import OnProgress, Output

if TYPE_CHECKING:
    from renditor.audio.waveform.make import Waveforms

_ENCODED: Final = 0.95  # share of the whole at which encoding ends
# A source may lack some of its end; more is damage. Encoders add up to 0.1 s of their own delay.
_MISSING_SECONDS: Final = 0.5
_MISSING_SHARE: Final = 0.02


class FFmpegAudio:
    """An ``AudioProvider`` on this machine. Takes audio files and the sound of videos alike."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    async def probe(self, source: Path) -> MediaProbe:
        """See ``AudioProvider``."""
        found = await self._toolbox.probe(source)
        commands.main_stream(found)
        return found

    def commands(self, formats: tuple[AudioFormat, ...], probe: MediaProbe, source: Path) -> list[Command]:
        """The command lines that ``run`` would use, beside those that read the results back."""
        with_cover = _wants_cover(formats, probe)
        encoding = commands.encode(formats, probe, self._open(source), with_cover=with_cover)
        found = (
            [self._toolbox.shown("cover", "ffmpeg", commands.cover(probe, self._open(source)))] if with_cover else []
        )
        return [*found, self._toolbox.shown("encoding", "ffmpeg", encoding)]

    async def run(
        self, formats: tuple[AudioFormat, ...], source: Path, folder: Path, on_progress: OnProgress
    ) -> tuple[Output, ...]:
        """See ``AudioProvider``. Tags that describe the work are kept, a cover where the format can hold one."""
        encoders = [commands.WRITERS[wanted.container].encoder for wanted in formats]
        self._toolbox.binaries.require_encoders(encoders)
        found = await self.probe(source)
        names = commands.names(formats)
        async with workspace(folder, names):
            with_cover = _wants_cover(formats, found) and await self._take_cover(found, source, folder)
            arguments = commands.encode(formats, found, self._open(source), with_cover=with_cover)
            reader = ProgressReader(found.duration, lambda done: on_progress(done * _ENCODED, "encoding"))
            budget = self._toolbox.budget(found.duration, sum(wanted.bitrate for wanted in formats))
            await self._toolbox.ffmpeg(arguments, folder=folder, reads=(source,), budget=budget, progress=reader)
            on_progress(_ENCODED, "verifying")
            outputs = [
                await self._check(wanted, found, folder / name) for wanted, name in zip(formats, names, strict=True)
            ]
        on_progress(1.0, "completed")
        return tuple(outputs)

    def waveform_command(self, plan: WaveformPlan, probe: MediaProbe, source: Path) -> Command:
        """The command line that ``waveform`` would use."""
        return self._toolbox.shown("reading", "ffmpeg", self._waveforms(plan, probe).arguments(source))

    async def waveform(self, plan: WaveformPlan, source: Path, folder: Path, on_progress: OnProgress) -> Output:
        """See ``AudioProvider``."""
        found = await self.probe(source)
        async with workspace(folder, [WAVEFORM_FOLDER]):
            output = await self._waveforms(plan, found).make(source, folder, on_progress)
            _expect_length(found, output.duration)
        return output

    def _waveforms(self, plan: WaveformPlan, probe: MediaProbe) -> Waveforms:
        # numpy takes 0.1 s and 25 MB that other work need not spend.
        from renditor.audio.waveform.make import Waveforms  # noqa: PLC0415

        return Waveforms(self._toolbox, plan, commands.main_stream(probe), probe.duration)

    def _open(self, source: Path) -> list[str]:
        return self._toolbox.open(source.absolute())

    async def _take_cover(self, probe: MediaProbe, source: Path, folder: Path) -> bool:
        """A damaged picture does not stop the music."""
        arguments = commands.cover(probe, self._open(source))
        budget = self._toolbox.budget(0.0, 0)
        try:
            await self._toolbox.ffmpeg(arguments, folder=folder, reads=(source,), budget=budget)
        except (Unprocessable, ProcessingFailed):
            return False
        return stored_bytes(folder / commands.COVER_FILE) > 0

    async def _check(self, wanted: AudioFormat, source: MediaProbe, path: Path) -> Output:
        try:
            made = await self._toolbox.probe(path)
            stream = commands.main_stream(made)
        except NoSuchStream:
            raise CorruptMedia("The sound track of this file is empty or damaged.") from None
        except RenditorError as error:
            raise ProcessingFailed(f"The result cannot be read back: {error.detail}") from error
        if stream.codec != wanted.codec:
            raise ProcessingFailed("The result did not pass its check: it has another codec than planned.")
        _expect_length(source, made.duration)
        return Output(
            kind="audio",
            name=path.name,
            path=path,
            content_type=commands.WRITERS[wanted.container].content_type,
            bytes=stored_bytes(path),
            duration=made.duration,
            metadata={
                "codec": wanted.codec,
                "bitrate": stream.bitrate or made.bitrate,
                "sample_rate": stream.sample_rate,
                "channels": stream.channels,
            },
        )


def _expect_length(source: MediaProbe, made: float | None) -> None:
    """``made``: seconds. How long one of several streams lasts, only some containers say: Matroska gives the length of
    the longest."""
    stream = commands.main_stream(source)
    alone = source.video is None and len(source.audio) == 1
    planned = (source.duration if alone else stream.duration) or 0.0
    length = made or 0.0
    if length < planned - max(_MISSING_SECONDS, planned * _MISSING_SHARE):
        raise CorruptMedia(
            f"The file is damaged or incomplete: its sound could be read for {length:.1f} of {planned:.1f} seconds."
        )


def _wants_cover(formats: tuple[AudioFormat, ...], probe: MediaProbe) -> bool:
    return probe.cover is not None and any(commands.WRITERS[wanted.container].cover for wanted in formats)

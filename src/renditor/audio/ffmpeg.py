"""The local audio provider: FFmpeg in the sandbox, one decode for all files, each result read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from renditor.audio.plan import AudioPlan, choose, sound_length
from renditor.audio.run import Run
from renditor.audio.verify import expect_length
from renditor.audio.waveform.plan import FOLDER as WAVEFORM_FOLDER
from renditor.audio.waveform.plan import WaveformPlan
from renditor.ffmpeg.probe import MediaProbe
from renditor.ffmpeg.run import Command, Toolbox
from renditor.ffmpeg.workspace import workspace
from renditor.models import OnProgress, Output

if TYPE_CHECKING:
    from renditor.audio.waveform.make import Waveforms


class FFmpegAudio:
    """An ``AudioProvider`` on this machine. Takes audio files and the sound of videos alike."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    async def probe(self, source: Path) -> MediaProbe:
        """See ``AudioProvider``."""
        found = await self._toolbox.probe(source)
        choose(found)
        return found

    async def commands(self, plan: AudioPlan, source: Path, folder: Path, on_progress: OnProgress) -> list[Command]:
        """The command lines that ``run`` would use, beside those that read the results back. Where the sound has to be
        heard before it is known what to do, it is; nothing stays in ``folder``.

        Raises: as ``run``.
        """
        async with workspace(folder, ()):
            return await Run(self._toolbox, plan, source, folder, on_progress).commands()

    async def run(self, plan: AudioPlan, source: Path, folder: Path, on_progress: OnProgress) -> tuple[Output, ...]:
        """See ``AudioProvider``. Tags that describe the work are kept, a cover where the format can hold one."""
        self._toolbox.binaries.require_encoders([file.encoder for file in plan.files])
        async with workspace(folder, [file.name for file in plan.files]):
            outputs = await Run(self._toolbox, plan, source, folder, on_progress).make()
        on_progress(1.0, "completed")
        return outputs

    def waveform_command(self, plan: WaveformPlan, probe: MediaProbe, source: Path) -> Command:
        """The command line that ``waveform`` would use."""
        return self._toolbox.shown("reading", "ffmpeg", self._waveforms(plan, probe).arguments(source))

    async def waveform(self, plan: WaveformPlan, source: Path, folder: Path, on_progress: OnProgress) -> Output:
        """See ``AudioProvider``."""
        found = await self.probe(source)
        async with workspace(folder, [WAVEFORM_FOLDER]):
            output = await self._waveforms(plan, found).make(source, folder, on_progress)
            expect_length(output.duration or 0.0, sound_length(found, choose(found)))
        return output

    def _waveforms(self, plan: WaveformPlan, probe: MediaProbe) -> Waveforms:
        # numpy takes 0.1 s and 25 MB that other work need not spend.
        from renditor.audio.waveform.make import Waveforms  # noqa: PLC0415

        return Waveforms(self._toolbox, plan, choose(probe), probe.duration)

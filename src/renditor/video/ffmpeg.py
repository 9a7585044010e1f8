"""The local video provider: FFmpeg, ffprobe and Shaka Packager in the sandbox.

``stages`` says what a run does. Everything lies in the job folder: ``work/`` while it runs, then ``hls/``,
``video.mp4`` and the pictures. A run that fails or is cancelled leaves the folder as it found it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from renditor.ffmpeg.packets import read_key_frames
from renditor.ffmpeg.probe import KeyFrames, MediaProbe
from renditor.ffmpeg.run import Command, Toolbox
from renditor.ffmpeg.workspace import workspace
from renditor.models import OnPlayable, OnProgress, Output
from renditor.video import compliance
from renditor.video.base import VideoSettings
from renditor.video.commands import encoded_rungs
from renditor.video.convert.animate import Animating, AnimationPlan
from renditor.video.convert.conversion import Conversion
from renditor.video.convert.transcode import TranscodePlan
from renditor.video.pictures import kinds
from renditor.video.pictures.frames import FrameOptions
from renditor.video.pictures.stills import Stills
from renditor.video.plan import OUTPUTS, OutputKind, Tier, VideoPlan, frame_rate
from renditor.video.plan import plan as make_plan
from renditor.video.stages import NAMES, Making, run_stages
from renditor.video.steps import DEFAULT_LADDER

__all__ = ["Command", "FFmpegVideo"]


class FFmpegVideo:
    """A ``VideoProvider`` on this machine. Also makes single files and single frames, for the command line."""

    def __init__(self, toolbox: Toolbox, settings: VideoSettings) -> None:
        self._toolbox = toolbox
        self._settings = settings
        self.stills = Stills(toolbox)

    async def probe(self, source: Path, *, key_frames: bool = False) -> MediaProbe:
        """See ``VideoProvider``. A file with sound alone is described too: ``media_type`` says what it is."""
        found = await self._toolbox.probe(source)
        if not key_frames or found.video is None:
            return found
        fault = compliance.described_fault(found)
        if fault:
            return replace(found, key_frames=KeyFrames(fault=fault))
        rate = frame_rate(found.video)
        return replace(found, key_frames=await read_key_frames(self._toolbox, source, found.video, rate))

    def plan(
        self,
        probe: MediaProbe,
        outputs: tuple[OutputKind, ...] = OUTPUTS,
        *,
        tier: Tier | None = None,
        ladder: str = DEFAULT_LADDER,
    ) -> VideoPlan:
        """What would be made of a source with the settings of this provider. Raises as ``video.plan.plan``.

        Args:
            probe: the source.
            outputs: what is wanted.
            tier: None: that of the settings.
            ladder: name of one of the settings.
        """
        return make_plan(probe, tier or self._settings.tier, outputs, steps=self._settings.ladders[ladder])

    def commands(self, plan: VideoPlan, source: Path) -> list[Command]:
        """The command lines that ``run`` would use, beside those that read the results back."""
        return _shown(Making(self._toolbox, plan, source, folder=source.parent))

    async def run(
        self,
        plan: VideoPlan,
        source: Path,
        folder: Path,
        on_progress: OnProgress,
        on_playable: OnPlayable | None = None,
    ) -> tuple[Output, ...]:
        """See ``VideoProvider``. A plan is first playable only where somebody takes that first set."""
        self._require(plan)
        making = Making(self._toolbox, plan, source, folder, on_playable)
        await _carry_out(making, NAMES, on_progress)
        return tuple(making.outputs[kind] for kind in plan.outputs)

    async def frame(self, source: Path, folder: Path, at: float) -> Path:
        """See ``VideoProvider``; a PNG, or a JPEG where FFmpeg was built without zlib."""
        probe = await self.probe(source)
        encoders = self._toolbox.binaries.require("ffmpeg").capabilities.encoders
        options = FrameOptions(at=at, format="png" if "png" in encoders else "jpg")
        return (await self.stills.frame(probe, source, folder, options)).path

    async def transcode(self, plan: TranscodePlan, source: Path, folder: Path, on_progress: OnProgress) -> Output:
        """One file ``video.<container>`` in ``folder``, read back and checked.

        Raises: as ``run``.
        """
        self._toolbox.binaries.require_encoders(plan.encoders)
        conversion = Conversion(self._toolbox, plan, source, folder)
        await _carry_out(conversion, (conversion.name,), on_progress)
        return conversion.made

    def transcode_commands(self, plan: TranscodePlan, source: Path) -> list[Command]:
        """The command lines that ``transcode`` would use."""
        return _shown(Conversion(self._toolbox, plan, source, folder=source.parent))

    async def animate(self, plan: AnimationPlan, source: Path, folder: Path, on_progress: OnProgress) -> Output:
        """One file ``video.gif`` or ``video.webp`` in ``folder``, read back and checked.

        Raises: as ``run``.
        """
        self._toolbox.binaries.require_encoders((plan.format.encoder,))
        animating = Animating(self._toolbox, plan, source, folder)
        await _carry_out(animating, (animating.name,), on_progress)
        return animating.made

    def animate_commands(self, plan: AnimationPlan, source: Path) -> list[Command]:
        """The command lines that ``animate`` would use."""
        return _shown(Animating(self._toolbox, plan, source, folder=source.parent))

    def _require(self, plan: VideoPlan) -> None:
        """Nothing is begun that cannot be finished with the programs that are here."""
        binaries = self._toolbox.binaries
        needs = {"libx264": encoded_rungs(plan), "aac": plan.audio}
        binaries.require_encoders([encoder for encoder, needed in needs.items() if needed] + kinds.encoders(plan))
        binaries.require("ffprobe")
        if "hls" in plan.outputs:
            binaries.require("packager")


async def _carry_out(work: Making | Conversion | Animating, names: Sequence[str], on_progress: OnProgress) -> None:
    """Go through the stages of ``work``; in its folder, ``names`` stay."""
    async with workspace(work.folder, names):
        await run_stages(work.stages(), on_progress)
    on_progress(1.0, "completed")


def _shown(work: Making | Conversion | Animating) -> list[Command]:
    """The command lines of its stages. Nothing is done in its folder."""
    return [command for stage in work.stages() for command in stage.shown()]

"""The local video provider: FFmpeg, ffprobe and Shaka Packager in the sandbox.

``stages`` says what a run does. Everything lies in the job folder: ``work/`` while it runs, then ``hls/``,
``video.mp4`` and the pictures. A run that fails or is cancelled leaves the folder as it found it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from renditor.errors import ProcessingFailed
from renditor.ffmpeg.packets import read_key_frames
from renditor.ffmpeg.probe import KeyFrames, MediaProbe
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import Command, Toolbox
from renditor.ffmpeg.workspace import stored_bytes, workspace
from renditor.models import OnPlayable, OnProgress, Output
from renditor.video import compliance, pictures, verify
from renditor.video.base import VideoSettings
from renditor.video.commands import encoded_rungs
from renditor.video.frames import FrameOptions
from renditor.video.plan import OUTPUTS, OutputKind, VideoPlan
from renditor.video.plan import plan as make_plan
from renditor.video.stages import NAMES, Making, run_stages
from renditor.video.steps import DEFAULT_LADDER
from renditor.video.stills import Stills
from renditor.video.transcode import CONTAINERS, VIDEO_CODECS, TranscodePlan
from renditor.video.transcode import arguments as transcode_arguments

__all__ = ["Command", "FFmpegVideo"]

_TRANSCODE_BITRATE: Final = 100_000_000  # bit/s; CRF 0 has no cap of its own


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
        read = KeyFrames(fault=fault) if fault else await read_key_frames(self._toolbox, source, found.video)
        return replace(found, key_frames=read)

    def plan(self, probe: MediaProbe, outputs: tuple[OutputKind, ...] = OUTPUTS) -> VideoPlan:
        """What would be made of a source with the settings of this provider. Raises as ``video.plan.plan``."""
        return make_plan(probe, self._settings.tier, outputs, steps=self._settings.ladders[DEFAULT_LADDER])

    def commands(self, plan: VideoPlan, source: Path) -> list[Command]:
        """The command lines that ``run`` would use, beside those that read the results back."""
        making = Making(self._toolbox, plan, source, folder=source.parent)  # where nothing is done
        return [command for stage in making.stages() for command in stage.shown()]

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
        async with workspace(folder, NAMES):
            await run_stages(making.stages(), on_progress)
        on_progress(1.0, "completed")
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
        name = f"video.{plan.options.container}"
        async with workspace(folder, (name,)):
            reader = ProgressReader(plan.source.length, lambda done: on_progress(done * 0.99, "encoding"))
            await self._toolbox.ffmpeg(
                self._transcoding(plan, source),
                folder=folder,
                reads=(source,),
                budget=self._toolbox.budget(plan.source.length, _TRANSCODE_BITRATE),
                progress=reader,
            )
            output = await self._check_transcoded(plan, folder / name)
        on_progress(1.0, "completed")
        return output

    def transcode_commands(self, plan: TranscodePlan, source: Path) -> list[Command]:
        """The command line that ``transcode`` would use."""
        return [self._toolbox.shown("encoding", "ffmpeg", self._transcoding(plan, source))]

    def _require(self, plan: VideoPlan) -> None:
        """Nothing is begun that cannot be finished with the programs that are here."""
        binaries = self._toolbox.binaries
        needs = {"libx264": encoded_rungs(plan), "aac": plan.audio}
        binaries.require_encoders([encoder for encoder, needed in needs.items() if needed] + pictures.encoders(plan))
        binaries.require("ffprobe")
        if "hls" in plan.outputs:
            binaries.require("packager")

    async def _check_transcoded(self, plan: TranscodePlan, path: Path) -> Output:
        found = await self._toolbox.probe(path)
        width, height = plan.size
        codec = VIDEO_CODECS[plan.options.video].codec
        if found.video is None or (found.video.codec, found.video.width, found.video.height) != (codec, width, height):
            raise ProcessingFailed("The result did not pass its check: it has another codec or size than planned.")
        if bool(found.audio) != bool(plan.source.audio):
            raise ProcessingFailed("The result did not pass its check: it has not the planned sound.")
        verify.expect_length("pictures", found.video.duration or 0.0, plan.source.moving.duration, may_exceed=True)
        return Output(
            kind="video",
            name=path.name,
            path=path,
            content_type=CONTAINERS[plan.options.container].content_type,
            bytes=stored_bytes(path),
            width=width,
            height=height,
            duration=found.duration,
            metadata={"video_codec": plan.options.video, "audio_codec": plan.options.audio if found.audio else None},
        )

    def _transcoding(self, plan: TranscodePlan, source: Path) -> list[str]:
        return transcode_arguments(
            plan,
            self._toolbox.open(source.absolute()),
            f"video.{plan.options.container}",
            threads=self._toolbox.settings.threads,
            tone_mapping=self._tone_mapping,
        )

    @property
    def _tone_mapping(self) -> bool:
        return self._toolbox.binaries.require("ffmpeg").capabilities.tone_mapping

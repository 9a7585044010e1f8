"""Pictures taken straight from a source: a frame at any time, or a storyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from renditor.errors import CorruptMedia
from renditor.ffmpeg.probe import MediaProbe
from renditor.ffmpeg.run import Budget, Command, Toolbox
from renditor.ffmpeg.workspace import stored_bytes, workspace
from renditor.models import OnProgress, Output
from renditor.video.pictures import frames, storyboard
from renditor.video.pictures.checks import check_storyboard
from renditor.video.pictures.frames import FrameOptions, moving_pictures
from renditor.video.pictures.sampling import Footage
from renditor.video.pictures.storyboard import StoryboardOptions

_LARGEST_PICTURE: Final = 256 * 1024**2  # bytes; 40 million px as an incompressible PNG are 120 MB
_READ: Final = 0.97  # share of the time after which a storyboard is there


class Stills:
    """Takes pictures from sources with the programs of this machine."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    async def frame(self, probe: MediaProbe, source: Path, folder: Path, options: FrameOptions) -> Output:
        """One frame in the wanted format, fitted into the wanted box, as ``frame.jpg`` (png, webp) in ``folder``.

        Raises:
            NoSuchStream: no moving pictures.
            CorruptMedia: no frame can be decoded.
        """
        self._toolbox.binaries.require_encoders((options.encoder,))
        path = folder / f"frame.{options.format}"
        budget = Budget(self._toolbox.settings.timeout_floor, file_size=_LARGEST_PICTURE)
        async with workspace(folder, (path.name,)):
            for number in range(len(frames.starts(options, probe))):
                arguments = self._framing(probe, source, options, number)
                await self._toolbox.ffmpeg(arguments, folder=folder, reads=(source,), budget=budget)
                if size := stored_bytes(path):
                    shown = options.size(moving_pictures(probe))
                    return Output("frame", path.name, path, options.content_type, size, *shown)
            raise CorruptMedia("No frame of the video can be decoded: the file is damaged.")

    def frame_commands(self, probe: MediaProbe, source: Path, options: FrameOptions) -> list[Command]:
        """The command lines that ``frame`` would try, in order, until one gives a frame."""
        count = len(frames.starts(options, probe))
        return [
            self._toolbox.shown(
                "frame, if that gave none" if number else "frame",
                "ffmpeg",
                self._framing(probe, source, options, number),
            )
            for number in range(count)
        ]

    async def storyboard(
        self, probe: MediaProbe, source: Path, folder: Path, options: StoryboardOptions, on_progress: OnProgress
    ) -> Output:
        """Sheets of small pictures and their cues as ``folder/storyboard``, read back and checked.

        Raises:
            BadRequest: more tiles than a storyboard may have.
            NoSuchStream: no moving pictures.
            CorruptMedia: no frame can be decoded.
        """
        self._toolbox.binaries.require_encoders(("mjpeg", "ffv1"))
        footage = Footage.of_source(source, probe, moving_pictures(probe))
        async with workspace(folder, (storyboard.FOLDER,)):
            output = await storyboard.make(
                self._toolbox, footage, options, folder, lambda done: on_progress(done * _READ, "reading")
            )
            on_progress(_READ, "verifying")
            await check_storyboard(output, folder, self._toolbox)
        on_progress(1.0, "completed")
        return output

    def storyboard_plan(
        self, probe: MediaProbe, source: Path, options: StoryboardOptions
    ) -> tuple[dict[str, Any], list[Command]]:
        """What ``storyboard`` would make if no key frame is missing, and its command lines. Raises: as that."""
        footage = Footage.of_source(source, probe, moving_pictures(probe))
        wanted = storyboard.tiles(footage, options)
        shown = storyboard.described(wanted, storyboard.sheets(wanted, wanted.most))
        return shown, storyboard.commands(self._toolbox, footage, options)

    def _framing(self, probe: MediaProbe, source: Path, options: FrameOptions, number: int) -> list[str]:
        start, last = frames.starts(options, probe)[number]
        opened = self._toolbox.open(source.absolute(), *frames.seeking(options, probe, start, last=last))
        tone_mapping = self._toolbox.binaries.require("ffmpeg").capabilities.tone_mapping
        name = f"frame.{options.format}"
        return frames.arguments(options, probe, opened, name, last=last, tone_mapping=tone_mapping)

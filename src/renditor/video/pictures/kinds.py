"""The pictures that go with a video: poster, storyboard, preview. Made of the encoded rungs, and read back.

Each kind of output is one row of a table; ``FFmpegVideo.run`` takes what a plan asks for from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renditor.errors import CorruptMedia, failed_check
from renditor.ffmpeg.run import Command, Toolbox
from renditor.models import Output
from renditor.video.pictures import poster, preview, storyboard
from renditor.video.pictures.checks import check_poster, check_preview, check_storyboard
from renditor.video.pictures.sampling import Footage
from renditor.video.pictures.storyboard import StoryboardOptions
from renditor.video.plan import OutputKind, VideoPlan


@dataclass(frozen=True, slots=True)
class _Kind:
    """``name``: of the file or folder in the job folder; ``encoder``: of FFmpeg, that it needs.

    ``make`` and ``commands`` take the smallest and the largest rung.
    """

    name: str
    encoder: str
    make: Callable[[Toolbox, Footage, Footage, Path], Awaitable[Output]]
    commands: Callable[[Toolbox, Footage, Footage], list[Command]]
    check: Callable[[Output, Path, Toolbox], Awaitable[None]]


KINDS: Final[Mapping[OutputKind, _Kind]] = {
    "poster": _Kind(poster.NAME, "mjpeg", poster.make, poster.commands, check_poster),
    "storyboard": _Kind(
        storyboard.FOLDER,
        "mjpeg",
        lambda toolbox, small, _, folder: storyboard.make(toolbox, small, StoryboardOptions(), folder),
        lambda toolbox, small, _: storyboard.commands(toolbox, small, StoryboardOptions()),
        check_storyboard,
    ),
    "preview": _Kind(
        preview.NAME,
        "libwebp_anim",
        lambda toolbox, small, _, folder: preview.make(toolbox, small, folder),
        lambda toolbox, small, _: preview.commands(toolbox, small),
        check_preview,
    ),
}


def encoders(plan: VideoPlan) -> list[str]:
    """The encoders of FFmpeg that the pictures of a plan need."""
    return [kind.encoder for name, kind in KINDS.items() if name in plan.outputs]


def names() -> list[str]:
    """What may lie in the job folder afterwards."""
    return [kind.name for kind in KINDS.values()]


def commands(toolbox: Toolbox, plan: VideoPlan, kind: OutputKind) -> list[Command]:
    """The command lines that ``make`` would use."""
    return KINDS[kind].commands(toolbox, *_of(plan))


async def make(toolbox: Toolbox, plan: VideoPlan, kind: OutputKind, folder: Path) -> Output:
    """Make one kind of picture from the rungs in ``work/``, and check it.

    Raises:
        ProcessingFailed: a rung of ours cannot be read back, or the picture did not pass its check.
    """
    try:
        made = await KINDS[kind].make(toolbox, *_of(plan), folder)
    except CorruptMedia as error:  # not the user's file: what we encoded of it
        raise failed_check("an encoded video cannot be read back") from error
    await KINDS[kind].check(made, folder, toolbox)
    return made


def _of(plan: VideoPlan) -> tuple[Footage, Footage]:
    """The smallest rung, which costs least to read, and the largest."""
    return Footage.of_rung(plan, plan.rungs[-1]), Footage.of_rung(plan, plan.rungs[0])

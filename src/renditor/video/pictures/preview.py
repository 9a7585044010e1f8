"""The preview: four seconds that show what a video is about, as an animated WebP for a page that lists many.

A long video is shown in four pieces from its whole length, a short one from its beginning. Made from the smallest rung,
whose key frames every 2 s make each piece quick to reach.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from renditor.ffmpeg.run import NO_METADATA, Command, Toolbox
from renditor.ffmpeg.workspace import stored_bytes
from renditor.models import Output
from renditor.video.convert.animation import ANIMATED
from renditor.video.ladder import fit
from renditor.video.pictures.sampling import Footage

NAME: Final = "preview.webp"
_SECONDS: Final = 4.0
_PIECES: Final = 4
_SIDE: Final = 320  # px of the longer side
LARGEST: Final = 1_000_000  # bytes; a page may show twenty of them
# Frames a second (times in WebP are whole milliseconds) and quality, in order of trial until the result is small
# enough. The usual film needs the first alone (0.1 to 0.4 MB); the last takes even noise.
_TRIALS: Final = ((10, 60), (10, 30), (5, 10))
LONGEST_FRAME: Final = 1 / min(rate for rate, _ in _TRIALS)  # seconds
_FORMAT: Final = ANIMATED["webp"]


def pieces(duration: float) -> list[tuple[float, float]]:
    """Which parts are shown, each as (start, seconds): from where something is likely to happen, not from the ends."""
    if duration < 2 * _SECONDS:
        return [(0.0, min(duration, _SECONDS))]
    each = _SECONDS / _PIECES
    return [(round(duration * (number + 0.5) / _PIECES - each / 2, 3), each) for number in range(_PIECES)]


def seconds(footage: Footage) -> float:
    """How long the preview lasts, in seconds."""
    return sum(lasts for _, lasts in pieces(footage.duration))


def size(footage: Footage) -> tuple[int, int]:
    """Width and height in px."""
    return fit(footage.width, footage.height, _SIDE, _SIDE)


def frames(footage: Footage, trial: int = 0) -> int:
    """How many frames there are at most."""
    return max(1, math.ceil(seconds(footage) * _TRIALS[trial][0]))


def arguments(toolbox: Toolbox, footage: Footage, trial: int = 0) -> list[str]:
    """Arguments of FFmpeg for the trial of that number."""
    rate, quality = _TRIALS[trial]
    width, height = size(footage)
    shown = pieces(footage.duration)
    opened = [
        argument
        for start, lasts in shown
        for argument in toolbox.open(footage.path, "-ss", f"{start:.3f}", "-t", f"{lasts:.3f}")
    ]
    # Rounded up: a video of a single frame, shorter than one of ours, still has one.
    chain = [f"fps={rate}:round=up", *footage.scaled(width, height, tone_mapping=False), _FORMAT.filters]
    inputs = "".join(f"[{number}:{footage.stream}]" for number in range(len(shown)))
    joined = f"{inputs}concat=n={len(shown)}," if len(shown) > 1 else inputs
    return [
        *opened,
        *(
            "-filter_complex",
            f"{joined}{','.join(chain)}[out]",
            "-map",
            "[out]",
            "-frames:v",
            str(frames(footage, trial)),
        ),
        *NO_METADATA,
        *_FORMAT.arguments(quality),
        NAME,
    ]


def commands(toolbox: Toolbox, footage: Footage) -> list[Command]:
    """The command line that ``make`` would use first."""
    return [toolbox.shown("preview", "ffmpeg", arguments(toolbox, footage))]


async def make(toolbox: Toolbox, footage: Footage, folder: Path) -> Output:
    """Make ``folder/preview.webp`` inside a workspace.

    Args:
        toolbox: the programs.
        footage: a rung; of HDR it would show flat colours.
        folder: the job folder.
    """
    path = folder / NAME
    budget = toolbox.budget(_SECONDS, bits_per_second=0)
    for trial in range(len(_TRIALS)):
        await toolbox.ffmpeg(arguments(toolbox, footage, trial), folder=folder, reads=footage.reads, budget=budget)
        if stored_bytes(path) <= LARGEST:
            break
    width, height = size(footage)
    return Output(
        "preview", NAME, path, _FORMAT.content_type, stored_bytes(path), width, height, duration=seconds(footage)
    )

"""The poster: the best of a few frames, taken from the encoded rungs, which are upright, in SDR and quick to read.

A good frame is neither black nor white, has contrast, shows much, is sharp and has colours. FFmpeg measures all that on
key frames of the smallest rung, because that costs least; the frame itself is then taken from the largest one. Where no
key frame is any good (a short video that begins in black has no other) all frames are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renditor.errors import CorruptMedia
from renditor.ffmpeg.run import MJPEG, NO_METADATA, Command, Toolbox
from renditor.ffmpeg.workspace import WORK, stored_bytes
from renditor.models import Output
from renditor.video.pictures.sampling import JPEG_PIXELS, Footage, note, pick, read_samples
from renditor.video.plan import GOP_SECONDS

NAME: Final = "poster.jpg"
_LOOKS: Final = WORK / "looks.txt"
# How many frames are looked at: key frames of the whole, and where they fail, frames of any kind.
_CANDIDATES: Final = {True: 40, False: 120}
_MEASURES: Final = ("signalstats", "entropy", "blurdetect")
_GOOD_ENOUGH: Final = 0.2  # a frame that is dark, flat or blurred stays below, an ordinary one reaches 0.5
_WORST: Final = 0.01  # of a factor: where all frames are bad in one way, the others still decide
# Video luma runs from 16 to 235. Below 40 a frame looks black, above 215 white.
_BLACK, _DARK, _BRIGHT, _WHITE = 16.0, 40.0, 215.0, 235.0
_CONTRAST: Final = 90.0  # luma between the darkest and the brightest tenth; half faded out it is half of that
_SHARP: Final = 5.0  # width of edges in px as `blurdetect` gives it: 3 to 5 for a sharp picture of 360 lines
_COLOURFUL: Final = 25.0  # mean saturation; a sunny landscape has 25, grey 0
# Titles and fades lie at both ends: the first and the last tenth count less.
_ENDS, _END_WEIGHT = 0.1, 0.8
_QUALITY: Final = "2"  # of the JPEG encoder: its best that is still worth the bytes
_JUST_BEFORE: Final = 0.001  # seconds; a seek lands on the next frame, and times are rounded


@dataclass(frozen=True, slots=True)
class Look:
    """What was measured of a frame.

    ``brightness``: mean luma (16 to 235); ``contrast``: luma between its darkest and brightest tenth; ``entropy`` of
    the luma (0 flat to 1); ``blur``: width of its edges in px, None if it has none; ``saturation``: 0 grey to 181.
    """

    brightness: float
    contrast: float
    entropy: float
    blur: float | None
    saturation: float

    @classmethod
    def of(cls, measures: Mapping[str, float]) -> Look:
        """From FFmpeg's names. Raises: KeyError: one is missing."""
        return cls(
            brightness=measures["signalstats.YAVG"],
            contrast=measures["signalstats.YHIGH"] - measures["signalstats.YLOW"],
            entropy=measures["entropy.normalized_entropy.normal.Y"],
            blur=measures.get("blur"),
            saturation=measures["signalstats.SATAVG"],
        )

    @property
    def score(self) -> float:
        """0 to 1, higher is better. Each fault alone is enough to lose against an ordinary frame."""
        dark = _share((self.brightness - _BLACK) / (_DARK - _BLACK))
        bright = _share((_WHITE - self.brightness) / (_WHITE - _BRIGHT))
        flat = _share(self.contrast / _CONTRAST)
        # Twice as wide edges are plainly blurred: a quarter. Without an edge there is nothing to look at.
        sharp = _share(_SHARP / self.blur) ** 2 if self.blur else _WORST
        colourful = 0.7 + 0.3 * _share(self.saturation / _COLOURFUL)
        return _share(self.entropy) * dark**2 * bright**2 * flat * sharp * colourful


def looking(toolbox: Toolbox, small: Footage, *, key_frames: bool = True) -> list[str]:
    """Arguments of FFmpeg that measure the candidates."""
    chain = [pick(_distance(small.duration, key_frames=key_frames), key_frames=key_frames), *_MEASURES, *note(_LOOKS)]
    return [
        *small.sampled(toolbox, key_frames=key_frames),
        *("-vf", ",".join(chain), "-fps_mode", "passthrough", "-f", "null", "-"),
    ]


def taking(toolbox: Toolbox, large: Footage, moment: float) -> list[str]:
    """Arguments of FFmpeg that write the frame at ``moment`` seconds as JPEG."""
    chain = [*large.scaled(large.width, large.height, tone_mapping=False), *JPEG_PIXELS]
    return [
        *large.opened(toolbox, "-ss", f"{max(0.0, moment - _JUST_BEFORE):.6f}"),
        *("-frames:v", "1", "-vf", ",".join(chain), *MJPEG, "-q:v", _QUALITY),
        *NO_METADATA,
        *("-f", "image2", "-update", "1", NAME),
    ]


def choose(looks: Mapping[float, Look], duration: float) -> tuple[float, float]:
    """Moment in seconds and score of the best frame, the earliest of equals. Raises: ValueError: there is none."""

    def weighted(moment: float) -> float:
        inside = _ENDS * duration <= moment <= (1 - _ENDS) * duration
        return looks[moment].score * (1 if inside else _END_WEIGHT)

    best = max(sorted(looks), key=weighted)
    return best, weighted(best)


def commands(toolbox: Toolbox, small: Footage, large: Footage) -> list[Command]:
    """The command lines that ``make`` would use; which moment it will be shows when all have been measured."""
    steps = (looking(toolbox, small), taking(toolbox, large, large.duration / 2))
    return [toolbox.shown("poster", "ffmpeg", arguments) for arguments in steps]


async def make(toolbox: Toolbox, small: Footage, large: Footage, folder: Path) -> Output:
    """Make ``folder/poster.jpg`` inside a workspace.

    Args:
        toolbox: the programs.
        small: the rung that is looked at.
        large: the rung that the frame is taken from; both have the same frames.
        folder: the job folder.

    Raises:
        CorruptMedia: no frame can be decoded.
    """
    moment, score = await _best(toolbox, small, folder)
    budget = toolbox.budget(large.length, bits_per_second=0)
    await toolbox.ffmpeg(taking(toolbox, large, moment), folder=folder, reads=large.reads, budget=budget)
    metadata = {"at": round(moment, 3), "score": round(score, 3)}
    path = folder / NAME
    return Output("poster", NAME, path, "image/jpeg", stored_bytes(path), large.width, large.height, metadata=metadata)


async def _best(toolbox: Toolbox, small: Footage, folder: Path) -> tuple[float, float]:
    budget = toolbox.budget(small.length, bits_per_second=0)
    looks: dict[float, Look] = {}
    for key_frames in (True, False):
        arguments = looking(toolbox, small, key_frames=key_frames)
        await toolbox.ffmpeg(arguments, folder=folder, reads=small.reads, budget=budget)
        looks |= {sample.time: Look.of(sample.measures) for sample in read_samples((folder / _LOOKS).read_text())}
        if looks and choose(looks, small.duration)[1] >= _GOOD_ENOUGH:
            break
    if not looks:
        raise CorruptMedia("No frame of the video can be decoded: the file is damaged.")
    return choose(looks, small.duration)


def _distance(duration: float, *, key_frames: bool) -> float:
    """Seconds between two candidates at least."""
    nearest = GOP_SECONDS if key_frames else 0.1
    return max(nearest, math.ceil(duration / _CANDIDATES[key_frames] * 10) / 10)


def _share(value: float) -> float:
    return min(1.0, max(_WORST, value))

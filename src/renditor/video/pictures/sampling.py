"""A few frames of a long video, spread over its length, from one pass over its key frames. Pure.

The decoder leaves out every frame that needs another one: of the usual video one in fifty remains, and that costs a
tenth of decoding it all. Of each stretch of ``interval`` seconds the first key frame is let through, and its exact time
is written to a file beside what filters measured of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from renditor.ffmpeg.probe import MediaProbe, VideoStream
from renditor.ffmpeg.run import Toolbox
from renditor.video.colour import Colour, source_colour
from renditor.video.commands import colours, rung_file
from renditor.video.ladder import Rung
from renditor.video.plan import VideoPlan

# JPEG (JFIF) holds BT.601 colours in full range, WebP (RFC 9649) in limited range; the encoders convert nothing.
JPEG_PIXELS: Final = ("scale=in_color_matrix=bt709:out_color_matrix=bt601:out_range=pc", "format=yuvj420p")
WEBP_PIXELS: Final = ("scale=in_color_matrix=bt709:out_color_matrix=bt601:out_range=tv", "format=yuv420p")
# Rungs are written so, and a source that is copied has to be so.
_ENCODED: Final = Colour("sdr", "bt709", full_range=False)
# Only key frames are decoded. Decoders that do not know the option decode all, and ``pick`` lets key frames through.
# AVI and program streams leave out times: without `genpts` a key frame gets that of the one after the next, which is
# being decoded when it comes out.
_KEY_FRAMES_ONLY: Final = ("-skip_frame", "nokey", "-fflags", "+genpts")
# Times are counted in microseconds: exact for every frame rate to well below a frame.
_TICKS: Final = 1_000_000
# A key frame just before its stretch still belongs to it (a share of the stretch): the next one may be far. Where all
# frames are looked at, only rounding is allowed for.
_EARLY: Final = 0.05
_ROUNDING: Final = 0.001
_HEAD: Final = re.compile(r"^frame:\d+ +pts:(-?\d+) ")
_MEASURE: Final = re.compile(r"^lavfi\.([\w.]+)=(\d+(?:\.\d+)?)$")


@dataclass(frozen=True, slots=True)
class Footage:
    """Moving pictures to take frames from: a source, or what was encoded of it.

    ``path`` is absolute, or relative to the job folder; ``stream`` the index of the pictures in it; ``width`` and
    ``height`` px as displayed; ``duration`` the seconds that the pictures last, ``length`` those of the whole, which
    sound may make longer.
    """

    path: Path
    stream: int
    width: int
    height: int
    colour: Colour
    duration: float
    length: float
    interlaced: bool = False

    @classmethod
    def of_source(cls, path: Path, probe: MediaProbe, video: VideoStream) -> Footage:
        """The pictures of an original as they were sent."""
        duration = video.duration or probe.duration or 0.0
        length = max(probe.duration or 0.0, duration)
        size = (video.width, video.height)
        return cls(
            path.absolute(), video.index, *size, source_colour(video), duration, length, interlaced=video.interlaced
        )

    @classmethod
    def of_rung(cls, plan: VideoPlan, rung: Rung) -> Footage:
        """An encoded rung in ``work/``: upright, progressive, SDR, a key frame every 2 s; quick to read."""
        path, lasts = Path(rung_file(rung)), plan.moving.duration
        return cls(path, 0, rung.width, rung.height, _ENCODED, lasts, plan.length)

    @property
    def reads(self) -> tuple[Path, ...]:
        """The files outside of the job folder that a run has to read."""
        return (self.path,) if self.path.is_absolute() else ()

    def opened(self, toolbox: Toolbox, *options: str) -> list[str]:
        """Arguments that open it with further input options, and choose its pictures alone."""
        return [*toolbox.open(self.path, *options), "-map", f"0:{self.stream}"]

    def sampled(self, toolbox: Toolbox, *, key_frames: bool) -> list[str]:
        """Arguments that open it for ``pick``."""
        return self.opened(toolbox, *(_KEY_FRAMES_ONLY if key_frames else ()))

    def scaled(self, width: int, height: int, *, tone_mapping: bool) -> list[str]:
        """Filters that bring a single frame to BT.709 in SDR at a size in px, with square pixels."""
        # Neighbours are missing, so nothing can be interpolated: one field has lines enough for a small picture.
        one_field = ["field=type=top"] if self.interlaced else []
        sized = colours(self.colour, f"w={width}:h={height}", tone_mapping=tone_mapping)
        return [*one_field, *sized, "setsar=1"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame that was let through: its time in seconds, and what filters measured, by FFmpeg's names."""

    time: float
    measures: Mapping[str, float] = field(default_factory=dict)


def pick(interval: float, *, key_frames: bool) -> str:
    """The filter that lets through the first frame of each stretch of ``interval`` seconds, if there is one."""

    early = _EARLY if key_frames else _ROUNDING

    def stretch(time: str) -> str:
        return f"floor({time}/{interval:.6f}+{early})"

    key = "key*" if key_frames else ""
    first = f"isnan(prev_selected_t)+gt({stretch('t')},{stretch('prev_selected_t')})"
    return f"select='{key}not(isnan(t))*({first})'"


def most(length: float, interval: float) -> int:
    """How many frames ``pick`` lets through at most, unless a file lies about its length."""
    return max(1, math.ceil(length / interval))


def note(file: PurePosixPath) -> list[str]:
    """Filters that write time and measures of each frame to ``file``, which ``read_samples`` reads."""
    # Frames of which nothing was measured are not printed: an entry of our own makes them appear.
    return [f"settb=1/{_TICKS}", "metadata=mode=add:key=sample:value=1", f"metadata=mode=print:file={file}"]


def read_samples(text: str) -> tuple[Sample, ...]:
    """What ``note`` wrote, in the order of the frames. A measure that is not a number (``-nan``) is left out."""
    found: list[tuple[float, dict[str, float]]] = []
    for line in text.splitlines():
        if head := _HEAD.match(line):
            found.append((int(head[1]) / _TICKS, {}))
        elif found and (measure := _MEASURE.match(line)):
            found[-1][1][measure[1]] = float(measure[2])
    return tuple(Sample(max(0.0, time), measures) for time, measures in found)

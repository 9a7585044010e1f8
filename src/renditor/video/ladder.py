"""The rungs of an adaptive stream: which sizes a source gets, and how many bits each may use. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Rung:
    """One size of the ladder. ``name`` is its folder; sizes in px, ``maxrate`` in bit/s, ``bufsize`` in bit.

    ``crf`` is x264's quality (lower is better); ``maxrate`` and ``bufsize`` cap what it costs (VBV), so that a busy
    scene does not outrun a network that is fast enough for the rung. ``copied``: the source's own pictures, as they
    are.
    """

    name: str
    width: int
    height: int
    crf: int
    maxrate: int
    bufsize: int
    copied: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    short_side: int
    crf: int
    maxrate: int


# Short side in px, CRF, cap in bit/s at up to 30 frames a second. The caps are the usual rungs for H.264 (Apple's HLS
# authoring specification gives 4.5 to 6 Mbit/s for 1080p); CRF 23 keeps 720p near VMAF 94 at preset `faster`.
_STEPS = (
    _Step(1080, 23, 5_000_000),
    _Step(720, 23, 2_800_000),
    _Step(480, 23, 1_400_000),
    _Step(360, 24, 800_000),
)
# Twice the frames need about 1.5 times the bits: neighbours resemble each other more.
_HIGH_RATE = Fraction(31)
_HIGH_RATE_FACTOR = 1.5
# Seconds of `maxrate` a decoder buffers: a peak over one 6 s segment stays within 1.25 times the cap.
_BUFFER_SECONDS = 1.5
# H.264 level 5.1 ends at 4096 px of width; panoramas and tall scrolls are fitted into it.
_LONGEST_SIDE = 3840


def ladder(width: int, height: int, frame_rate: Fraction) -> tuple[Rung, ...]:
    """Rungs for a source of ``width`` x ``height`` px as displayed, the largest first.

    By the short side, so that portrait video gets the same rungs as landscape; never larger than the source. A
    source below the smallest step gets one rung of its own size.
    """
    short = int(min(width, height) * min(Fraction(1), Fraction(_LONGEST_SIDE, max(width, height))))
    steps = [step for step in _STEPS if step.short_side <= short] or [replace(_STEPS[-1], short_side=max(short, 2))]
    return tuple(_rung(step, width, height, frame_rate) for step in steps)


def fit(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """Largest even size of the same shape within both the source and the box; at least 2 x 2 px."""
    scale = min(Fraction(box_width, width), Fraction(box_height, height), Fraction(1))
    return _even(width * scale, min(width, box_width)), _even(height * scale, min(height, box_height))


def _rung(step: _Step, width: int, height: int, frame_rate: Fraction) -> Rung:
    scale = min(Fraction(step.short_side, min(width, height)), Fraction(1))
    size = _even(width * scale, width), _even(height * scale, height)
    maxrate = round(step.maxrate * (_HIGH_RATE_FACTOR if frame_rate > _HIGH_RATE else 1))
    name = min(step.short_side, *size)
    return Rung(f"{name}p", *size, crf=step.crf, maxrate=maxrate, bufsize=round(maxrate * _BUFFER_SECONDS))


def _even(wanted: Fraction, most: int) -> int:
    """The nearest even number, because 4:2:0 colour has half the width and height; never above ``most``."""
    even = 2 * round(wanted / 2)
    return max(2, even if even <= most else even - 2)

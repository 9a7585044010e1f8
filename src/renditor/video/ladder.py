"""The rungs of an adaptive stream: which sizes a source gets, and how many bits each may use. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from renditor.video.steps import DEFAULT_STEPS, Step


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


# Twice the frames need about 1.5 times the bits: neighbours resemble each other more.
_HIGH_RATE = Fraction(31)
_HIGH_RATE_FACTOR = 1.5
# Seconds of `maxrate` a decoder buffers: a peak over one 6 s segment stays within 1.25 times the cap.
_BUFFER_SECONDS = 1.5
# H.264 level 5.1 ends at 4096 px of width; panoramas and tall scrolls are fitted into it.
_LONGEST_SIDE = 3840


def ladder(width: int, height: int, frame_rate: Fraction, steps: Sequence[Step] = DEFAULT_STEPS) -> tuple[Rung, ...]:
    """Rungs for a source of ``width`` x ``height`` px as displayed, the largest first.

    By the short side, so that portrait video gets the same rungs as landscape; never larger than the source. A
    source below the smallest of ``steps`` (largest first) gets one rung of its own size.
    """
    short = int(min(width, height) * min(Fraction(1), Fraction(_LONGEST_SIDE, max(width, height))))
    sizes = [(step.short_side, step) for step in steps if step.short_side <= short] or [(max(short, 2), steps[-1])]
    return tuple(_rung(size, step, width, height, frame_rate) for size, step in sizes)


def fit(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """Largest even size of the same shape within both the source and the box; at least 2 x 2 px."""
    scale = min(Fraction(box_width, width), Fraction(box_height, height), Fraction(1))
    return _even(width * scale, min(width, box_width)), _even(height * scale, min(height, box_height))


def _rung(short_side: int, step: Step, width: int, height: int, frame_rate: Fraction) -> Rung:
    scale = min(Fraction(short_side, min(width, height)), Fraction(1))
    size = _even(width * scale, width), _even(height * scale, height)
    maxrate = round(step.maxrate * (_HIGH_RATE_FACTOR if frame_rate > _HIGH_RATE else 1))
    name = min(short_side, *size)
    return Rung(f"{name}p", *size, crf=step.crf, maxrate=maxrate, bufsize=round(maxrate * _BUFFER_SECONDS))


def _even(wanted: Fraction, most: int) -> int:
    """The nearest even number, because 4:2:0 colour has half the width and height; never above ``most``."""
    even = 2 * round(wanted / 2)
    return max(2, even if even <= most else even - 2)

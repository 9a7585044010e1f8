"""The scale of quality that all formats share (1-100 as JPEG has it), and what ``q_auto`` makes of it. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from renditor.images.insight import Insight
from renditor.transformation import Transformation
from renditor.transformation.operations import QUALITY
from renditor.transformation.values import AutoQuality

# AVIF quality for a quality of JPEG, in between linear. Below what multi-scale SSIM calls equal (80 -> 66, measured on
# three photos at 1600 px), above the encoder's default of 50: AVIF's errors look smoother than they measure.
_AVIF_SCALE = ((1, 1), (30, 32), (50, 42), (65, 50), (80, 58), (90, 72), (100, 100))


# What q_auto never goes below or above.
_SANE = (25, 95)
# dB on top of what the points ask for: a mosaic is not the picture.
_MARGIN = 0.2
# The share of a JPEG's px from which its own quality sets a limit, and how much above it may be gone.
_MOST_OF_IT = 0.5
_HEADROOM = 5
# (points, dB): the mean likeness, over the photos of bench/quality.py, at which SSIMULACRA2 gives that many points. The
# same for all formats within 0.4 dB.
_POINTS = (
    (40.0, 12.4),
    (50.0, 14.7),
    (60.0, 17.0),
    (70.0, 19.2),
    (80.0, 22.0),
    (85.0, 24.4),
    (95.0, 30.0),
)
# The formats whose encoders are told a quality, and so have a curve.
LEVELS = ("best", "good", "eco", "low")
CURVE_FORMATS = ("jpg", "webp", "avif")

# At each measured size, smaller ones first: ``{"pixels": of the picture, "points": [[quality, likeness in dB], ...]}``.
# See ``curve``.
Curve = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Encoding:
    """The qualities and efforts of ``ImageSettings``, where each is explained; travels as JSON like ``Bounds``."""

    quality: int
    auto_quality: Mapping[str, int]
    webp_effort: int
    avif_effort: int
    auto_points: Mapping[str, float] = field(default_factory=dict)

    def quality_of(self, transformation: Transformation) -> int:
        """1-100 on the scale of JPEG."""
        asked = transformation.last(QUALITY)
        if asked is None:
            return self.quality
        if isinstance(asked, AutoQuality):
            return self.auto_quality[asked.level]
        return asked if isinstance(asked, int) else asked.quality

    def for_picture(self, insight: Insight, fmt: str, pixels: int) -> Encoding:
        """The same, with ``auto_quality`` as the picture's own curves have it.

        Args:
            insight: what is known about the picture.
            fmt: the format it is encoded in.
            pixels: width x height of the result, of one frame.
        """
        return replace(self, auto_quality={level: self.quality_for(insight, level, fmt, pixels) for level in LEVELS})

    def quality_for(self, insight: Insight, level: str, fmt: str, pixels: int) -> int:
        """What ``q_auto:level`` means for a picture: arithmetic on its curve; the settings' number where it has none.

        Never beyond ``_SANE``, and where most of a JPEG's own px are delivered never much better than it came: what it
        lost is lost, and its artefacts would cost most of the bytes.
        """
        curve = insight.curves.get(fmt)
        if not curve or level not in self.auto_points:
            return self.auto_quality[level]
        wanted = _read_off(_POINTS, self.auto_points[level]) + _MARGIN
        found = _between_sizes(curve, wanted, pixels)
        origin = insight.curves.get("origin")
        if origin and pixels >= _MOST_OF_IT * origin["pixels"]:
            found = min(found, origin["quality"] + _HEADROOM)
        least, most = _SANE
        return round(min(max(found, least), most))


def _between_sizes(curve: Curve, wanted: float, pixels: int) -> float:
    """The quality that reaches ``wanted`` dB at this size: between the measured ones, by the logarithm of the px."""
    sizes = [(math.log(entry["pixels"]), _quality_at(entry["points"], wanted)) for entry in curve]
    return _read_off(sizes, math.log(max(pixels, 1)))


def _quality_at(points: Sequence[Sequence[float]], wanted: float) -> float:
    """The least quality that reaches ``wanted`` dB; encoders are not always better at a higher one."""
    reached = list(itertools.accumulate((likeness for _, likeness in points), max))
    return _read_off([(likeness, points[place][0]) for place, likeness in enumerate(reached)], wanted)


def _read_off(line: Sequence[tuple[float, float]], x: float) -> float:
    """y at x on a line through points of ascending x; beyond its ends the last one counts."""
    for (low, low_y), (high, high_y) in itertools.pairwise(line):
        if x <= high:
            share = (max(x, low) - low) / (high - low) if high > low else 1.0
            return low_y + share * (high_y - low_y)
    return line[-1][1]


def avif_quality(quality: int) -> int:
    """The AVIF quality that looks like ``quality`` of JPEG."""
    for (low, low_avif), (high, high_avif) in itertools.pairwise(_AVIF_SCALE):
        if quality <= high:
            return round(low_avif + (quality - low) * (high_avif - low_avif) / (high - low))
    return 100

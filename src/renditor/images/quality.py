"""The scale of quality that all formats share: 1-100 as JPEG has it. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from renditor.transformation import Transformation
from renditor.transformation.operations import QUALITY

# AVIF quality for a quality of JPEG, in between linear. Below what multi-scale SSIM calls equal (80 -> 66, measured on
# three photos at 1600 px), above the encoder's default of 50: AVIF's errors look smoother than they measure.
_AVIF_SCALE = ((1, 1), (30, 32), (50, 42), (65, 50), (80, 58), (90, 72), (100, 100))


@dataclass(frozen=True, slots=True)
class Encoding:
    """The qualities and efforts of ``ImageSettings``, where each is explained; travels as JSON like ``Bounds``."""

    quality: int
    auto_quality: Mapping[str, int]
    webp_effort: int
    avif_effort: int

    def quality_of(self, transformation: Transformation) -> int:
        """1-100 on the scale of JPEG."""
        asked = transformation.last(QUALITY)
        if asked is None:
            return self.quality
        return asked if isinstance(asked, int) else self.auto_quality[asked.level]


def avif_quality(quality: int) -> int:
    """The AVIF quality that looks like ``quality`` of JPEG."""
    for (low, low_avif), (high, high_avif) in itertools.pairwise(_AVIF_SCALE):
        if quality <= high:
            return round(low_avif + (quality - low) * (high_avif - low_avif) / (high - low))
    return 100

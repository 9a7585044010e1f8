"""How much quality a picture needs: similarity after encoding, for a few qualities of each format, measured once.

A picture at two sizes is too much to encode again and again. So eight tiles of each size are laid side by side: the
four with the most detail, where encoders fail first, and four from the rest, where they leave steps in soft gradients.

Similarity is SSIM (Wang et al. 2004) of the lightness at half resolution, over blocks of 8 x 8 px. Of the measures that
cost little this one agreed best with SSIMULACRA2 (docs/decisions/0019-quality-curves.md). It is kept in decibels,
-10 log10(1 - SSIM), in which a curve is nearly a straight line.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pyvips

from renditor.images.codecs.encode import encode
from renditor.images.quality import CURVE_FORMATS, Encoding
from renditor.transformation import Transformation, parse

# px, the long side at which a picture is measured. The larger is also the size of the one decode of the analysis.
SIDES = (400, 1200)
# Qualities that are tried; those in between are read off the line through their neighbours.
PROBES = (30, 60, 80, 93)
_TILE = 128  # px; a multiple of every codec's block, so that no block sees two tiles
_ACROSS, _TILES = 4, 8
_DETAILED = 4
# px: one block at half resolution
_LEAST_SIDE = 16
_BLOCK = 8
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # as in the paper, for 8 bits
_MOST_DB = 40.0  # beyond this nobody sees a difference, and rounding would decide
_WHITE = [255, 255, 255]

Curve = list[dict[str, Any]]


def measure(image: pyvips.Image, encoding: Encoding) -> dict[str, Curve]:
    """The curves of a picture, format by format; see ``quality.Curve`` for their form.

    Args:
        image: upright, sRGB, 8 bits, in memory; at most ``SIDES[-1]`` px on its long side.
        encoding: the efforts that deliveries are encoded with.
    """
    if image.hasalpha():
        image = image.flatten(background=_WHITE)
    curves: dict[str, Curve] = {fmt: [] for fmt in CURVE_FORMATS}
    for side in _sides(image):
        share = side / max(image.width, image.height)
        scaled = image.resize(share).copy_memory() if share < 1 else image
        if min(scaled.width, scaled.height) < _LEAST_SIDE:
            continue
        reference = _Reference(_mosaic(scaled))
        for fmt, curve in curves.items():
            points = [[quality, reference.likeness(fmt, quality, encoding)] for quality in PROBES]
            curve.append({"pixels": scaled.width * scaled.height, "points": points})
    return {fmt: curve for fmt, curve in curves.items() if curve}


def _sides(image: pyvips.Image) -> list[int]:
    longest = max(image.width, image.height)
    return sorted({min(side, longest) for side in SIDES})


def _mosaic(image: pyvips.Image) -> pyvips.Image:
    """Eight tiles side by side; the whole picture where it has no more than that."""
    places = list(
        itertools.product(range(0, image.width - _TILE + 1, _TILE), range(0, image.height - _TILE + 1, _TILE))
    )
    if len(places) <= _TILES:
        return image
    tiles = [image.crop(left, top, _TILE, _TILE) for left, top in places]
    grey = image.colourspace("b-w").copy_memory()
    detail = [grey.crop(left, top, _TILE, _TILE).deviate() for left, top in places]
    order = sorted(range(len(tiles)), key=lambda index: -detail[index])
    rest = order[_DETAILED:]
    step = len(rest) / (_TILES - _DETAILED)
    chosen = order[:_DETAILED] + [rest[int((place + 0.5) * step)] for place in range(_TILES - _DETAILED)]
    return pyvips.Image.arrayjoin([tiles[index] for index in chosen], across=_ACROSS).copy_memory()


class _Reference:
    """A mosaic to compare with; what SSIM needs of it is worked out once."""

    def __init__(self, mosaic: pyvips.Image) -> None:
        self._mosaic = mosaic
        self._light = _lightness(mosaic)
        self._mean = self._light.shrink(_BLOCK, _BLOCK).copy_memory()
        self._variance = ((self._light * self._light).shrink(_BLOCK, _BLOCK) - self._mean * self._mean).copy_memory()

    def likeness(self, fmt: str, quality: int, encoding: Encoding) -> float:
        """SSIM in dB of the mosaic after encoding, 0-40."""
        content = encode(self._mosaic, fmt, _transformation(quality), encoding)
        decoded = _lightness(pyvips.Image.new_from_buffer(content, "", access="sequential"))
        loss = max(1 - self._ssim(decoded), 10 ** (-_MOST_DB / 10))
        return round(max(0.0, -10 * math.log10(loss)), 2)

    def _ssim(self, light: pyvips.Image) -> float:
        mean = light.shrink(_BLOCK, _BLOCK).copy_memory()
        variance = (light * light).shrink(_BLOCK, _BLOCK) - mean * mean
        together = (self._light * light).shrink(_BLOCK, _BLOCK) - self._mean * mean
        alike = (self._mean * mean * 2 + _C1) * (together * 2 + _C2)
        total = (self._mean * self._mean + mean * mean + _C1) * (self._variance + variance + _C2)
        return float((alike / total).avg())


def _lightness(image: pyvips.Image) -> pyvips.Image:
    return image.shrink(2, 2).colourspace("b-w").cast("float").copy_memory()


def _transformation(quality: int) -> Transformation:
    return parse(f"q_{quality}")

"""Which part of a picture each mode shows, worked out with floats from what the modes promise, not from the engine.

The source carries its own coordinates: red is x, green is y. So the colours of a result say where each pixel came from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyvips

MARK = 200  # blue of every pixel of the source; backgrounds have another one
Sides = tuple[float, float]

SHARES = {
    "north_west": (0.0, 0.0),
    "north": (0.5, 0.0),
    "north_east": (1.0, 0.0),
    "west": (0.0, 0.5),
    "center": (0.5, 0.5),
    "east": (1.0, 0.5),
    "south_west": (0.0, 1.0),
    "south": (0.5, 1.0),
    "south_east": (1.0, 1.0),
}


@dataclass(frozen=True)
class View:
    """``size`` of the result in px; ``seen``: left, top, width, height in the source; ``inner``: in the result."""

    size: tuple[int, int]
    seen: tuple[float, float, float, float]
    inner: tuple[int, int, int, int]


def coordinates(width: int, height: int) -> pyvips.Image:
    """At most 256 x 256 px."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([x, y, np.full_like(x, MARK)], axis=-1).astype(np.uint8)
    return pyvips.Image.new_from_array(pixels).copy(interpretation="srgb")


def whole(value: float) -> int:
    """To the nearest whole number, halves up, at least 1. Floats a hair below a half count as one."""
    return max(1, math.floor(value + 0.5 + 1e-9))


def box_asked(source: tuple[int, int], width: float | None, height: float | None, ratio: Fraction | None) -> Sides:
    """The box before the pixel ratio; a missing side follows from the ratio, or from the picture."""
    shape = float(ratio) if ratio is not None else source[0] / source[1]
    if width is None and height is None:
        return min(source[0], source[1] * shape), min(source[1], source[0] / shape)
    if width is None:
        assert height is not None
        return height * shape, height
    return width, width / shape if height is None else height


def view(mode: str, source: tuple[int, int], asked: Sides, gravity: str = "center", dpr: float = 1.0) -> View:
    """What a mode shows of a picture when ``asked`` is the box, and ``gravity`` a point of the compass."""
    share = SHARES[gravity]
    if mode == "crop":
        cut = [min(whole(side), most) for side, most in zip(asked, source, strict=True)]
        start = [(most - side) * part for side, most, part in zip(cut, source, share, strict=True)]
        size = (whole(cut[0] * dpr), whole(cut[1] * dpr))
        return View(size, (start[0], start[1], cut[0], cut[1]), (0, 0, *size))
    box = (whole(asked[0] * dpr), whole(asked[1] * dpr))
    if mode == "scale":
        return View(box, (0, 0, *source), (0, 0, *box))
    across, down = box[0] / source[0], box[1] / source[1]
    if math.isclose(asked[0] * source[1], asked[1] * source[0]):  # one side follows from the other: the longer is exact
        across = down = across if box[0] > box[1] else down
    if mode in {"fill", "thumb", "auto", "lfill"}:
        factor = min(max(across, down), 1.0 if mode == "lfill" else math.inf)
        size = (min(box[0], whole(source[0] * factor)), min(box[1], whole(source[1] * factor)))
        span = [min(side / factor, most) for side, most in zip(size, source, strict=True)]
        left, top = ((most - side) * part for side, most, part in zip(span, source, share, strict=True))
        return View(size, (left, top, span[0], span[1]), (0, 0, *size))
    factor = min(across, down)
    if mode in {"limit", "lpad"}:
        factor = min(factor, 1.0)
    if mode in {"mfit", "mpad"}:
        factor = max(factor, 1.0)
    shown = (whole(source[0] * factor), whole(source[1] * factor))
    larger = shown[0] > box[0] or shown[1] > box[1]
    if mode in {"fit", "limit", "mfit"} or (mode == "mpad" and larger):
        return View(shown, (0, 0, *source), (0, 0, *shown))
    left, top = (int((side - part) * at) for side, part, at in zip(box, shown, share, strict=True))
    return View(box, (0, 0, *source), (left, top, *shown))


def faults(image: pyvips.Image, expected: View, background: tuple[int, ...], noise: float = 2) -> list[str]:
    """What is wrong with a result; nothing when every pixel shows what it should, to one px of source or result.

    ``noise``: levels by which an encoder may have changed single pixels.
    """
    if (image.width, image.height) != expected.size:
        return [f"size {image.width} x {image.height}, not {expected.size}"]
    pixels = image.numpy().astype(float)
    left, top, width, height = expected.inner
    found = []
    picture = pixels[top : top + height, left : left + width]
    for band, (start, span, length, axis) in enumerate(
        ((expected.seen[0], expected.seen[2], width, 1), (expected.seen[1], expected.seen[3], height, 0))
    ):
        step = span / length
        wanted = start + (np.arange(length) + 0.5) * step - 0.5
        shown = picture[:, :, band].mean(axis=1 - axis)
        off = np.abs(shown - wanted).max()
        if off > max(1.0, step) + 0.51:  # colours are whole numbers
            found.append(f"{'xy'[band]} is off by {off:.2f} px of the source at {step:.2f} px for each of the result")
    if np.abs(picture[:, :, 2] - MARK).max() > noise:
        found.append("something else than the source inside")
    outside = np.ones(pixels.shape[:2], bool)
    outside[top : top + height, left : left + width] = False
    if outside.any() and np.abs(pixels[outside] - np.array(background)).max() > 0:
        found.append("the room around the picture is not exactly the background")
    return found

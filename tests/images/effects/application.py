"""Effects applied in this process, written as in a URL, and small pictures to apply them to."""

from __future__ import annotations

from typing import Any

import pyvips

from renditor.images.effects import Look, apply
from renditor.transformation.effects import EffectKind
from tests.images.pictures import Pixel, pixel, plain

KIND = EffectKind()


def applied(image: pyvips.Image, effect: str, **look: Any) -> pyvips.Image:
    """``effect`` as after ``e_``: ``sepia:50``."""
    return apply(image, KIND.read(effect), Look(**look)).copy_memory()


def after(colour: Pixel, effect: str, **look: Any) -> Pixel:
    """What becomes of a picture of one colour."""
    return pixel(applied(plain(9, 7, colour), effect, **look), 4, 3)


def rainbow(width: int, height: int, *, alpha: bool = False) -> pyvips.Image:
    """Red grows to the right, green down, blue the other way; alpha from nothing to full along the diagonal."""
    places = pyvips.Image.xyz(width, height).cast("float") * [255 / max(1, width - 1), 255 / max(1, height - 1)]
    bands = [places[0], places[1], places[0] * -1 + 255]
    if alpha:
        bands.append((places[0] + places[1]) / 2)
    return bands[0].bandjoin(bands[1:]).cast("uchar").copy(interpretation="srgb").copy_memory()


def disc(size: int, radius: float, colour: Pixel = (30, 90, 200), hole: float = 0) -> pyvips.Image:
    """A disc with soft edges on transparency, or a ring when it has a hole."""
    places = pyvips.Image.xyz(size, size) - (size - 1) / 2
    distance = (places * places).recomb([[1, 1]]) ** 0.5
    cover = distance.linear(-1, radius + 0.5).clamp(min=0, max=1)
    if hole:
        cover *= distance.linear(1, 0.5 - hole).clamp(min=0, max=1)
    return plain(size, size, colour).bandjoin((cover * 255).cast("uchar")).copy(interpretation="srgb").copy_memory()


def same(one: pyvips.Image, other: pyvips.Image, tolerance: float = 0) -> bool:
    """Equal in size, bands and, up to ``tolerance`` levels, in every px."""
    if (one.width, one.height, one.bands) != (other.width, other.height, other.bands):
        return False
    return bool((one - other).abs().max() <= tolerance)

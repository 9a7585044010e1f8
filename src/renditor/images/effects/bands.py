"""Colour and alpha of a picture apart and together again, tables and matrices: the ground of all effects.

Pictures are sRGB, 8 bits, 3 bands or 4 with alpha. Colour outside 0-255 is clipped, never wrapped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import pyvips

from renditor.transformation.values import Colour

Curve = Callable[[float], float]  # from 0-1 to 0-1; what lies outside is clipped
Matrix = Sequence[Sequence[float]]

# Rec. ITU-R BT.709: how much red, green and blue weigh in brightness. As in the W3C Filter Effects Module Level 1,
# they are applied to the gamma-coded values, which is called luma.
LUMA = (0.2126, 0.7152, 0.0722)
IDENTITY: Matrix = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
OPAQUE = 255


def rgb(colour: Colour) -> list[int]:
    return [colour.red, colour.green, colour.blue]


def split(image: pyvips.Image) -> tuple[pyvips.Image, pyvips.Image | None]:
    """Three bands of colour, and alpha if there is one."""
    return (image[:3], image[3]) if image.hasalpha() else (image, None)


def joined(colour: pyvips.Image, alpha: pyvips.Image | None) -> pyvips.Image:
    """The reverse of ``split``; numbers of any kind become whole ones from 0 to 255."""
    colour = rounded(colour)
    if alpha is not None:
        colour = colour.bandjoin(rounded(alpha))
    return colour.copy(interpretation="srgb")


def rounded(image: pyvips.Image) -> pyvips.Image:
    """To 8 bits, to the nearest value: a plain cast would cut off the fraction and darken the picture."""
    return image if image.format == "uchar" else image.linear(1, 0.5, uchar=True)


def premultiplied(image: pyvips.Image) -> pyvips.Image:
    """Colour weighted by its alpha: what is transparent does not bleed into what lies beside it.

    Floats if there is alpha: of a px that is hardly opaque, 8 bits would keep a few levels of colour.
    """
    return image.premultiply() if image.hasalpha() else image


def unpremultiplied(image: pyvips.Image) -> pyvips.Image:
    """The reverse of ``premultiplied``, to 8 bits; ``image`` must still be called sRGB."""
    return rounded(image.unpremultiply() if image.hasalpha() else image)


def luma(image: pyvips.Image) -> pyvips.Image:
    """Brightness as the eye weighs it: one band, 8 bits."""
    return rounded(weighed(split(image)[0]))


def weighed(colour: pyvips.Image) -> pyvips.Image:
    """Luma of three bands of any numbers, differences of colours too: one band of floats."""
    return colour.recomb([list(LUMA)])


def mapped(image: pyvips.Image, curves: Sequence[Curve]) -> pyvips.Image:
    """Red, green and blue through a curve each; alpha stays. One table look-up per value."""
    tables = [levels(curve) for curve in curves]
    if image.hasalpha():
        tables.append(bytes(range(256)))
    return image.maplut(table(tables)).copy(interpretation="srgb")


def levels(curve: Curve) -> bytes:
    """The 256 values of a curve."""
    return bytes(min(255, max(0, round(255 * curve(value / 255)))) for value in range(256))


def table(bands: Sequence[bytes]) -> pyvips.Image:
    """A look-up table for ``maplut``: 256 values per band."""
    interleaved = bytes(chain.from_iterable(zip(*bands, strict=True)))
    return pyvips.Image.new_from_memory(interleaved, 256, 1, len(bands), "uchar")


def recoloured(image: pyvips.Image, matrix: Matrix, amount: float = 1) -> pyvips.Image:
    """Every colour multiplied by a 3x3 matrix; ``amount`` 0 leaves it as it is, 1 gives all of the matrix."""
    colour, alpha = split(image)
    weights = [
        [own + amount * (full - own) for own, full in zip(*rows, strict=True)]
        for rows in zip(IDENTITY, matrix, strict=True)
    ]
    return joined(colour.recomb(weights), alpha)


def solid(image: pyvips.Image, colour: Colour) -> pyvips.Image:
    """One colour in the size of ``image``, three bands."""
    return image.new_from_image(rgb(colour)).copy(interpretation="srgb")

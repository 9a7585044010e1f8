"""Effects that make a drawing or a painting of a photo. Sizes and alpha stay."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce

import pyvips

from renditor.images.effects.bands import OPAQUE, Curve, joined, luma, premultiplied, split, unpremultiplied
from renditor.images.effects.blurring import blurred
from renditor.images.effects.look import Look
from renditor.images.effects.measure import histograms, mean
from renditor.images.effects.tone import with_value

# The brush of oil_paint:100, as a share of the longer side; the same strength then looks alike at every size.
_BRUSH = 0.02
_CARTOON_BRUSH, _CARTOON_LINE = 0.004, 0.0015
_REDUCTION = 50.0
_MUCH = 1000.0  # more unrest than any texture has, for one level of alpha: the variance of luma is at most 16 256


# px. Larger pictures are painted smaller and enlarged: the strokes cover it, and e_oil_paint of 100 MP would take 2 GB
# and twenty seconds.
_CANVAS = 4_000_000


def oil_paint(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Strokes of one colour with sharp edges; ``strength`` is the size of the brush, at 0 there is none."""
    longer = max(image.width, image.height)
    return _painted(image, longer * _BRUSH * float(strength) / 100)


def cartoonify(image: pyvips.Image, _: Look, line: Decimal, reduction: Decimal | str) -> pyvips.Image:
    """Flat colours and dark contours.

    Args:
        line: how readily a change of brightness becomes a contour, 0-100.
        reduction: 0 keeps all brightnesses, 100 leaves four; ``auto``: 50; ``bw``: black and white only.
    """
    longer = max(image.width, image.height)
    flat = _painted(image, longer * _CARTOON_BRUSH)
    ink = _contours(image, max(0.8, longer * _CARTOON_LINE), float(line) / 100)
    if reduction == "bw":
        tones = luma(flat)
        tones = (tones - mean(histograms(image)[3])).linear(8, 128).clamp(min=0, max=255)
        colour = tones.bandjoin([tones, tones])
    else:
        colour = with_value(split(flat)[0], _stairs(_REDUCTION if reduction == "auto" else float(reduction)))
    return joined(colour * ink, split(image)[1])


def _painted(image: pyvips.Image, radius: float) -> pyvips.Image:
    """The filter of Kuwahara (1976): of four squares that meet in a px, the calmest gives its mean.

    All four are one picture of means, shifted.

    Args:
        radius: half a side of a square in px; less than half a px changes nothing.
    """
    area = image.width * image.height
    if area > _CANVAS:
        return _painted_smaller(image, radius, (_CANVAS / area) ** 0.5)
    inner, outer = _factors(2 * radius + 1)
    reach = inner * outer // 2
    wide, high = image.width + 2 * reach, image.height + 2 * reach
    colour, alpha = split(premultiplied(image).embed(reach, reach, wide, high, extend="copy"))
    tones = luma(colour).cast("float")
    cover = (tones * 0 + OPAQUE) if alpha is None else alpha
    bands = colour.cast("float").bandjoin([cover, tones, tones * tones])
    means = bands.convsep(_line(inner, 1)).convsep(_line(outer, inner))
    # Where a square holds less of the picture than another it is no choice: it would paint with what is not there.
    unrest = means[5] - means[4] * means[4] + (OPAQUE - means[3]) * _MUCH
    squares = unrest.bandjoin(means[:4]).copy_memory()
    corners = [squares.crop(left, top, image.width, image.height) for left in (0, 2 * reach) for top in (0, 2 * reach)]
    calmest = reduce(lambda one, other: (one[0] <= other[0]).ifthenelse(one, other), corners)
    painted = calmest[1:4] if alpha is None else calmest[1:4] * OPAQUE / calmest[4]
    return joined(painted, split(image)[1])


def _painted_smaller(image: pyvips.Image, radius: float, scale: float) -> pyvips.Image:
    wide, high = (max(1, int(side * scale)) for side in (image.width, image.height))
    small = unpremultiplied(
        premultiplied(image).resize(wide / image.width, vscale=high / image.height, kernel="linear")
    )
    painted = premultiplied(_painted(small.copy(interpretation="srgb"), radius * scale))
    large = unpremultiplied(painted.resize(image.width / wide, vscale=image.height / high, kernel="linear"))
    return joined(split(large)[0], split(image)[1])


def _factors(side: float) -> tuple[int, int]:
    """Two odd numbers whose product is about ``side``: means of means over 7 and 7 px cost 14 steps, over 49 px 49."""
    inner = round((side**0.5 - 1) / 2) * 2 + 1
    return inner, round((side / inner - 1) / 2) * 2 + 1


def _line(count: int, spacing: int) -> pyvips.Image:
    """A mask for the mean of ``count`` px that lie ``spacing`` px apart. Libvips skips the noughts between them."""
    mask = [0] * ((count - 1) * spacing + 1)
    mask[::spacing] = [1] * count
    return pyvips.Image.new_from_array([mask], scale=count)


def _stairs(reduction: float) -> Curve:
    """Brightness in steps, 32 down to 4 of them; between two steps a short slope, or their edges would be jagged."""
    if not reduction:
        return lambda value: value
    steps = round(4 * 8 ** (1 - reduction / 100)) - 1

    def stairs(value: float) -> float:
        step, way = divmod(value * steps, 1)
        return (step + min(max(4 * way - 1.5, 0), 1)) / steps

    return stairs


def _contours(image: pyvips.Image, sigma: float, strength: float) -> pyvips.Image:
    """Ink, from 1 (none) to 0: the dark side of edges, where a difference of Gaussians (Marr and Hildreth 1980) is far
    enough below nought."""
    tones = luma(image)
    difference = blurred(tones, sigma) - blurred(tones, 1.6 * sigma)
    faintest = 2 + 8 * (1 - strength)  # levels; below two there is mostly grain
    return (difference + faintest).linear(strength / 4, 1).clamp(min=0, max=1)

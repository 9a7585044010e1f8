"""Effects that give a picture other colours, or take some away. Sizes stay."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from itertools import accumulate

import pyvips

from renditor.images.effects.bands import (
    LUMA,
    OPAQUE,
    Curve,
    joined,
    levels,
    luma,
    mapped,
    recoloured,
    rgb,
    split,
    table,
)
from renditor.images.effects.look import Look
from renditor.images.effects.measure import edge_colour, histograms, numbers
from renditor.transformation.values import Colour

_GREY = Colour(128, 128, 128)
# W3C Filter Effects Module Level 1, the matrix of sepia().
_SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
# Distances between colours are in per cent of the way from black to white.
_WHOLE_WAY = 255 * 3**0.5


def grayscale(image: pyvips.Image, _: Look) -> pyvips.Image:
    """Luma on all three bands (CSS grayscale())."""
    return recoloured(image, (LUMA, LUMA, LUMA))


def sepia(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Brown tones of old photographs (CSS sepia()); 100 leaves nothing of the old colours."""
    return recoloured(image, _SEPIA, float(strength) / 100)


def negate(image: pyvips.Image, _: Look) -> pyvips.Image:
    """The negative."""
    return mapped(image, [lambda value: 1 - value] * 3)


def colorize(image: pyvips.Image, look: Look, strength: Decimal) -> pyvips.Image:
    """Mixed with ``co`` (grey); 100 leaves that colour alone, in the shape of the picture."""
    amount = float(strength) / 100
    target = [level / 255 for level in rgb(look.colour or _GREY)]
    return mapped(image, [_mixed_with(aim, amount) for aim in target])


def blackwhite(image: pyvips.Image, _: Look, threshold: Decimal) -> pyvips.Image:
    """White where luma reaches ``threshold`` per cent, black elsewhere."""
    colour, alpha = split(image)
    white = luma(colour) >= 255 * float(threshold) / 100
    return joined(white.bandjoin([white, white]), alpha)


def tint(image: pyvips.Image, _: Look, mode: str, strength: Decimal, *stops: Colour | Decimal | str) -> pyvips.Image:
    """Luma exchanged for the colours of a gradient, mixed with the picture by ``strength`` per cent.

    Args:
        mode: ``equalize``: luma is first spread evenly over all brightnesses (histogram equalisation).
        stops: colours from dark to light, each followed by its position (0-100); ``auto``: all spread evenly. One
            colour alone lies between black and white.
    """
    amount = float(strength) / 100
    colour, alpha = split(image)
    tones = luma(image)
    if mode == "equalize":
        tones = tones.maplut(table([_equalising(histograms(image)[3])]))
    toned = tones.maplut(table(_gradient(_positioned(stops))))
    return joined(colour * (1 - amount) + toned * amount, alpha)


def replace_color(
    image: pyvips.Image, _: Look, target: Colour, tolerance: Decimal, source: Colour | str
) -> pyvips.Image:
    """What resembles ``source`` moves to ``target``, shades and all.

    In CIE L*a*b*, where distances are as large as they look: colours within ``tolerance`` of ``source`` are moved by
    the difference of the two colours; the outer half of that way fades out.

    Args:
        tolerance: radius in L*a*b* units; lightness counts half, so that light and shade of one thing go together.
        source: ``auto``: the colour that stands out: the one with the most saturation over the most pixels.
    """
    colour, alpha = split(image)
    start = _lab(rgb(source)) if isinstance(source, Colour) else _standing_out(colour)
    end = _lab(rgb(target))
    radius = max(float(tolerance), 1e-6)
    lab = colour.colourspace("lab")
    way = lab - start
    distance = (way * way).recomb([[0.25, 1, 1]]) ** 0.5
    weight = distance.linear(-2 / radius, 2).clamp(min=0, max=1)
    moved = lab + weight * [b - a for a, b in zip(start, end, strict=True)]
    changed = moved.copy(interpretation="lab").colourspace("srgb")
    # The way to L*a*b* and back costs up to one level; what is not meant stays exactly as it was.
    return joined((weight > 0).ifthenelse(changed, colour), alpha)


def make_transparent(image: pyvips.Image, look: Look, tolerance: Decimal) -> pyvips.Image:
    """What resembles ``co``, by default the colour of the corners, becomes transparent.

    Up to ``tolerance`` (per cent of the way from black to white) fully. Beside it colours are mixtures of a thing and
    the background: they keep the share of the thing, as the pure colour of that is what lies farthest from the
    background nearby, and lose that of the background. Otherwise things would have a light or dark fringe.
    """
    colour, alpha = split(image)
    background = [float(value) for value in (rgb(look.colour) if look.colour else edge_colour(image)[:3])]
    difference = colour - background
    distance = (difference * difference).recomb([[1, 1, 1]]) ** 0.5
    gone = (distance <= float(tolerance) * _WHOLE_WAY / 100).copy_memory()
    beside = _largest_nearby(gone)
    share = gone.ifthenelse(0, beside.ifthenelse(distance / _largest_nearby(distance), 1))
    cleaned = gone.ifthenelse(colour, difference / share + background)
    return joined(cleaned, share * (OPAQUE if alpha is None else alpha))


def bgremoval(image: pyvips.Image, _: Look, mode: str, colour: Colour | str) -> pyvips.Image:
    """``make_transparent`` for a background of one colour; a screen is lit less evenly, so more of it is taken."""
    found = colour if isinstance(colour, Colour) else None
    return make_transparent(image, Look(colour=found), Decimal(25 if mode == "screen" else 10))


def opacity_threshold(image: pyvips.Image, _: Look, level: Decimal) -> pyvips.Image:
    """Alpha of ``level`` per cent and more becomes opaque, less becomes transparent."""
    colour, alpha = split(image)
    return image if alpha is None else joined(colour, alpha >= OPAQUE * float(level) / 100)


def _lab(colour: Sequence[int]) -> list[float]:
    pixel = pyvips.Image.black(1, 1).new_from_image(list(colour)).copy(interpretation="srgb")
    values: list[float] = pixel.colourspace("lab")(0, 0)
    return values


def _standing_out(colour: pyvips.Image) -> list[float]:
    """L*a*b* of the most prominent colour: saturation summed over cells of 16 levels a side."""
    cells = 16
    counts = numbers(colour.hist_find_ndim(bins=cells))
    middle = 256 // cells // 2
    best, most = [128, 128, 128], 0.0
    # One band per cell of blue, rows of green, columns of red.
    for number, count in enumerate(counts):
        place, blue = divmod(number, cells)
        green, red = divmod(place, cells)
        cell = [step * 256 // cells + middle for step in (red, green, blue)]
        weight = count * (max(cell) - min(cell))
        if weight > most:
            best, most = cell, weight
    return _lab(best)


def _largest_nearby(image: pyvips.Image) -> pyvips.Image:
    """The largest value within two px."""
    reach, side = 2, 5
    # With room around it: libvips refuses a window larger than the picture.
    roomy = image.embed(reach, reach, image.width + 2 * reach, image.height + 2 * reach, extend="copy")
    return roomy.rank(side, side, side * side - 1).crop(reach, reach, image.width, image.height)


def _mixed_with(aim: float, amount: float) -> Curve:
    return lambda value: value + amount * (aim - value)


def _equalising(histogram: Sequence[float]) -> bytes:
    total = sum(histogram) or 1
    below = [count / total for count in accumulate(histogram)]
    return levels(lambda value: below[round(value * 255)])


def _positioned(stops: Sequence[Colour | Decimal | str]) -> list[tuple[float, Colour]]:
    """Colours with their positions, 0-1, from dark to light."""
    colours = [stop for stop in stops[::2] if isinstance(stop, Colour)]
    positions = [float(stop) / 100 for stop in stops[1::2] if isinstance(stop, Decimal)]
    if len(colours) == 1:
        middle = positions[0] if positions else 0.5
        return [(0, Colour(0, 0, 0)), (middle, colours[0]), (1, Colour(255, 255, 255))]
    if len(positions) != len(colours):
        positions = [number / (len(colours) - 1) for number in range(len(colours))]
    return sorted(zip(positions, colours, strict=True), key=lambda stop: stop[0])


def _gradient(stops: Sequence[tuple[float, Colour]]) -> list[bytes]:
    """A table per band that goes straight from stop to stop and is level before the first and after the last."""
    bands = zip(*(rgb(colour) for _, colour in stops), strict=True)
    return [levels(partial(_between, stops, band)) for band in bands]


def _between(stops: Sequence[tuple[float, Colour]], band: Sequence[int], value: float) -> float:
    if value <= stops[0][0]:
        return band[0] / 255
    for (low, _), (high, _), start, end in zip(stops, stops[1:], band, band[1:], strict=False):
        if value <= high:
            return (start + (end - start) * (value - low) / (high - low)) / 255
    return band[-1] / 255

"""How a finished picture is framed: backgrounds, opacity, rounded corners, borders. Runs inside a decoder only.

Pictures are sRGB, 8 bits, with alpha or without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import ceil

import pyvips

from renditor.images.codecs.loading import resized
from renditor.images.effects.bands import OPAQUE, joined, rgb, rounded, table
from renditor.images.effects.blurring import blurred, sigma_of
from renditor.images.pipeline.geometry import Size
from renditor.transformation.looks import AutoBackground, BlurredBackground, Border, Direction, Radius
from renditor.transformation.values import BLACK, WHITE, Colour

Radii = tuple[tuple[float, float], ...]  # across and down, in px, clockwise from the top left corner

# px: a larger picture is thinned out before its commonest colour is looked for.
_COUNTED = 256
# Levels per channel that count as one colour when the commonest is looked for.
_BINS = 16
# WCAG 2.2, relative luminance at which black and white stand out equally.
_MIDDLE_LUMINANCE = 0.179


def with_alpha(image: pyvips.Image) -> pyvips.Image:
    return image if image.hasalpha() else image.addalpha()


def opacity(image: pyvips.Image, percent: int) -> pyvips.Image:
    """o: all of the picture more transparent."""
    image = with_alpha(image)
    return joined(image[:3], image[3] * (percent / 100))


def laid_on(image: pyvips.Image, colour: Colour) -> pyvips.Image:
    """A colour behind the transparent parts."""
    if not image.hasalpha():
        return image
    if colour.alpha == OPAQUE:
        return image.flatten(background=rgb(colour))
    below = image.new_from_image([*rgb(colour), colour.alpha]).copy(interpretation="srgb")
    return below.composite2(image, "over").cast("uchar")


def on_canvas(image: pyvips.Image, canvas: Size, offset: tuple[int, int], colour: Colour) -> pyvips.Image:
    """Room of one colour around the picture. What is transparent in the picture stays so."""
    image, background = filled_with(image, colour)
    return image.embed(*offset, canvas.width, canvas.height, extend="background", background=background)


def filled_with(image: pyvips.Image, colour: Colour) -> tuple[pyvips.Image, list[int]]:
    """The picture, with alpha if a colour beside it needs one, and that colour in the picture's bands."""
    if colour.alpha != OPAQUE:
        image = with_alpha(image)
    return image, [*rgb(colour), colour.alpha] if image.hasalpha() else rgb(colour)


# -- corners and borders ----------------------------------------------------------------------------------------------


def radii(radius: Radius, size: Size, scale: float = 1.0) -> Radii:
    """The radii of the four corners of a picture of this size.

    Four times ``max`` make an ellipse; one ``max`` takes half of the shorter side. Radii that would meet shrink
    together (CSS Backgrounds and Borders Level 3, section 4.5).

    Args:
        scale: ``dpr``: how many px one px of the radius is.
    """
    if set(radius.corners) == {None}:
        return ((size.width / 2, size.height / 2),) * 4
    half = min(size.width, size.height) / 2
    corners = [half if corner is None else corner * scale for corner in radius.corners]
    top_left, top_right, bottom_right, bottom_left = corners
    sides = (
        (size.width, top_left + top_right),
        (size.height, top_right + bottom_right),
        (size.width, bottom_right + bottom_left),
        (size.height, bottom_left + top_left),
    )
    shrink = min([1.0, *(length / taken for length, taken in sides if taken)])
    return tuple((corner * shrink, corner * shrink) for corner in corners)


def corners_cut(image: pyvips.Image, mask: pyvips.Image) -> pyvips.Image:
    """r: what the mask leaves out becomes transparent."""
    image = with_alpha(image)
    return joined(image[:3], (image[3] * mask) / OPAQUE)


def bordered(image: pyvips.Image, border: Border, width: int, inner: Radii | None) -> pyvips.Image:
    """bo: a line outside of the picture, ``width`` px wide; around rounded corners it is round as well.

    Args:
        inner: the radii of the picture's corners, already cut; None: they are square.
    """
    outer = Size(image.width + 2 * width, image.height + 2 * width)
    if inner is None:
        return on_canvas(image, outer, (width, width), border.colour)
    grown = tuple((across + width, down + width) if across and down else (0.0, 0.0) for across, down in inner)
    ring = corner_mask(outer, grown).linear(border.colour.alpha / OPAQUE, 0.5, uchar=True)
    line = ring.new_from_image(rgb(border.colour)).bandjoin(ring).copy(interpretation="srgb")
    if border.colour.alpha != OPAQUE:  # nothing of it under the picture, which may be translucent itself
        hole = corner_mask(Size(image.width, image.height), inner).embed(width, width, outer.width, outer.height)
        line = joined(line[:3], (line[3] * hole.invert()) / OPAQUE)
    above = image.embed(width, width, outer.width, outer.height)
    return line.composite2(above, "over").cast("uchar")


def corner_mask(size: Size, corners: Radii) -> pyvips.Image:
    """255 inside, 0 outside of a box with round corners, with soft edges of one px."""
    mask = pyvips.Image.black(size.width, size.height).invert()
    done: dict[tuple[float, float], pyvips.Image] = {}
    for (across, down), (right, bottom) in zip(corners, ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True):
        if not across or not down:
            continue
        if (across, down) not in done:
            done[across, down] = _quarter(across, down)
        tile = done[across, down]
        tile = tile.fliphor() if right else tile
        tile = tile.flipver() if bottom else tile
        left, top = right * (size.width - tile.width), bottom * (size.height - tile.height)
        # Of two tiles that share a row of an odd-sized picture, both are right where they overlap.
        mask = mask.insert(tile.minpair(mask.crop(left, top, tile.width, tile.height)), left, top)
    return mask.copy_memory()


def _quarter(across: float, down: float) -> pyvips.Image:
    """The top left quarter of an ellipse. The distance to its edge is (1 - f) / |grad f|, f = (x/a)^2 + (y/b)^2: exact
    for circles to a hundredth of a px near the edge, the only place where it counts."""
    places = pyvips.Image.xyz(ceil(across), ceil(down)).cast("float") + 0.5
    x = (across - places[0]).clamp(min=0, max=across) / across
    y = (down - places[1]).clamp(min=0, max=down) / down
    inside = 1 - x * x - y * y
    slope = ((x / across) ** 2 + (y / down) ** 2) ** 0.5 * 2
    distance = inside / (slope + 1e-6)
    return ((distance + 0.5).clamp(min=0, max=1) * OPAQUE).linear(1, 0.5, uchar=True).copy_memory()


# -- backgrounds taken from the picture -------------------------------------------------------------------------------


def found_colours(image: pyvips.Image, wanted: AutoBackground, canvas: Size) -> list[Colour]:
    """b_auto: the commonest colour of the edges or of the whole picture, or what stands out against it; for a gradient
    as many as it has, in its order. Reads pixels: the picture must be in memory.

    Args:
        canvas: what is to be filled; says where a gradient runs that does not say so.
    """
    found = [_commonest(part) for part in _parts(image, wanted, direction_of(image, wanted, canvas))]
    contrast = wanted.style.endswith("_contrast")
    if wanted.palette:
        choose = max if contrast else min
        return [choose(wanted.palette, key=partial(_unlike, colour)) for colour in found]
    return [_standing_out(colour) for colour in found] if contrast else found


def direction_of(image: pyvips.Image, wanted: AutoBackground, canvas: Size) -> Direction:
    """Where the gradient runs: as asked for, or along the longer side of the room around the picture."""
    if wanted.direction:
        return wanted.direction
    return "horizontal" if canvas.width - image.width >= canvas.height - image.height else "vertical"


def gradient_behind(canvas: Size, colours: Sequence[Colour], direction: Direction) -> pyvips.Image:
    """One colour running into the next, over the whole canvas."""
    places = (pyvips.Image.xyz(canvas.width, canvas.height) + 0.5) / [canvas.width, canvas.height]
    across, down = places[0], places[1]
    way = {
        "horizontal": across,
        "vertical": down,
        "diagonal_desc": (across + down) / 2,
        "diagonal_asc": (across - down + 1) / 2,
    }[direction]
    steps = len(colours) - 1
    levels = [
        bytes(round(one[band] + (other[band] - one[band]) * share) for one, other, share in _steps(colours, steps))
        for band in range(3)
    ]
    return rounded(way * OPAQUE).maplut(table(levels)).copy(interpretation="srgb")


def _steps(colours: Sequence[Colour], steps: int) -> Iterator[tuple[list[int], list[int], float]]:
    """For each of 256 places along a gradient: the colours on both sides, and the share of the second."""
    for place in range(OPAQUE + 1):
        passed = min(place * steps // OPAQUE, steps - 1)
        yield rgb(colours[passed]), rgb(colours[passed + 1]), place * steps / OPAQUE - passed


def blurred_behind(image: pyvips.Image, canvas: Size, wanted: BlurredBackground) -> pyvips.Image:
    """b_blurred: the picture scaled to cover the canvas, blurred, made brighter or darker. Reads pixels twice: the
    picture must be in memory."""
    opaque = image.flatten(background=rgb(WHITE)) if image.hasalpha() else image
    factor = max(canvas.width / image.width, canvas.height / image.height)
    covering = Size(max(canvas.width, ceil(image.width * factor)), max(canvas.height, ceil(image.height * factor)))
    left, top = (covering.width - canvas.width) // 2, (covering.height - canvas.height) // 2
    below = resized(opaque, covering).crop(left, top, canvas.width, canvas.height)
    # -200 is black, 200 twice as bright.
    return rounded(blurred(below, sigma_of(wanted.strength)).linear(1 + wanted.brightness / 200, 0))


def laid_over(image: pyvips.Image, below: pyvips.Image, offset: tuple[int, int]) -> pyvips.Image:
    """The picture on another one of three bands."""
    if not image.hasalpha():
        return below.insert(image, *offset)
    above = image.embed(*offset, below.width, below.height)
    return below.composite2(above, "over")[:3].cast("uchar").copy(interpretation="srgb")


def _parts(image: pyvips.Image, wanted: AutoBackground, direction: Direction) -> list[pyvips.Image]:
    """What the colours are taken from; for a gradient one strip for each colour, as it will lie."""
    border, count = wanted.style.startswith("border"), wanted.gradient
    if not count:
        return [_edges(image) if border else image]
    seen = _hollow(image) if border else image
    upright = direction == "vertical"
    length = image.height if upright else image.width
    strips = []
    for number in range(count):
        start = length * number // count
        extent = max(1, length * (number + 1) // count - start)
        strips.append(
            seen.crop(0, start, image.width, extent) if upright else seen.crop(start, 0, extent, image.height)
        )
    return strips


def _hollow(image: pyvips.Image) -> pyvips.Image:
    """Transparent but for the edges, which are thick enough to survive thinning out."""
    image = with_alpha(image)
    thick = max(1, max(image.width, image.height) // 32)
    wide, high = image.width - 2 * thick, image.height - 2 * thick
    if wide < 1 or high < 1:
        return image
    edges = pyvips.Image.black(wide, high).embed(thick, thick, image.width, image.height, extend="white")
    return joined(image[:3], edges.ifthenelse(image[3], 0))


def _edges(image: pyvips.Image) -> pyvips.Image:
    """The outermost px on all sides, as rows of one picture."""
    right, bottom = image.width - 1, image.height - 1
    rows = image.crop(0, 0, image.width, 1).join(image.crop(0, bottom, image.width, 1), "horizontal")
    columns = image.crop(0, 0, 1, image.height).join(image.crop(right, 0, 1, image.height), "vertical")
    return rows.join(columns.rot90(), "horizontal")


def _commonest(image: pyvips.Image) -> Colour:
    """The mean of the colours in the fullest of 16 x 16 x 16 bins. Transparent px do not count."""
    step = max(1, max(image.width, image.height) // _COUNTED)
    image = with_alpha(image).subsample(min(step, image.width), min(step, image.height)).copy_memory()
    visible = image[3] > OPAQUE // 2
    return _mean_of_bin(image[:3], visible) if visible.max() else WHITE


def _mean_of_bin(colour: pyvips.Image, visible: pyvips.Image) -> Colour:
    shift = OPAQUE // _BINS + 1
    bins = (colour / shift).floor()
    index = (bins[0] * _BINS + bins[1]) * _BINS + bins[2]
    shown = visible.ifthenelse(index + 1, 0).cast("ushort")
    counts = shown.hist_find()
    counts = counts.crop(1, 0, counts.width - 1, 1)
    fullest = counts.maxpos()[1] + 1
    member = shown == fullest
    share = member.avg()
    mean = [min(OPAQUE, round((colour[band] * (member / OPAQUE)).avg() * OPAQUE / share)) for band in range(3)]
    return Colour(*mean)


def _standing_out(colour: Colour) -> Colour:
    return WHITE if _luminance(colour) < _MIDDLE_LUMINANCE else BLACK


def _unlike(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(rgb(one), rgb(other), strict=True))


def _luminance(colour: Colour) -> float:
    """WCAG 2.2: relative luminance, 0 black to 1 white."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (level / OPAQUE for level in rgb(colour))
    ]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

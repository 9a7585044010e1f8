"""Effects that work from the outline of a picture: what lies around it, at its edges, or is cut away there.

``trim``, ``shadow`` and ``outline`` change its size.
"""

from __future__ import annotations

from decimal import Decimal
from math import ceil

import pyvips

from renditor.images.effects.bands import OPAQUE, joined, premultiplied, rgb, solid, split
from renditor.images.effects.blurring import blurred, enlarged, sigma_of
from renditor.images.effects.look import Look
from renditor.images.effects.measure import edge_colour
from renditor.images.pipeline.geometry import Box
from renditor.transformation.values import Colour

_BLACK = Colour(0, 0, 0)
# Share of the longer side by which a shadow is moved when x and y are not given, and how soft it is.
_SHADOW_OFFSET, _SHADOW_SIGMA = 0.015, 0.01
_REACH = 2.5  # sigmas after which nothing of a blurred edge is to be seen
# Modes of an outline: what is drawn in holes, and what around the whole.
_IN_HOLES = {
    "outer": ("none", "line"),
    "inner": ("line", "none"),
    "fill": ("full", "line"),
    "inner_fill": ("full", "none"),
}
_DISC = 4  # px: thicker outlines are grown on a smaller picture; a disc of radius 100 has 31 000 px to add up


def vignette(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Corners darkened, black at 100; smoothly from a third of the way out, in the proportions of the picture."""
    size = 64
    places = (pyvips.Image.xyz(size, size) + 0.5) * (2 / size) - 1
    radius = ((places * places).recomb([[0.5, 0.5]])) ** 0.5
    way = radius.linear(1.5, -0.5).clamp(min=0, max=1)
    light = (way * way * (3 - 2 * way)).linear(-float(strength) / 100, 1)
    shade = light.resize(image.width / size, vscale=image.height / size, kernel="linear")
    colour, alpha = split(image)
    return joined(colour * shade, alpha)


def gradient_fade(image: pyvips.Image, look: Look, mode: str, strength: Decimal) -> pyvips.Image:
    """Edges fade into transparency.

    ``y`` px from the top, from the bottom when negative, ``x`` px from the left or right; by default the upper half.
    ``symmetric`` and ``symmetric_pad`` fade the opposite edge as well, at most to the middle.

    Args:
        strength: the exponent of the way from the edge is ``strength`` / 20: 0 fades nothing, 20 evenly, 100 leaves
            little but the far end.
    """
    x, y = look.x or 0, look.y or 0
    if not x and not y:
        y = ceil(image.height / 2)
    both = mode != "plain"
    exponent = float(strength) / 20
    across = _ramp(image.width, x, both=both) ** exponent
    down = _ramp(image.height, y, both=both).rot90() ** exponent
    fade = across.zoom(1, image.height) * down.zoom(image.width, 1)
    colour, alpha = split(image)
    return joined(colour, fade * (OPAQUE if alpha is None else alpha))


def _ramp(length: int, reach: int, *, both: bool) -> pyvips.Image:
    """A row of numbers: 0 at the edge, 1 from ``reach`` px on (negative: from the other edge)."""
    places = pyvips.Image.xyz(length, 1)[0] + 0.5
    if not reach:
        return places * 0 + 1
    extent = min(abs(reach), length / 2) if both else abs(reach)
    ramp = (places / extent).clamp(min=0, max=1)
    if both:
        return ramp.minpair(ramp.fliphor())
    return ramp if reach > 0 else ramp.fliphor()


def trim(image: pyvips.Image, _: Look, tolerance: Decimal, colour: Colour | str) -> pyvips.Image:
    """Borders cut off that are like the corners, or transparent where those are.

    Args:
        tolerance: per cent of the range of a channel by which a px may differ and still be border.
        colour: what the border looks like; ``auto``: like the corners.

    Returns:
        The rest; the whole picture when there is nothing but border.
    """
    box = trim_box(image, tolerance, colour)
    return image.crop(box.left, box.top, box.width, box.height) if box else image


def trim_box(image: pyvips.Image, tolerance: Decimal, colour: Colour | str) -> Box | None:
    """What ``trim`` leaves; None where that is all."""
    # Weighted by alpha, all that is transparent is alike. The name of the bands goes, or libvips would flatten them.
    weighted = premultiplied(image).copy(interpretation="multiband")
    border = edge_colour(weighted)
    if isinstance(colour, Colour):
        border = [float(value) for value in (*rgb(colour), OPAQUE)[: image.bands]]
    # line_art: without a median filter, which takes thin lines for dust and fails below 3 x 3 px.
    limit = float(tolerance) * 2.55
    left, top, width, height = weighted.find_trim(threshold=limit, background=border, line_art=True)
    return Box(left, top, width, height) if width and height else None


def shadow(image: pyvips.Image, look: Look, strength: Decimal) -> pyvips.Image:
    """A soft shadow in ``co`` (black) below the picture, ``x`` px to the right and ``y`` down, ``strength`` per cent
    opaque. The picture grows by what the shadow needs."""
    if not strength:
        return image
    longer = max(image.width, image.height)
    default = max(1, round(longer * _SHADOW_OFFSET))
    right, down = (default if offset is None else offset for offset in (look.x, look.y))
    # Further away no shadow is seen as one; x_10000 would make a canvas of nothing.
    right, down = (min(max(offset, -longer), longer) for offset in (right, down))
    sigma = max(0.5, longer * _SHADOW_SIGMA)
    reach = ceil(sigma * _REACH)
    left, top = max(0, reach - right), max(0, reach - down)
    wide = left + max(image.width, image.width + right + reach)
    high = top + max(image.height, image.height + down + reach)
    alpha = _cover(image).embed(left + right, top + down, wide, high)
    cast = blurred(alpha, sigma) * (float(strength) / 100)
    return _above(
        image.embed(left, top, wide, high) if image.hasalpha() else _placed(image, left, top, wide, high),
        look.colour or _BLACK,
        cast,
    )


def outline(image: pyvips.Image, look: Look, mode: str, width: Decimal, blur: Decimal) -> pyvips.Image:
    """A line of ``width`` px in ``co`` (black) around what is not transparent, softened by ``blur`` (as ``e_blur``).

    Args:
        mode: ``both``: along the outer contour and in holes; ``outer`` or ``inner``: one of them; ``fill``: the outer
            line, and holes filled; ``inner_fill``: holes filled.

    The picture grows where the line lies outside.
    """
    sigma = sigma_of(float(blur))
    room = 0 if mode in {"inner", "inner_fill"} else ceil(float(width)) + ceil(sigma * _REACH)
    wide, high = image.width + 2 * room, image.height + 2 * room
    placed = _placed(image, room, room, wide, high)
    cover = placed[3].copy_memory()
    line = blurred(_grown(cover, float(width)), sigma)
    if mode != "both":
        inside, outside = _IN_HOLES[mode]
        drawn = {"line": line, "full": OPAQUE, "none": 0}
        line = _holes(cover).ifthenelse(drawn[inside], drawn[outside])
    return _above(placed, look.colour or _BLACK, line)


def _cover(image: pyvips.Image) -> pyvips.Image:
    """Alpha, also of a picture that has none."""
    return image[3] if image.hasalpha() else (image[0] * 0 + OPAQUE).cast("uchar")


def _placed(image: pyvips.Image, left: int, top: int, wide: int, high: int) -> pyvips.Image:
    """With alpha, on a larger, transparent canvas."""
    return joined(split(image)[0], _cover(image)).embed(left, top, wide, high)


def _above(image: pyvips.Image, colour: Colour, cover: pyvips.Image) -> pyvips.Image:
    """The picture above one colour, which shows where ``cover`` (0-255) says so. Both have the same size."""
    below = joined(solid(image, colour), cover * (colour.alpha / OPAQUE))
    return joined(*split(below.composite2(image, "over")))


def _grown(cover: pyvips.Image, radius: float) -> pyvips.Image:
    """Everything within ``radius`` px of what is opaque, with soft edges.

    Opacity is added up over a disc and cut off at full: where the disc touches anything, it fills up at once.
    """
    step = ceil(radius / _DISC)
    wide, high = (-(-side // step) * step + 2 * step for side in (cover.width, cover.height))
    blocks = cover.embed(step, step, wide, high).shrink(step, step)
    size = 2 * ceil(radius / step) + 1
    places = pyvips.Image.xyz(size, size) - size // 2
    distance = (places * places).recomb([[1, 1]]) ** 0.5
    disc = distance.linear(-1, radius / step + 0.5).clamp(min=0, max=1)
    grown = blocks.conv(disc.copy_memory()).cast("uchar").maxpair(blocks)
    return enlarged(grown.copy_memory(), step).crop(step, step, cover.width, cover.height)


def _holes(cover: pyvips.Image) -> pyvips.Image:
    """255 where transparency cannot be reached from outside of the picture, 0 elsewhere."""
    clear = (cover < OPAQUE // 2 + 1).embed(1, 1, cover.width + 2, cover.height + 2, extend="white")
    reached = clear.copy_memory().draw_flood(128, 0, 0, equal=True)
    return (reached == OPAQUE).crop(1, 1, cover.width, cover.height)

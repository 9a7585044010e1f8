"""Where a layer stands on a picture, and how large both are together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from renditor.errors import InvalidTransformation
from renditor.images.insight import Insight
from renditor.images.pipeline.geometry import Size, anchor, directions, rounded
from renditor.images.pipeline.gravity import faces_of, looks_at_content, target
from renditor.images.pipeline.regions import offset
from renditor.transformation import Component
from renditor.transformation.operations import FLAG, GRAVITY, X, Y

Corner = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Placement:
    """``base`` and ``layers``: top left corners on a canvas of that size, in px. A layer may stand there several times;
    ``tiled``: from its corner on over the whole canvas."""

    canvas: Size
    base: Corner
    layers: tuple[Corner, ...]
    tiled: bool = False


def placement(base: Size, layer: Size, component: Component, insight: Insight) -> Placement:
    """Where the layer that ``component`` places stands.

    By ``g`` (a compass point, ``xy_center``, on faces or the point of interest), moved away from the edge it names by
    ``x`` and ``y``: px, or shares of the picture. What stands over the edge enlarges the picture, or is cut off with
    ``fl_no_overflow``. ``fl_tiled``: beside and below each other over the whole picture, which keeps its size.
    ``fl_replace_image``: alone.

    Raises:
        InvalidTransformation: it stands over the edge, and ``fl_text_disallow_overflow`` forbids that.
    """
    flags = {flag.name for flag in component.get(FLAG) or ()}
    if "replace_image" in flags:
        return Placement(layer, (0, 0), ((0, 0),))
    if "tiled" in flags:
        return Placement(base, (0, 0), ((0, 0),), tiled=True)
    corners = _corners(base, layer, component, insight)
    if "no_overflow" in flags:
        return Placement(base, (0, 0), corners)
    left, top = min(0, *(x for x, _ in corners)), min(0, *(y for _, y in corners))
    right = max(base.width, *(x + layer.width for x, _ in corners))
    bottom = max(base.height, *(y + layer.height for _, y in corners))
    canvas = Size(right - left, bottom - top)
    if canvas != base and "text_disallow_overflow" in flags:
        raise InvalidTransformation(
            f"The text of {layer.width} x {layer.height} px stands over the edge of the picture"
        )
    return Placement(canvas, (-left, -top), tuple((x - left, y - top) for x, y in corners))


def _corners(base: Size, layer: Size, component: Component, insight: Insight) -> tuple[Corner, ...]:
    gravity = component.get(GRAVITY) or "center"
    x, y = offset(component.get(X), base.width) or 0, offset(component.get(Y), base.height) or 0
    free = base.width - layer.width, base.height - layer.height
    if gravity == "xy_center":
        return ((x - layer.width // 2, y - layer.height // 2),)
    if not looks_at_content(gravity):
        (left, top), (across, down) = anchor(gravity, *free), directions(gravity)
        return ((left + across * x, top + down * y),)
    middles = faces_of(gravity, insight) or (target(gravity, insight).point,)
    return tuple(
        (
            rounded(Fraction(across) * base.width - Fraction(layer.width, 2)) + x,
            rounded(Fraction(down) * base.height - Fraction(layer.height, 2)) + y,
        )
        for across, down in middles
    )

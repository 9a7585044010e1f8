"""Places in a picture that effects ask for, in px. Pure."""

from __future__ import annotations

from fractions import Fraction

from renditor.images.insight import Insight
from renditor.images.pipeline.geometry import Box, Size, anchor, directions, pixels, rounded
from renditor.images.pipeline.gravity import Region, looks_at_content, target
from renditor.transformation import Component
from renditor.transformation.operations import GRAVITY, HEIGHT, WIDTH, X, Y
from renditor.transformation.values import Auto, Length, Share

_PLACING = frozenset({X.key, Y.key, WIDTH.key, HEIGHT.key, GRAVITY.key})


def length(asked: Length | Auto | None, whole: int) -> Fraction | None:
    """px of what was asked for; None for nothing, and for ``auto`` where no client said what it needs."""
    if isinstance(asked, Share):
        return Fraction(asked.of) * whole
    return Fraction(asked) if isinstance(asked, int) else None


def offset(asked: Length | None, whole: int) -> int | None:
    """A distance in whole px."""
    distance = length(asked, whole)
    return None if distance is None else rounded(distance)


def region_asked(component: Component, size: Size, insight: Insight) -> Box | None:
    """The part of a picture that ``x y w h g`` name beside an effect; None where they name none. It may reach over the
    edges. ``g_face`` is the faces themselves, unless a size is given."""
    if not _PLACING & {key for key, _ in component.parameters}:
        return None
    wide, high = length(component.get(WIDTH), size.width), length(component.get(HEIGHT), size.height)
    gravity = component.get(GRAVITY) or "north_west"
    found = target(gravity, insight) if looks_at_content(gravity) else None
    if found and found.subject and wide is None and high is None:
        return box_of(found.subject, size)
    width, height = pixels(wide if wide is not None else Fraction(size.width)), pixels(high or Fraction(size.height))
    if found:
        start = found.window(width / size.width, height / size.height)
        return Box(round(start[0] * size.width), round(start[1] * size.height), width, height)
    x, y = offset(component.get(X), size.width) or 0, offset(component.get(Y), size.height) or 0
    if gravity == "xy_center":
        return Box(x - width // 2, y - height // 2, width, height)
    left, top = anchor(gravity, size.width - width, size.height - height)
    across, down = directions(gravity)
    return Box(left + across * x, top + down * y, width, height)


def face_boxes(insight: Insight, size: Size) -> tuple[Box, ...]:
    """All faces, in px of a picture of that size."""
    return tuple(box_of(Region(face.x, face.y, face.width, face.height), size) for face in insight.faces or ())


def box_of(region: Region, size: Size) -> Box:
    left, top = round(region.left * size.width), round(region.top * size.height)
    right, bottom = round(region.right * size.width), round(region.bottom * size.height)
    return Box(left, top, max(1, right - left), max(1, bottom - top))

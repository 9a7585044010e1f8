"""What is known about a picture, carried along while the picture is cut, placed and turned. Pure.

Faces and points are shares of the picture at hand; what was cut away is known no longer.
"""

from __future__ import annotations

from dataclasses import replace
from math import cos, radians, sin

from renditor.images.insight import Face, Insight
from renditor.images.pipeline.geometry import Box, Geometry, Size
from renditor.transformation.values import Turn

# What each EXIF orientation asks for (Exif 2.32, tag 274): a mirror image left to right, then degrees clockwise.
UPRIGHT_TURNS = {
    1: Turn(),
    2: Turn(mirrored=True),
    3: Turn(degrees=180),
    4: Turn(mirrored=True, degrees=180),
    5: Turn(mirrored=True, degrees=270),
    6: Turn(degrees=90),
    7: Turn(mirrored=True, degrees=90),
    8: Turn(degrees=270),
}


def through(insight: Insight, source: Size, geometry: Geometry) -> Insight:
    """After one component."""
    insight = cut(insight, source, geometry.region)
    insight = cut(insight, geometry.scaled, geometry.window)
    return insight if geometry.canvas is None else placed(insight, geometry.placed, geometry.canvas, geometry.offset)


def cut(insight: Insight, source: Size, box: Box | None) -> Insight:
    """After this box was cut out of a picture of that size."""
    if box is None:
        return insight
    return placed(insight, source, box.size, (-box.left, -box.top))


def placed(insight: Insight, size: Size, canvas: Size, offset: tuple[int, int]) -> Insight:
    """After the picture was placed on a canvas: its top left corner stands at ``offset`` (px)."""

    def point(x: float, y: float) -> tuple[float, float]:
        return (x * size.width + offset[0]) / canvas.width, (y * size.height + offset[1]) / canvas.height

    def face(one: Face) -> Face:
        (left, top), (right, bottom) = point(one.x, one.y), point(one.x + one.width, one.y + one.height)
        left, top, right, bottom = (min(max(value, 0.0), 1.0) for value in (left, top, right, bottom))
        return replace(one, x=left, y=top, width=right - left, height=bottom - top)

    faces = None if insight.faces is None else tuple(map(face, insight.faces))
    return replace(
        insight,
        # What is left of a face at the edge still is one: it may have to be blurred.
        faces=faces and tuple(one for one in faces if one.width > 0 and one.height > 0),
        focal_point=_kept(insight.focal_point and point(*insight.focal_point)),
        custom_point=_kept(insight.custom_point and point(*insight.custom_point)),
    )


def turned(insight: Insight, size: Size, turn: Turn, result: Size) -> Insight:
    """After a picture of that size was mirrored and turned around its middle, and has become ``result`` large."""
    angle = radians(turn.degrees)

    def point(x: float, y: float) -> tuple[float, float]:
        across, down = (x - 0.5) * size.width, (y - 0.5) * size.height
        across = -across if turn.mirrored else across
        return (
            (across * cos(angle) - down * sin(angle)) / result.width + 0.5,
            (across * sin(angle) + down * cos(angle)) / result.height + 0.5,
        )

    def face(one: Face) -> Face:
        """A box as large as before around the middle of the face: faces turn, but stay about as wide as high."""
        x, y = point(one.x + one.width / 2, one.y + one.height / 2)
        wide, high = one.width * size.width, one.height * size.height
        if turn.degrees % 180 == 90:
            wide, high = high, wide
        wide, high = wide / result.width, high / result.height
        return replace(one, x=x - wide / 2, y=y - high / 2, width=wide, height=high)

    return replace(
        insight,
        faces=None if insight.faces is None else tuple(map(face, insight.faces)),
        focal_point=insight.focal_point and point(*insight.focal_point),
        custom_point=insight.custom_point and point(*insight.custom_point),
    )


def as_stored(insight: Insight, upright: Size, orientation: int) -> Insight:
    """The places of the upright picture in the picture as the file holds it."""
    turn = UPRIGHT_TURNS[orientation]
    back = turn if turn.mirrored else Turn(degrees=-turn.degrees % 360)  # a mirror image undoes itself
    return turned(insight, upright, back, upright.turned() if back.degrees % 180 else upright)


def is_sideways(orientation: int) -> bool:
    """EXIF orientations that swap width and height."""
    return UPRIGHT_TURNS[orientation].degrees % 180 == 90


def _kept(point: tuple[float, float] | None) -> tuple[float, float] | None:
    return point if point and _is_inside(point) else None


def _is_inside(point: tuple[float, float]) -> bool:
    return 0 <= point[0] <= 1 and 0 <= point[1] <= 1

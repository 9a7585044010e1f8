"""Where pixels go: from the size of a picture and one component to plain numbers. Pure; exact fractions until the end.

entering picture -- region cut out --> -- scaled --> -- window cut out --> -- placed on a canvas --> result
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, cos, floor, radians, sin

from renditor.errors import InvalidTransformation
from renditor.transformation import Component, Transformation
from renditor.transformation.operations import ANGLE, ASPECT_RATIO, CROP, DPR, GRAVITY, HEIGHT, WIDTH, X, Y
from renditor.transformation.values import Length, Turn

# Longest side a picture may have before the window is cut out, in px. A 20000x1 picture filling 10000x10000 would
# have to become 200 000 000 px wide first.
MAX_SCALED_SIDE = 200_000


@dataclass(frozen=True, slots=True)
class Size:
    """px, at least 1 x 1."""

    width: int
    height: int

    def turned(self) -> Size:
        """After a quarter turn."""
        return Size(self.height, self.width)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in px from the top left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Geometry:
    """What one component does with the pixels, in this order; None where it does nothing.

    ``region`` lies in the entering picture, ``window`` in the scaled one. On ``canvas``, a size, the picture's top left
    corner stands at ``offset``.
    """

    scaled: Size
    region: Box | None = None
    window: Box | None = None
    canvas: Size | None = None
    offset: tuple[int, int] = (0, 0)

    @property
    def result(self) -> Size:
        if self.canvas:
            return self.canvas
        return Size(self.window.width, self.window.height) if self.window else self.scaled


@dataclass(frozen=True, slots=True)
class _Request:
    """A component's wishes about one picture. Sides in px before ``dpr``; ``None``: follows from the other side."""

    source: Size
    width: Fraction | None
    height: Fraction | None
    dpr: Fraction
    gravity: str
    x: Fraction
    y: Fraction

    def target(self) -> Size:
        """The box asked for, dpr included."""
        if self.width is None or self.height is None:
            return self.in_proportion()
        return Size(_pixels(self.width * self.dpr), _pixels(self.height * self.dpr))

    def in_proportion(self) -> Size:
        """The one side that was given, and the other in the proportion of the picture."""
        source = self.source
        if self.width is not None:
            width = _pixels(self.width * self.dpr)
            return Size(width, _pixels(Fraction(width * source.height, source.width)))
        if self.height is None:
            return source
        height = _pixels(self.height * self.dpr)
        return Size(_pixels(Fraction(height * source.width, source.height)), height)


def plan(source: Size, component: Component) -> Geometry:
    """What ``component`` does to a picture of size ``source``.

    Raises:
        InvalidTransformation: the region lies outside the picture, or the picture would become absurdly long.
    """
    width, height = _wanted(source, component)
    if width is None and height is None:
        return Geometry(scaled=source)
    given_offset = component.get(X) is not None or component.get(Y) is not None
    mode = component.get(CROP) or "scale"
    default_gravity = "north_west" if mode == "crop" and given_offset else "center"
    request = _Request(
        source=source,
        width=width,
        height=height,
        dpr=Fraction(component.get(DPR) or 1),
        gravity=component.get(GRAVITY) or default_gravity,
        x=_length(component.get(X) or 0, source.width),
        y=_length(component.get(Y) or 0, source.height),
    )
    geometry = MODES[mode](request)
    if max(geometry.scaled.width, geometry.scaled.height) > MAX_SCALED_SIDE:
        raise InvalidTransformation(
            f"The picture of {source.width} x {source.height} px is too narrow for this size",
            hint="c_pad or c_fit bring very long pictures into a box",
        )
    return geometry


def results(source: Size, transformation: Transformation) -> list[Size]:
    """The size after each component, turns included; for an empty transformation the size of the source.

    After a turn by other than quarters the picture may really be one px smaller on either side.

    Raises:
        InvalidTransformation: see ``plan``.
    """
    sizes = []
    for component in transformation:
        source = _turned(plan(source, component).result, component.get(ANGLE) or Turn())
        sizes.append(source)
    return sizes or [source]


def _turned(size: Size, turn: Turn) -> Size:
    """The box around a turned picture."""
    if turn.degrees % 180 == 0:
        return size
    if turn.degrees % 90 == 0:
        return size.turned()
    across, down = abs(cos(radians(turn.degrees))), abs(sin(radians(turn.degrees)))
    return Size(ceil(size.width * across + size.height * down), ceil(size.width * down + size.height * across))


def _scale(request: _Request) -> Geometry:
    return Geometry(scaled=request.target())


def _fit(request: _Request) -> Geometry:
    if request.width is None or request.height is None:
        return Geometry(scaled=request.in_proportion())
    return Geometry(scaled=_inside(request.source, request.target()))


def _limit(request: _Request) -> Geometry:
    geometry = _fit(request)
    source = request.source
    if geometry.scaled.width > source.width or geometry.scaled.height > source.height:
        return Geometry(scaled=source)
    return geometry


def _fill(request: _Request) -> Geometry:
    if request.width is None or request.height is None:
        return Geometry(scaled=request.in_proportion())
    source, target = request.source, request.target()
    if target.width * source.height >= target.height * source.width:  # the width decides, the height overhangs
        scaled = Size(target.width, max(target.height, _pixels(Fraction(source.height * target.width, source.width))))
    else:
        scaled = Size(max(target.width, _pixels(Fraction(source.width * target.height, source.height))), target.height)
    if scaled == target:
        return Geometry(scaled=scaled)
    left, top = _anchor(request.gravity, scaled.width - target.width, scaled.height - target.height)
    return Geometry(scaled=scaled, window=Box(left, top, target.width, target.height))


def _pad(request: _Request) -> Geometry:
    if request.width is None or request.height is None:
        return Geometry(scaled=request.in_proportion())
    target = request.target()
    scaled = _inside(request.source, target)
    if scaled == target:
        return Geometry(scaled=scaled)
    free = target.width - scaled.width, target.height - scaled.height
    left, top = _anchor(request.gravity, *free)
    across, down = _directions(request.gravity)
    left += across * _round(request.x * request.dpr)
    top += down * _round(request.y * request.dpr)
    offset = min(max(left, 0), free[0]), min(max(top, 0), free[1])  # never pushed off the canvas
    return Geometry(scaled=scaled, canvas=target, offset=offset)


def _crop(request: _Request) -> Geometry:
    """The region is measured in px of the picture; ``dpr`` only enlarges what was cut out."""
    source = request.source
    asked = replace(request, dpr=Fraction(1)).target()
    wide, high = asked.width, asked.height
    left, top = _anchor(request.gravity, source.width - wide, source.height - high)
    across, down = _directions(request.gravity)
    left += across * _round(request.x)
    top += down * _round(request.y)
    right, bottom = min(left + wide, source.width), min(top + high, source.height)
    left, top = max(left, 0), max(top, 0)
    if left >= right or top >= bottom:
        raise InvalidTransformation(f"The region lies outside the picture of {source.width} x {source.height} px")
    region = Box(left, top, right - left, bottom - top)
    scaled = Size(_pixels(region.width * request.dpr), _pixels(region.height * request.dpr))
    return Geometry(scaled=scaled, region=region)


MODES: dict[str, Callable[[_Request], Geometry]] = {
    "scale": _scale,
    "fit": _fit,
    "limit": _limit,
    "fill": _fill,
    "pad": _pad,
    "crop": _crop,
}


def _wanted(source: Size, component: Component) -> tuple[Fraction | None, Fraction | None]:
    """Width and height asked for; ``ar`` gives the missing one, or both."""
    given_width, given_height = component.get(WIDTH), component.get(HEIGHT)
    width = None if given_width is None else _length(given_width, source.width)
    height = None if given_height is None else _length(given_height, source.height)
    ratio = component.get(ASPECT_RATIO)
    if ratio is None or (width is not None and height is not None):
        return width, height
    if width is not None:
        return width, width / ratio
    if height is not None:
        return height * ratio, height
    wider_than_source = ratio * source.height > source.width
    # Alone: the largest box of this ratio inside the picture; for padding the smallest around it.
    if wider_than_source != (component.get(CROP) == "pad"):
        return Fraction(source.width), source.width / ratio
    return source.height * ratio, Fraction(source.height)


def _inside(source: Size, target: Size) -> Size:
    """The largest size in the proportion of ``source`` that fits into ``target``."""
    if target.width * source.height <= target.height * source.width:
        return Size(target.width, min(target.height, _pixels(Fraction(source.height * target.width, source.width))))
    return Size(min(target.width, _pixels(Fraction(source.width * target.height, source.height))), target.height)


def _anchor(gravity: str, free_width: int, free_height: int) -> tuple[int, int]:
    """The top left corner of something that leaves this much room. Room is negative where it overhangs."""
    left = 0 if "west" in gravity else free_width if "east" in gravity else free_width // 2
    top = 0 if "north" in gravity else free_height if "south" in gravity else free_height // 2
    return left, top


def _directions(gravity: str) -> tuple[int, int]:
    """Offsets lead away from the edge that gravity names."""
    return (-1 if "east" in gravity else 1), (-1 if "south" in gravity else 1)


def _length(length: Length, whole: int) -> Fraction:
    return Fraction(length) if isinstance(length, int) else Fraction(length.of) * whole


def _round(value: Fraction) -> int:
    """To the nearest whole number, halves up: Python's own rounding would make 0.5 and 1.5 differ in direction."""
    return floor(value + Fraction(1, 2))


def _pixels(value: Fraction) -> int:
    return max(1, _round(value))

"""Where pixels go: sizes, boxes, and the plan of one component in plain numbers. Pure; whole px.

entering picture -- region cut out --> -- scaled --> -- window cut out --> -- placed on a canvas --> result

``modes`` makes the plan, ``operations`` carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor


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

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)


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
    def placed(self) -> Size:
        """The picture itself, without its canvas."""
        return self.window.size if self.window else self.scaled

    @property
    def result(self) -> Size:
        return self.canvas or self.placed


def anchor(gravity: str, free_width: int, free_height: int) -> tuple[int, int]:
    """The top left corner of something that leaves this much room. Room is negative where it overhangs."""
    left = 0 if "west" in gravity else free_width if "east" in gravity else free_width // 2
    top = 0 if "north" in gravity else free_height if "south" in gravity else free_height // 2
    return left, top


def directions(gravity: str) -> tuple[int, int]:
    """Offsets lead away from the edge that gravity names."""
    return (-1 if "east" in gravity else 1), (-1 if "south" in gravity else 1)


def within(start: int, free: int) -> int:
    """Moved into the room there is."""
    return min(max(start, 0), free)


def rounded(value: Fraction) -> int:
    """To the nearest whole number, halves up: Python's own rounding would make 0.5 and 1.5 differ in direction."""
    return floor(value + Fraction(1, 2))


def pixels(value: Fraction) -> int:
    """A side in whole px, at least one."""
    return max(1, rounded(value))

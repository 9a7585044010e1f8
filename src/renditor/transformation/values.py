"""Values that parameters hold, and what every kind of value can do.

A kind reads text, writes the one canonical text, and says what it expects. ``read`` raises ValueError on anything else
(``NotMade`` for what is known and not made here); ``read(write(value)) == value`` holds for every kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")


class ValueKind(Protocol[T]):
    """What an operation needs to know about its value."""

    @property
    def expects(self) -> str:
        """Half a sentence for messages and docs: "a whole number from 1 to 100"."""
        ...

    def read(self, text: str) -> T: ...

    def write(self, value: T) -> str: ...


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the picture that enters the component: ``0.5`` is half of it, ``1.5`` half as much again."""

    of: Decimal


Length = int | Share


@dataclass(frozen=True, slots=True)
class Auto:
    """Whatever the client says it needs (client hints). Delivery puts a number in its place before rendering.

    Args:
        step: widths are rounded up to a multiple of this many px.
        fallback: the width in px for clients that say nothing; None: no width is asked for.
    """

    step: int | None = None
    fallback: int | None = None


AUTO = Auto()


@dataclass(frozen=True, slots=True)
class Colour:
    """sRGB, 0-255 each; ``alpha`` 255 is opaque. Everything with alpha 0 is one value: ``TRANSPARENT``."""

    red: int
    green: int
    blue: int
    alpha: int = 255


TRANSPARENT = Colour(0, 0, 0, 0)
BLACK = Colour(0, 0, 0)
WHITE = Colour(255, 255, 255)


@dataclass(frozen=True, slots=True)
class Turn:
    """A mirror image left to right when ``mirrored``, then ``degrees`` clockwise, 0-359.

    Every chain of flips and rotations is one such pair, since a flip after a rotation is a rotation back after a flip.
    """

    mirrored: bool = False
    degrees: int = 0

    def then(self, other: Turn) -> Turn:
        own = -self.degrees if other.mirrored else self.degrees
        return Turn(self.mirrored != other.mirrored, (own + other.degrees) % 360)


# auto_right and auto_left: a quarter turn when the picture lies and the box stands, or the other way round.
# ignore: the orientation that the camera wrote into the file is not applied.
AutoTurn = Literal["auto_right", "auto_left", "ignore"]
Angle = Turn | AutoTurn

AutoLevel = Literal["best", "good", "eco", "low"]
Chroma = Literal[420, 422, 444]


@dataclass(frozen=True, slots=True)
class AutoQuality:
    """The engine picks the number; ``good`` is what plain ``auto`` means. ``chroma`` as in ``SampledQuality``."""

    level: AutoLevel = "good"
    chroma: Chroma | None = None


@dataclass(frozen=True, slots=True)
class SampledQuality:
    """A number from 1 to 100, and how many colour samples are kept (444: all, 420: a quarter)."""

    quality: int
    chroma: Chroma


Quality = int | SampledQuality | AutoQuality


@dataclass(frozen=True, slots=True, order=True)
class Flag:
    """One switch, with its argument (``attachment:name``) or without."""

    name: str
    argument: str = ""

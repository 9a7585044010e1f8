"""How a picture looks: backgrounds, borders, corners."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from renditor.transformation.colours import ColourKind
from renditor.transformation.faults import NotMade
from renditor.transformation.kinds import IntegerKind
from renditor.transformation.values import TRANSPARENT, Colour

# Widest border, in px: it grows the picture on both sides, after the size that was asked for is known to be in bounds.
MAX_BORDER = 2000
# Largest corner radius, in px; as wide as the largest side that may be asked for.
MAX_RADIUS = 10_000

AutoBackgroundStyle = Literal["border", "predominant", "border_contrast", "predominant_contrast"]


@dataclass(frozen=True, slots=True)
class AutoBackground:
    """A colour taken from the picture itself: from its edges (``border``, what plain ``auto`` means) or from all of it;
    ``_contrast`` takes one that stands out against it."""

    style: AutoBackgroundStyle = "border"


@dataclass(frozen=True, slots=True)
class BlurredBackground:
    """The picture itself, scaled to cover the canvas and blurred. ``strength`` 1-2000 as ``e_blur``; ``brightness``
    -200 to 200."""

    strength: int = 100
    brightness: int = 0


Background = Colour | AutoBackground | BlurredBackground


@dataclass(frozen=True, slots=True)
class Border:
    """A solid line around the picture, ``width`` px on each side, drawn outside of it."""

    width: int
    colour: Colour


@dataclass(frozen=True, slots=True)
class Radius:
    """Rounded corners in px: top left, top right, bottom right, bottom left. None: as round as it goes (``r_max``)."""

    corners: tuple[int | None, int | None, int | None, int | None]


NO_BORDER = Border(0, TRANSPARENT)
NO_RADIUS = Radius((0, 0, 0, 0))


@dataclass(frozen=True, slots=True)
class BackgroundKind:
    """A colour, ``auto[:style]``, or ``blurred[:strength[:brightness]]``."""

    expects: str = (
        "a CSS colour name, transparent, rgb: and 3, 4, 6 or 8 hex digits; auto, auto:border, auto:predominant,"
        " auto:border_contrast, auto:predominant_contrast; blurred, blurred:strength (1-2000) or"
        " blurred:strength:brightness (-200 to 200)"
    )

    _COLOUR = ColourKind()
    _STRENGTH, _BRIGHTNESS = IntegerKind(1, 2000), IntegerKind(-200, 200)
    _STYLES = frozenset(get_args(AutoBackgroundStyle))

    def read(self, text: str) -> Background:
        name, *arguments = text.split(":")
        if name == "blurred" and len(arguments) <= 2:
            strength = self._STRENGTH.read(arguments[0]) if arguments else 100
            return BlurredBackground(strength, self._BRIGHTNESS.read(arguments[1]) if len(arguments) == 2 else 0)
        if name == "auto":
            return self._read_auto(text, arguments)
        if name in {"gen_fill", "frames"}:
            raise NotMade(text)
        return self._COLOUR.read(text)

    def _read_auto(self, text: str, arguments: list[str]) -> AutoBackground:
        if not arguments:
            return AutoBackground()
        style, *more = arguments
        if style in self._STYLES and not more:
            return AutoBackground(style)  # type: ignore[arg-type]  # it is one of the names
        # Gradients and palettes: what stands after auto: and is not one of our styles.
        raise (
            NotMade(text) if re.fullmatch(r"(border|predominant)(_gradient)?(_contrast)?", style) else ValueError(text)
        )

    def write(self, value: Background) -> str:
        if isinstance(value, Colour):
            return self._COLOUR.write(value)
        if isinstance(value, AutoBackground):
            return "auto" if value.style == "border" else f"auto:{value.style}"
        strength, brightness = value.strength, value.brightness
        if brightness:
            return f"blurred:{strength}:{brightness}"
        return "blurred" if strength == 100 else f"blurred:{strength}"


@dataclass(frozen=True, slots=True)
class BorderKind:
    expects: str = f"a width in px (0-{MAX_BORDER}), solid and a colour: 4px_solid_black, 4px_solid_rgb:aabbcc"

    _BORDER = re.compile(r"([0-9]{1,5})px_solid_(.+)")
    _COLOUR = ColourKind()

    def read(self, text: str) -> Border:
        match = self._BORDER.fullmatch(text)
        if not match or int(match[1]) > MAX_BORDER:
            raise ValueError(text)
        colour = self._COLOUR.read(match[2])
        return Border(int(match[1]), colour) if int(match[1]) else NO_BORDER

    def write(self, value: Border) -> str:
        return f"{value.width}px_solid_{self._COLOUR.write(value.colour)}"


@dataclass(frozen=True, slots=True)
class RadiusKind:
    """One to four corners as in CSS: all; top left and bottom right, the others; ...; clockwise from top left."""

    expects: str = f"px from 0 to {MAX_RADIUS} or max; up to four of them joined by colons, clockwise from the top left"

    _PIXELS = IntegerKind(0, MAX_RADIUS)

    def read(self, text: str) -> Radius:
        given = [None if part == "max" else self._PIXELS.read(part) for part in text.split(":")]
        if len(given) > 4:
            raise ValueError(text)
        top_left = given[0]
        top_right = given[1] if len(given) > 1 else top_left
        bottom_right = given[2] if len(given) > 2 else top_left
        bottom_left = given[3] if len(given) > 3 else top_right
        return Radius((top_left, top_right, bottom_right, bottom_left))

    def write(self, value: Radius) -> str:
        parts = ["max" if corner is None else str(corner) for corner in value.corners]
        if parts[3] == parts[1]:
            parts.pop()
            if parts[2] == parts[0]:
                parts.pop()
                if parts[1] == parts[0]:
                    parts.pop()
        return ":".join(parts)

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
# Most colours of a palette; each is compared with each that is found.
MAX_PALETTE = 12

AutoBackgroundStyle = Literal["border", "predominant", "border_contrast", "predominant_contrast"]
Direction = Literal["horizontal", "vertical", "diagonal_desc", "diagonal_asc"]


@dataclass(frozen=True, slots=True)
class AutoBackground:
    """Colours taken from the picture itself: from its edges (``border``, what plain ``auto`` means) or from all of it.

    Args:
        style: ``_contrast`` takes colours that stand out against those.
        gradient: how many colours run into each other, 2 or 4; 0: one colour, no gradient.
        direction: where the gradient runs; None: along the longer side of the room around the picture.
        palette: only these colours are taken, those nearest to what is found; empty: any.
    """

    style: AutoBackgroundStyle = "border"
    gradient: Literal[0, 2, 4] = 0
    direction: Direction | None = None
    palette: tuple[Colour, ...] = ()


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
    """A colour, ``auto[:style[:colours][:direction][:palette_...]]``, or ``blurred[:strength[:brightness]]``."""

    expects: str = (
        "a CSS colour name, transparent, rgb: and 3, 4, 6 or 8 hex digits; auto, auto:border, auto:predominant, each"
        " with _gradient (auto:border_gradient:4:horizontal), with _contrast, and with :palette_red_blue; blurred,"
        " blurred:strength (1-2000) or blurred:strength:brightness (-200 to 200)"
    )

    _COLOUR = ColourKind()
    _STRENGTH, _BRIGHTNESS = IntegerKind(1, 2000), IntegerKind(-200, 200)
    _BARE = ColourKind(bare=True)
    _STYLE = re.compile(r"(border|predominant)(_gradient)?(_contrast)?")
    _DIRECTIONS = frozenset(get_args(Direction))

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
        style = self._STYLE.fullmatch(arguments.pop(0))
        if not style:
            raise ValueError(text)
        palette = self._read_palette(arguments.pop()) if arguments and arguments[-1].startswith("palette_") else ()
        name: AutoBackgroundStyle = style[1] + (style[3] or "")  # type: ignore[assignment]  # as the pattern says
        if not style[2]:
            if arguments:
                raise ValueError(text)
            return AutoBackground(name, palette=palette)
        count: Literal[2, 4] = 4 if arguments[:1] == ["4"] else 2
        del arguments[: arguments[:1] in (["2"], ["4"])]
        direction = arguments.pop(0) if arguments and arguments[0] in self._DIRECTIONS else None
        if arguments:
            raise ValueError(text)
        return AutoBackground(name, count, direction, palette)  # type: ignore[arg-type]  # it is one of the names

    def _read_palette(self, text: str) -> tuple[Colour, ...]:
        colours = tuple(self._BARE.read(part) for part in text.split("_")[1:])
        if len(colours) > MAX_PALETTE:
            raise ValueError(text)
        return colours

    def write(self, value: Background) -> str:
        if isinstance(value, Colour):
            return self._COLOUR.write(value)
        if isinstance(value, AutoBackground):
            return self._write_auto(value)
        strength, brightness = value.strength, value.brightness
        if brightness:
            return f"blurred:{strength}:{brightness}"
        return "blurred" if strength == 100 else f"blurred:{strength}"

    def _write_auto(self, value: AutoBackground) -> str:
        if value == AutoBackground():
            return "auto"
        style, contrast, _ = value.style.partition("_contrast")
        parts = ["auto", style + ("_gradient" if value.gradient else "") + contrast]
        parts += ["4"] if value.gradient == 4 else []
        parts += [value.direction] if value.direction else []
        parts += ["palette_" + "_".join(map(self._BARE.write, value.palette))] if value.palette else []
        return ":".join(parts)


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

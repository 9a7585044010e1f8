"""Kinds of value a parameter can hold. Each kind reads text, writes the one canonical text, and says what it expects.

``read`` raises ValueError on anything else; ``read(write(value)) == value`` holds for every kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal, Protocol, TypeVar
from urllib.parse import unquote

from renditor.transformation.colours import CSS_COLOURS

T = TypeVar("T")

# ASCII digits only: int() and Decimal() would also take Arabic or full-width digits, a second spelling of one value.
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_DECIMAL = re.compile(r"-?(?:[0-9]{1,9}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})")
_HEX = re.compile(r"[0-9a-fA-F]+")
_RATIO = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?(?::[0-9]{1,6}(?:\.[0-9]{1,6})?)?")


class ValueKind(Protocol[T]):
    """What an operation needs to know about its value."""

    @property
    def expects(self) -> str:
        """Half a sentence for messages and docs: "a whole number from 1 to 100"."""
        ...

    def read(self, text: str) -> T: ...

    def write(self, value: T) -> str: ...


def read_decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(text)
    return (Decimal(text) + 0).normalize()  # + 0 turns -0 into 0


def write_decimal(value: Decimal) -> str:
    """Plain digits, no exponent, no trailing zeros: ``2``, ``0.5``."""
    return format(value.normalize(), "f")


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the picture that enters the component: ``0.5`` is half of it, ``1.5`` half as much again."""

    of: Decimal


Length = int | Share


@dataclass(frozen=True, slots=True)
class LengthKind:
    """Whole numbers are px, numbers with a decimal point are shares of the picture: ``1`` and ``1.0`` differ."""

    low: int
    high: int

    # Ten times the picture is more than any page needs; the size of the result is limited again by the engine.
    MOST = Decimal(10)

    @property
    def expects(self) -> str:
        whole = f"a whole number of px from {self.low} to {self.high}"
        return f"{whole}, or a share of the picture such as 0.5 (up to {self.MOST})"

    def read(self, text: str) -> Length:
        if _INTEGER.fullmatch(text):
            pixels = int(text)
            if self.low <= pixels <= self.high:
                return pixels
        elif "." in text:
            share = read_decimal(text)
            if (share > 0 or self.low < 0) and abs(share) <= self.MOST:
                return Share(share)
        raise ValueError(text)

    def write(self, value: Length) -> str:
        if isinstance(value, int):
            return str(value)
        text = write_decimal(value.of)
        return text if "." in text else f"{text}.0"


@dataclass(frozen=True, slots=True)
class DecimalKind:
    """A number with at most six decimals. ``unit`` appears in messages only."""

    low: Decimal
    high: Decimal
    unit: str = ""

    @property
    def expects(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"a number from {write_decimal(self.low)} to {write_decimal(self.high)}{unit}"

    def read(self, text: str) -> Decimal:
        value = read_decimal(text)
        if self.low <= value <= self.high:
            return value
        raise ValueError(text)

    def write(self, value: Decimal) -> str:
        return write_decimal(value)


@dataclass(frozen=True, slots=True)
class RatioKind:
    """Width to height as ``16:9`` or ``1.5``; kept as an exact fraction, so that both spellings are one value."""

    expects: str = "a ratio of width to height from 1:100 to 100:1, such as 16:9 or 1.5"

    def read(self, text: str) -> Fraction:
        if not _RATIO.fullmatch(text):
            raise ValueError(text)
        width, _, height = text.partition(":")
        below = Fraction(height or "1")
        if below == 0:
            raise ValueError(text)
        ratio = Fraction(width) / below
        if Fraction(1, 100) <= ratio <= 100:
            # Finer steps move an edge of 10 000 px by less than one pixel, and the text stays within six digits.
            return ratio.limit_denominator(9999)
        raise ValueError(text)

    def write(self, value: Fraction) -> str:
        return f"{value.numerator}:{value.denominator}"


@dataclass(frozen=True, slots=True)
class ChoiceKind:
    """One of the names in ``options`` (name -> what it means); ``aliases`` are read, never written."""

    options: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def expects(self) -> str:
        return "one of " + ", ".join(self.options)

    def read(self, text: str) -> str:
        name = self.aliases.get(text, text)
        if name in self.options:
            return name
        raise ValueError(text)

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class Colour:
    """sRGB, 0-255 each; ``alpha`` 255 is opaque. Everything with alpha 0 is one value: ``TRANSPARENT``."""

    red: int
    green: int
    blue: int
    alpha: int = 255


TRANSPARENT = Colour(0, 0, 0, 0)
WHITE = Colour(255, 255, 255)


@dataclass(frozen=True, slots=True)
class ColourKind:
    expects: str = "a CSS colour name, transparent, or rgb: and 3, 4, 6 or 8 hex digits"

    def read(self, text: str) -> Colour:
        if text == "transparent":
            return TRANSPARENT
        if text in CSS_COLOURS:
            digits = CSS_COLOURS[text]
        else:
            prefix, _, digits = text.partition(":")
            if prefix != "rgb" or not _HEX.fullmatch(digits) or len(digits) not in {3, 4, 6, 8}:
                raise ValueError(text)
        if len(digits) < 6:
            digits = "".join(digit * 2 for digit in digits)
        colour = Colour(*bytes.fromhex(digits))
        return colour if colour.alpha else TRANSPARENT

    def write(self, value: Colour) -> str:
        if value == TRANSPARENT:
            return "transparent"
        alpha = "" if value.alpha == 255 else f"{value.alpha:02x}"
        return f"rgb:{value.red:02x}{value.green:02x}{value.blue:02x}{alpha}"


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


@dataclass(frozen=True, slots=True)
class TurnKind:
    expects: str = "degrees clockwise from -360 to 360, hflip, vflip, or several of these joined by dots"

    # Eight flips and angles say more than any picture needs; the limit keeps the loop short.
    MOST = 8

    def read(self, text: str) -> Turn:
        parts = text.split(".")
        if len(parts) > self.MOST:
            raise ValueError(text)
        turn = Turn()
        for part in parts:
            turn = turn.then(self._read_one(part))
        return turn

    @staticmethod
    def _read_one(text: str) -> Turn:
        if text == "hflip":
            return Turn(mirrored=True)
        if text == "vflip":
            return Turn(mirrored=True, degrees=180)
        if _INTEGER.fullmatch(text) and -360 <= int(text) <= 360:
            return Turn(degrees=int(text) % 360)
        raise ValueError(text)

    def write(self, value: Turn) -> str:
        if not value.mirrored:
            return str(value.degrees)
        if value.degrees == 180:
            return "vflip"
        return f"hflip.{value.degrees}" if value.degrees else "hflip"


AutoLevel = Literal["best", "good", "eco", "low"]


@dataclass(frozen=True, slots=True)
class AutoQuality:
    """The engine picks the number; ``good`` is what plain ``auto`` means."""

    level: AutoLevel = "good"


Quality = int | AutoQuality


@dataclass(frozen=True, slots=True)
class QualityKind:
    expects: str = "a whole number from 1 to 100, auto, auto:best, auto:good, auto:eco or auto:low"

    def read(self, text: str) -> Quality:
        if _INTEGER.fullmatch(text) and 1 <= int(text) <= 100:
            return int(text)
        named: dict[str, AutoQuality] = {
            "auto": AutoQuality(),
            "auto:best": AutoQuality("best"),
            "auto:good": AutoQuality(),
            "auto:eco": AutoQuality("eco"),
            "auto:low": AutoQuality("low"),
        }
        if text in named:
            return named[text]
        raise ValueError(text)

    def write(self, value: Quality) -> str:
        if isinstance(value, int):
            return str(value)
        return "auto" if value.level == "good" else f"auto:{value.level}"


@dataclass(frozen=True, slots=True, order=True)
class Flag:
    """One switch, with its argument (``attachment:name``) or without."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class FlagsKind:
    """A set of switches joined by dots. ``options``: name -> what it does; ``named`` ones may carry a file name."""

    options: Mapping[str, str]
    named: frozenset[str] = frozenset()

    # The name ends in a Content-Disposition header: letters, digits and what file names commonly hold, never quotes,
    # slashes or line ends (header injection). 100 characters keep the header small.
    FILE_NAME = re.compile(r"[\w .()\-]{1,100}")

    @property
    def expects(self) -> str:
        return "flags joined by dots, out of " + ", ".join(self.options)

    def read(self, text: str) -> frozenset[Flag]:
        flags = frozenset(self._read_one(part) for part in text.split("."))
        if len({flag.name for flag in flags}) < len(flags):
            raise ValueError(text)
        return flags

    def _read_one(self, text: str) -> Flag:
        name, colon, raw = text.partition(":")
        if name not in self.options:
            raise ValueError(text)
        if not colon:
            return Flag(name)
        # A dot would end the flag, so names carry it as %2E; the same escape serves any other character.
        argument = unquote(raw, errors="strict")
        if name in self.named and self.FILE_NAME.fullmatch(argument):
            return Flag(name, argument)
        raise ValueError(text)

    def write(self, value: frozenset[Flag]) -> str:
        return ".".join(
            flag.name + (":" + flag.argument.replace(".", "%2E") if flag.argument else "") for flag in sorted(value)
        )

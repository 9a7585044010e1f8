"""Kinds of simple values: numbers, ratios, one name out of several, angles, qualities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from urllib.parse import quote, unquote

from renditor.transformation.faults import NotMade
from renditor.transformation.values import (
    AUTO,
    Angle,
    Auto,
    AutoLevel,
    AutoQuality,
    Chroma,
    Length,
    Quality,
    SampledQuality,
    Share,
    Turn,
)

# ASCII digits only: int() and Decimal() would also take Arabic or full-width digits, a second spelling of one value.
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_DECIMAL = re.compile(r"-?(?:[0-9]{1,9}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})")
_RATIO = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?(?::[0-9]{1,6}(?:\.[0-9]{1,6})?)?")
# What could end a parameter, a component or an escape, or be taken for a variable.
_SPECIAL = re.compile(r"[%,/\\$!\x00-\x1f\x7f]")


def read_decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(text)
    return (Decimal(text) + 0).normalize()  # + 0 turns -0 into 0


def write_decimal(value: Decimal) -> str:
    """Plain digits, no exponent, no trailing zeros: ``2``, ``0.5``."""
    return format(value.normalize(), "f")


def escape(text: str) -> str:
    """The text as it stands in a parameter: everything escaped that could end a parameter, a component or an escape."""
    return _SPECIAL.sub(lambda match: quote(match[0], safe=""), text)


def unescape(text: str) -> str:
    """Escaped once, or twice for commas and slashes (as links carry them: ``%252C``): both are read."""
    once = unquote(text, errors="strict")
    return re.sub("%2[cC]", ",", re.sub("%2[fF]", "/", once))


@dataclass(frozen=True, slots=True)
class LengthKind:
    """Whole numbers are px, numbers with a decimal point are shares of the picture: ``1`` and ``1.0`` differ."""

    low: int
    high: int

    # Ten times the picture is more than any page needs; the size of the result is limited again by the engine. Larger
    # numbers with a decimal point are px that somebody's arithmetic left unrounded: they are rounded.
    MOST = Decimal(10)

    @property
    def expects(self) -> str:
        whole = f"a whole number of px from {self.low} to {self.high}"
        return f"{whole}, or a share of the picture such as 0.5 (up to {self.MOST})"

    def read(self, text: str) -> Length:
        if _INTEGER.fullmatch(text):
            return self._pixels(Decimal(text), text)
        if "." not in text:
            raise ValueError(text)
        number = read_decimal(text)
        if abs(number) > self.MOST:
            return self._pixels(number, text)
        if number > 0 or self.low < 0:
            return Share(number)
        raise ValueError(text)

    def _pixels(self, number: Decimal, text: str) -> int:
        pixels = int(number.to_integral_value(ROUND_HALF_UP))
        if self.low <= pixels <= self.high:
            return pixels
        raise ValueError(text)

    def write(self, value: Length) -> str:
        if isinstance(value, int):
            return str(value)
        text = write_decimal(value.of)
        return text if "." in text else f"{text}.0"


@dataclass(frozen=True, slots=True)
class WidthKind:
    """A length, or ``auto``."""

    length: LengthKind

    _AUTO = re.compile(r"auto(?::([0-9]{1,4}))?(?::([0-9]{1,5}))?")
    _BREAKPOINTS = re.compile(r"auto:breakpoints(?:_([0-9]{1,5})_([0-9]{1,5})_([0-9]{1,5})_([0-9]{1,3}))?(:json)?")

    @property
    def expects(self) -> str:
        return f"{self.length.expects}; auto, auto:step, auto:step:fallback or auto:breakpoints"

    def read(self, text: str) -> Length | Auto:
        if not text.startswith("auto"):
            return self.length.read(text)
        breakpoints = self._BREAKPOINTS.fullmatch(text)
        if breakpoints:
            return self._read_breakpoints(breakpoints)
        match = self._AUTO.fullmatch(text)
        if not match:
            raise ValueError(text)
        step, fallback = (None if digits is None else int(digits) for digits in match.groups())
        if step == 0 or (fallback is not None and not self.length.low <= fallback <= self.length.high):
            raise ValueError(text)
        return Auto(step, fallback)

    @staticmethod
    def _read_breakpoints(match: re.Match[str]) -> Auto:
        """Breakpoints computed by file size are not made; the steps between the smallest and largest width are."""
        if match[5]:
            raise NotMade(match[0])
        if match[1] is None:
            return AUTO
        low, high, count = int(match[1]), int(match[2]), int(match[4])
        if not 0 < low < high or count == 0:
            raise ValueError(match[0])
        return Auto(max(1, (high - low) // count))

    def write(self, value: Length | Auto) -> str:
        if not isinstance(value, Auto):
            return self.length.write(value)
        fallback = "" if value.fallback is None else f":{value.fallback}"
        return "auto" if value == AUTO else f"auto:{value.step}{fallback}"


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
class IntegerKind:
    """A whole number; ``2.0`` is one too, since arithmetic of variables may leave it so."""

    low: int
    high: int
    unit: str = ""

    @property
    def expects(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"a whole number from {self.low} to {self.high}{unit}"

    def read(self, text: str) -> int:
        value = read_decimal(text)
        if value == value.to_integral_value() and self.low <= value <= self.high:
            return int(value)
        raise ValueError(text)

    def write(self, value: int) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class DprKind:
    """A factor, or ``auto``."""

    factor: DecimalKind

    @property
    def expects(self) -> str:
        return f"{self.factor.expects}, or auto"

    def read(self, text: str) -> Decimal | Auto:
        return AUTO if text == "auto" else self.factor.read(text)

    def write(self, value: Decimal | Auto) -> str:
        return "auto" if isinstance(value, Auto) else self.factor.write(value)


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
    """One of the names in ``options`` (name -> what it means).

    ``aliases`` are read, never written; ``not_made`` are names that Cloudinary knows and nothing here can make.
    """

    options: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    not_made: frozenset[str] = frozenset()

    @property
    def expects(self) -> str:
        return "one of " + ", ".join(self.options)

    def read(self, text: str) -> str:
        name = self.aliases.get(text, text)
        if name in self.options:
            return name
        raise NotMade(text) if text in self.not_made else ValueError(text)

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class TextKind:
    """A short text, such as a public id, with nothing in it that separates parameters."""

    expects: str

    _TEXT = re.compile(r"[^\x00-\x1f\x7f,/\\$]{1,255}")

    def read(self, text: str) -> str:
        if self._TEXT.fullmatch(text) and text.isprintable():
            return text
        raise ValueError(text)

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class AngleKind:
    expects: str = (
        "degrees clockwise from -360 to 360, hflip, vflip, or several of these joined by dots; auto_right, auto_left"
        " or ignore"
    )

    # Eight flips and angles say more than any picture needs; the limit keeps the loop short.
    MOST = 8

    def read(self, text: str) -> Angle:
        if text in {"auto_right", "auto_left", "ignore"}:
            return text  # type: ignore[return-value]  # mypy does not narrow a str by membership
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
        if text == "exif":  # by the file's own orientation: that is always done
            return Turn()
        if _INTEGER.fullmatch(text) and -360 <= int(text) <= 360:
            return Turn(degrees=int(text) % 360)
        raise ValueError(text)

    def write(self, value: Angle) -> str:
        if isinstance(value, str):
            return value
        if not value.mirrored:
            return str(value.degrees)
        if value.degrees == 180:
            return "vflip"
        return f"hflip.{value.degrees}" if value.degrees else "hflip"


@dataclass(frozen=True, slots=True)
class QualityKind:
    expects: str = (
        "a whole number from 1 to 100, auto, auto:best, auto:good, auto:eco or auto:low; each with :420, :422 or :444"
    )

    _NUMBER = re.compile(r"([0-9]{1,3})(?::(420|422|444))?(?::qmax_[0-9]{1,3})?")
    _AUTO = re.compile(r"auto(?::(best|good|eco|low))?(?::(420|422|444))?")

    def read(self, text: str) -> Quality:
        named = self._AUTO.fullmatch(text)
        if named:
            level: AutoLevel = named[1] or "good"  # type: ignore[assignment]  # the pattern names the levels
            return AutoQuality(level, self._chroma(named[2]))
        match = self._NUMBER.fullmatch(text)
        if match and 1 <= int(match[1]) <= 100:
            chroma = self._chroma(match[2])
            return int(match[1]) if chroma is None else SampledQuality(int(match[1]), chroma)
        raise NotMade(text) if text.startswith("jpegmini") else ValueError(text)

    @staticmethod
    def _chroma(digits: str | None) -> Chroma | None:
        return None if digits is None else int(digits)  # type: ignore[return-value]  # the pattern names the numbers

    def write(self, value: Quality) -> str:
        if isinstance(value, int):
            return str(value)
        if isinstance(value, SampledQuality):
            return f"{value.quality}:{value.chroma}"
        level = "" if value.level == "good" else f":{value.level}"
        return f"auto{level}" + (f":{value.chroma}" if value.chroma else "")

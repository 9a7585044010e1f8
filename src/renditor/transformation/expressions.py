"""Values that are known only when the picture is: they name variables or measures of the picture.

    expression = operand *( "_" operator "_" operand )      from left to right, without precedence
    operand    = number | measure | "$" name | "!" text "!" | ( "ctx" | "md" ) ":!" name "!"
    operator   = add | sub | mul | div | mod | pow

Numbers are decimals of 28 digits, at most 10^15: no expression can make a number that takes long to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import (
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)

from renditor.transformation.faults import NotMade, refusal
from renditor.transformation.kinds import escape, unescape, write_decimal
from renditor.transformation.values import Share

# Most operands and operators of one expression. The text is limited too; this keeps one request's arithmetic short.
MAX_TOKENS = 60
# 10^15: 9_pow_9_pow_9 would otherwise be a number of 370 million digits.
_CONTEXT = Context(prec=28, Emax=15, Emin=-15, traps=[Overflow, DivisionByZero, InvalidOperation])
_SIX_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Deferred:
    """The text of a value in which variables (``$width``) or measures (``iw_div_2``) stand, in canonical spelling."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What expressions may name of the original: px after rotation (0: not known), number of faces and pages, tags."""

    width: int
    height: int
    faces: int = 0
    pages: int = 1
    tags: frozenset[str] = frozenset()


Value = Decimal | Share | str


@dataclass(slots=True)
class Environment:
    """What names stand for at one place of the chain. ``width`` and ``height`` are those of the current picture."""

    facts: Facts
    width: int
    height: int
    variables: dict[str, Value] = field(default_factory=dict)


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    return _CONTEXT.power(base, exponent)


def _remainder(value: Decimal, by: Decimal) -> Decimal:
    """With the sign of the divisor, as in most languages of templates."""
    times = _CONTEXT.divide(value, by).to_integral_value(ROUND_FLOOR)
    return _CONTEXT.subtract(value, _CONTEXT.multiply(by, times))


def _ratio(width: int, height: int) -> Decimal:
    """Of a size that is not known (0 x 0) it is 0."""
    return _CONTEXT.divide(Decimal(width), Decimal(height)) if height else Decimal(0)


OPERATORS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "add": _CONTEXT.add,
    "sub": _CONTEXT.subtract,
    "mul": _CONTEXT.multiply,
    "div": _CONTEXT.divide,
    "mod": _remainder,
    "pow": _power,
}
_SIGNS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow"}

MEASURES: dict[str, tuple[str, Callable[[Environment], Decimal]]] = {
    "w": ("width of the picture at this place of the chain, in px", lambda at: Decimal(at.width)),
    "h": ("height of the picture at this place of the chain, in px", lambda at: Decimal(at.height)),
    "ar": ("its ratio of width to height", lambda at: _ratio(at.width, at.height)),
    "iw": ("width of the original, in px", lambda at: Decimal(at.facts.width)),
    "ih": ("height of the original, in px", lambda at: Decimal(at.facts.height)),
    "iar": ("ratio of width to height of the original", lambda at: _ratio(at.facts.width, at.facts.height)),
    "fc": ("number of faces in the original", lambda at: Decimal(at.facts.faces)),
    "pc": ("number of pages or frames of the original", lambda at: Decimal(at.facts.pages)),
    "cp": ("the page that is shown, from 1", lambda _: Decimal(1)),
}
_ALIASES = {"ow": "iw", "oh": "ih", "width": "w", "height": "h"}
# Known to Cloudinary: durations, illustration score, pages by name, trimmed sizes, references.
NOT_KNOWN = frozenset({"du", "idu", "ils", "pgnames", "px", "py", "tar", "tp", "current", "ref"})
# Contextual and structured metadata: no asset has any here, so what they name is the empty text.
_HELD = ("ctx:", "md:")

_TOKEN = re.compile(
    r"_*(?:(?P<text>!([^!]*)!)|(?P<held>(?:ctx|md):![^!]*!)|(?P<variable>\$[A-Za-z][A-Za-z0-9]{0,99})|(?P<sign>[+*^/]|-(?![.0-9]))"
    r"|(?P<number>-?(?:[0-9]{1,12}(?:\.[0-9]{1,9})?|\.[0-9]{1,9}))|(?P<name>[A-Za-z]+))(?=_|[+*^/\-]|$)"
)


def tokens(text: str) -> tuple[str, ...]:
    """The operands and operators of an expression, canonical each.

    Raises:
        ValueError: it is not one.
        NotMade: it names something that is real and not known here.
    """
    found: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match or len(found) == MAX_TOKENS or (match[0].startswith("_") and not found):
            raise ValueError(text)
        found.append(_canonical(match, after_operand=len(found) % 2 == 1))
        position = match.end()
    if len(found) % 2 == 0 or any((token in OPERATORS) != (place % 2 == 1) for place, token in enumerate(found)):
        raise ValueError(text)
    return tuple(found)


def _canonical(match: re.Match[str], *, after_operand: bool) -> str:
    if match["number"]:
        if after_operand:  # "iw-5" without underscores is not told from "iw_-5": neither is an expression
            raise ValueError(match[0])
        return _write_number(match["number"])
    if match["sign"]:
        return _SIGNS[match["sign"]]
    if match["name"]:
        name = _ALIASES.get(match["name"], match["name"])
        if name in NOT_KNOWN:
            raise NotMade(match[0])
        if name not in MEASURES and name not in OPERATORS:
            raise ValueError(match[0])
        return name
    if match["text"] or match["held"]:
        kind, name = match[0].lstrip("_").split("!")[:2]
        return f"{kind}!{escape(unescape(name))}!"
    return match["variable"]


def _write_number(text: str) -> str:
    written = write_decimal(Decimal(text) + 0)
    return f"{written}.0" if "." in text and "." not in written else written


def is_constant(parts: tuple[str, ...]) -> bool:
    """True for an expression that names nothing."""
    return not any(part.startswith(("$", *_HELD)) or part in MEASURES for part in parts)


def evaluate(parts: tuple[str, ...], at: Environment) -> Value:
    """What the expression means at this place.

    A lone number with a decimal point stays a share of the picture; arithmetic makes plain numbers (px).

    Raises:
        TransformationError: an unknown variable, a text in arithmetic, a number out of bounds or divided by 0.
    """
    value = _operand(parts[0], at)
    for operator, operand in zip(parts[1::2], parts[2::2], strict=True):
        left, right = number(value), number(_operand(operand, at))
        try:
            value = OPERATORS[operator](left, right)
        except DecimalException:
            raise refusal("No usable number comes out of", "_".join(parts)) from None
        if not value.is_finite():  # 0 to the power of -1 raises no signal
            raise refusal("No usable number comes out of", "_".join(parts))
    return value


def number(value: Value) -> Decimal:
    """Raises: TransformationError for a text."""
    if isinstance(value, Share):
        return value.of
    if isinstance(value, Decimal):
        return value
    raise refusal("A number is needed instead of", value)


def _operand(token: str, at: Environment) -> Value:
    if token.startswith("$"):
        if token[1:] not in at.variables:
            raise refusal("Unknown variable", token)
        return at.variables[token[1:]]
    if token.startswith("!"):
        return unescape(token[1:-1])
    if token in MEASURES:
        return MEASURES[token][1](at)
    if token.startswith(_HELD):
        return ""
    return Share(Decimal(token)) if "." in token else Decimal(token)


def spell(value: Value, *, whole: bool) -> str:
    """The value as it would be typed. ``whole``: numbers are rounded, halves up."""
    if isinstance(value, str):
        return value
    if isinstance(value, Share):
        return _write_number(f"{value.of:f}" if "." in f"{value.of:f}" else f"{value.of:f}.0")
    rounded = value.to_integral_value(ROUND_HALF_UP) if whole else value.quantize(_SIX_PLACES, ROUND_HALF_UP)
    return write_decimal(rounded)

"""Conditions: the values of ``if_``.

condition  = comparison *( "_and_" comparison | "_or_" comparison )      and binds more strongly than or
comparison = side "_" ( lt | gt | lte | gte | eq | ne ) "_" side
           | text "_" ( in | nin ) "_" ( "tags" | text )                 texts such as !red:blue! are lists
side       = expression | ratio such as 16:9
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from renditor.transformation.expressions import NOT_KNOWN, Environment, Value, evaluate, number, spell, tokens
from renditor.transformation.faults import NotMade

# Most comparisons of one condition; real ones have two or three.
MAX_COMPARISONS = 20

COMPARISONS: dict[str, str] = {
    "lt": "less than",
    "gt": "greater than",
    "lte": "less than or equal",
    "gte": "greater than or equal",
    "eq": "equal",
    "ne": "not equal",
    "in": "all of the texts on the left are among those on the right",
    "nin": "none of the texts on the left is among those on the right",
}
_NUMERIC: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "lt": operator.lt,
    "gt": operator.gt,
    "lte": operator.le,
    "gte": operator.ge,
}
_TEXT = re.compile(r"![^!]*!")
_LOGIC = re.compile(r"_(and|or)_")
_COMPARISON = re.compile(r"(.+?)_(lte|gte|lt|gt|eq|ne|nin|in)_(.+)")
_RATIO = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?):([0-9]{1,6}(?:\.[0-9]{1,6})?)")
# Six places: a picture of 1600 x 900 is exactly 16:9.
_SIX_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Condition:
    """``if_<text>`` begins a part of the chain that counts only when it holds; ``else`` and ``end`` are its ends."""

    text: str


ELSE = Condition("else")
END = Condition("end")


@dataclass(frozen=True, slots=True)
class ConditionKind:
    expects: str = "a condition such as w_gt_500, ar_lt_1_and_fc_gt_0 or !sale!_in_tags; else; end"

    def read(self, text: str) -> Condition:
        if text in {"else", "end"}:
            return Condition(text)
        parts = _split(text)
        if len(parts) > 2 * MAX_COMPARISONS:
            raise ValueError(text)
        written = [part if place % 2 else "_".join(_read_comparison(part)) for place, part in enumerate(parts)]
        return Condition("_".join(written))

    def write(self, value: Condition) -> str:
        return value.text


def holds(condition: Condition, at: Environment) -> bool:
    """Whether the condition is true at this place of the chain.

    Raises:
        TransformationError: it names an unknown variable, or compares a text with a number.
    """
    parts = _split(condition.text)
    alternatives = [[parts[0]]]
    for word, part in zip(parts[1::2], parts[2::2], strict=True):
        if word == "or":
            alternatives.append([part])
        else:
            alternatives[-1].append(part)
    return any(all(_compare(part, at) for part in every) for every in alternatives)


def _split(text: str) -> list[str]:
    """Comparisons, and the words between them; texts in ``!`` are never taken apart."""
    hidden: list[str] = []

    def hide(match: re.Match[str]) -> str:
        hidden.append(match[0])
        return f"!{len(hidden) - 1}!"

    parts = _LOGIC.split(_TEXT.sub(hide, text))
    return [_TEXT.sub(lambda match: hidden[int(match[0][1:-1])], part) for part in parts]


def _read_comparison(text: str) -> tuple[str, str, str]:
    masked = _TEXT.sub(lambda match: "!" + "x" * (len(match[0]) - 2) + "!", text)
    match = _COMPARISON.fullmatch(masked)
    if not match:
        raise _fault(text)
    word = match[2]
    left, right = text[: match.end(1)], text[match.start(3) :]
    if word in {"in", "nin"}:
        known = right if right == "tags" else _read_operand(right)
        return _read_operand(left), word, known
    return _read_side(left), word, _read_side(right)


def _fault(text: str) -> ValueError:
    return NotMade(text) if re.split("[_:]", text, maxsplit=1)[0] in NOT_KNOWN else ValueError(text)


def _read_operand(text: str) -> str:
    """A text or a variable, which is what lists can be."""
    parts = tokens(text)
    if len(parts) != 1 or parts[0][0] not in "!$":
        raise ValueError(text)
    return parts[0]


def _read_side(text: str) -> str:
    ratio = _RATIO.fullmatch(text)
    if ratio:
        if not Decimal(ratio[2]):
            raise ValueError(text)
        return spell((Decimal(ratio[1]) / Decimal(ratio[2])), whole=False)
    try:
        return "_".join(tokens(text))
    except ValueError:
        raise _fault(text) from None


def _compare(text: str, at: Environment) -> bool:
    left_text, word, right_text = _read_comparison(text)
    left = evaluate(tokens(left_text), at)
    if word in {"in", "nin"}:
        members = at.facts.tags if right_text == "tags" else _members(evaluate(tokens(right_text), at))
        wanted = _members(left)
        return wanted <= members if word == "in" else not wanted & members
    right = evaluate(tokens(right_text), at)
    if word in {"eq", "ne"} and (isinstance(left, str) or isinstance(right, str)):
        return (spell(left, whole=False) == spell(right, whole=False)) == (word == "eq")
    one, other = (number(side).quantize(_SIX_PLACES) for side in (left, right))
    return _NUMERIC[word](one, other) if word in _NUMERIC else (one == other) == (word == "eq")


def _members(value: Value) -> frozenset[str]:
    return frozenset(spell(value, whole=False).split(":"))

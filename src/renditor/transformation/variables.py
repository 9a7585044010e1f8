"""Variables: ``$name_value``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from renditor.transformation.expressions import Environment, Value, evaluate, number, tokens
from renditor.transformation.kinds import read_decimal

# Most variables one component may set, merged ones counted: each is text that travels on.
MAX_VARIABLES = 50

_NAMED = re.compile(r"\$\(?([A-Za-z][A-Za-z0-9]*)")
_ASSIGNMENT = re.compile(r"\$?([A-Za-z][A-Za-z0-9]{0,99})_(.+?)(_to_[fi])?")


@dataclass(frozen=True, slots=True)
class Assignment:
    """One variable and the canonical text of the expression that gives its value. ``cast``: ``_to_i``, ``_to_f``."""

    name: str
    text: str
    cast: str = ""

    def value(self, at: Environment) -> Value:
        """Raises: TransformationError as ``evaluate``."""
        found = evaluate(tokens(self.text), at)
        if not self.cast:
            return found
        plain = _leading_number(found) if isinstance(found, str) else number(found)
        return plain.to_integral_value(ROUND_FLOOR) if self.cast == "_to_i" else plain


def _leading_number(text: str) -> Decimal:
    """0 for a text that is no number, as in the languages whose words ``to_i`` and ``to_f`` are."""
    try:
        return read_decimal(text)
    except ValueError:
        return Decimal(0)


def names_in(text: str) -> set[str]:
    """The variables that a deferred value, a condition or an assignment names."""
    return set(_NAMED.findall(text))


@dataclass(frozen=True, slots=True)
class VariablesKind:
    """One or more assignments, in order: later ones may name earlier ones."""

    expects: str = "a name and a value: $size_200, $half_iw_div_2, $name_!any text!"

    def read(self, text: str) -> tuple[Assignment, ...]:
        assignments = tuple(self._read_one(part) for part in text.split(",$"))
        if len(assignments) > MAX_VARIABLES:
            raise ValueError(text)
        return assignments

    @staticmethod
    def _read_one(text: str) -> Assignment:
        match = _ASSIGNMENT.fullmatch(text)
        if not match:
            raise ValueError(text)
        return Assignment(match[1], "_".join(tokens(match[2])), match[3] or "")

    def write(self, value: tuple[Assignment, ...]) -> str:
        return ",".join(f"${one.name}_{one.text}{one.cast}" for one in value)

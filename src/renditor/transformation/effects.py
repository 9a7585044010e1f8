"""Effects: the values of ``e_``."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from renditor.transformation.values import Colour

Argument = Decimal | str | Colour


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect with all its arguments, defaults filled in, in the order of the effects table."""

    name: str
    arguments: tuple[Argument, ...] = ()

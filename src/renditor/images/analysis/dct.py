"""The low frequencies of a small picture: discrete cosine transform (type II), separable, without numpy. Pure."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence


def low_frequencies(
    values: Sequence[float], width: int, height: int, *, columns: int, rows: int
) -> tuple[tuple[float, ...], ...]:
    """The first ``rows`` x ``columns`` coefficients, not scaled: sums of value x cosine x cosine.

    Args:
        values: ``width`` x ``height`` numbers, row by row.
        width: px.
        height: px.
        columns: horizontal frequencies wanted, from 0 on.
        rows: vertical frequencies wanted, from 0 on.
    """
    across, down = cosines(width, columns), cosines(height, rows)
    lines = [values[start : start + width] for start in range(0, width * height, width)]
    halfway = [[_product(line, wave) for line in lines] for wave in across]
    return tuple(tuple(_product(column, wave) for column in halfway) for wave in down)


@functools.lru_cache(maxsize=64)
def cosines(length: int, count: int) -> tuple[tuple[float, ...], ...]:
    """The first ``count`` waves over ``length`` samples: cos(pi / length x frequency x (position + 1/2))."""
    return tuple(
        tuple(math.cos(math.pi / length * frequency * (position + 0.5)) for position in range(length))
        for frequency in range(count)
    )


def _product(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(map(float.__mul__, left, right))

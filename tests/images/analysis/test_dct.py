"""The transform, against its definition."""

from __future__ import annotations

import math
import random

import pytest

from renditor.images.analysis.dct import low_frequencies


@pytest.mark.parametrize(("width", "height", "columns", "rows"), [(8, 8, 8, 8), (5, 7, 3, 2), (1, 4, 3, 3)])
def test_the_definition(width: int, height: int, columns: int, rows: int) -> None:
    values = [random.Random(7).random() for _ in range(width * height)]  # always the same
    found = low_frequencies(values, width, height, columns=columns, rows=rows)
    for v in range(rows):
        for u in range(columns):
            expected = sum(
                values[x + y * width]
                * math.cos(math.pi / width * u * (x + 0.5))
                * math.cos(math.pi / height * v * (y + 0.5))
                for y in range(height)
                for x in range(width)
            )
            assert found[v][u] == pytest.approx(expected, abs=1e-9)

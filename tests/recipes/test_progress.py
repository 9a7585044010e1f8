from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from renditor.recipes.progress import parts

SHARES = st.lists(st.floats(0, 100), min_size=1, max_size=5)


@given(SHARES, st.lists(st.floats(0, 2), min_size=1, max_size=5))
def test_steps_fill_the_whole_and_never_go_back(weights: list[float], fractions: list[float]) -> None:
    told: list[float] = []
    for step in parts(lambda fraction, _: told.append(fraction), weights):
        for fraction in [0.0, *sorted(fractions), 1.0]:
            step(fraction, "encoding")
    assert all(0 <= fraction <= 1 + 1e-9 for fraction in told)
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(told))
    if sum(weights):
        assert abs(told[-1] - 1) < 1e-9


def test_a_step_takes_its_share() -> None:
    told: list[tuple[float, str]] = []
    first, second = parts(lambda *now: told.append(now), (1, 3))
    first(1.0, "files")
    second(0.5, "stream")
    assert told == [(0.25, "files"), (0.625, "stream")]

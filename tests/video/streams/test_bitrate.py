from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.video.streams.bitrate import needed_bandwidth, peak_and_average

SEGMENTS = st.lists(st.tuples(st.integers(0, 10**7), st.floats(0.01, 7)), max_size=30)


@pytest.mark.parametrize(
    ("segments", "peak", "average"),
    [
        ([(600, 6.0), (1200, 6.0), (300, 6.0)], 1600, 934),
        ([(600, 6.0), (600, 6.0), (100, 0.1)], 919, 860),  # a last segment of a few frames does not count alone
        ([(600, 6.0), (600, 4.0)], 1200, 960),
        ([(100, 1.0)], 800, 800),
        ([], 0, 0),
    ],
)
def test_bit_rates(segments: list[tuple[int, float]], peak: int, average: int) -> None:
    assert peak_and_average(segments, 6) == (peak, average)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.floats(0.01, 7)), max_size=30))
def test_the_peak_is_never_below_the_average(segments: list[tuple[int, float]]) -> None:
    peak, average = peak_and_average(segments, 6)
    assert peak >= average


@pytest.mark.parametrize(
    ("segments", "buffered", "needed"),
    [
        ([(100, 1.0)] * 5, 0.0, 800),
        ([(100, 1.0)] * 5, 1.0, 2000 / 3),  # 4000 bits in five seconds and one before
        ([(300, 1.0), (0, 1.0)], 2.0, 800),
        ([], 1.0, 0),
        ([(100, 0.0)], 1.0, 0),
    ],
)
def test_what_a_network_must_carry(segments: list[tuple[int, float]], buffered: float, needed: float) -> None:
    assert needed_bandwidth(segments, buffered) == pytest.approx(needed, abs=0.01)


@given(SEGMENTS, st.floats(0, 10))
def test_no_more_is_needed_than_the_dearest_segment_takes(segments: list[tuple[int, float]], buffered: float) -> None:
    most = max((size * 8 / seconds for size, seconds in segments), default=0)
    assert 0 <= needed_bandwidth(segments, buffered) <= most


def test_a_playlist_of_nothing_costs_no_time() -> None:
    peak_and_average([(1, 1e-9)] * 20_000, 10**9)

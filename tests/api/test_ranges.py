from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.api.ranges import read_range
from renditor.errors import RangeNotSatisfiable


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 10)),
        ("bytes=3-5", (3, 6)),
        ("bytes=5-99", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=0-1,4-5", None),
        ("bytes=5-3", None),
        ("bytes=-", None),
        ("bytes=abc", None),
        ("items=0-1", None),
        ("", None),
    ],
)
def test_ranges_of_ten_bytes(header: str | None, expected: tuple[int, int] | None) -> None:
    assert read_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=999999999999-"])
def test_past_the_end(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        read_range(header, 10)


@given(st.text(max_size=40) | st.from_regex(r"bytes=\d*-\d*", fullmatch=True), st.integers(0, 1000))
def test_any_header_gives_a_range_inside_the_file(header: str, size: int) -> None:
    try:
        found = read_range(header, size)
    except RangeNotSatisfiable:
        return
    if found:
        assert 0 <= found[0] < found[1] <= size

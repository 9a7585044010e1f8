"""Which widths are offered: real ones, none twice, nothing enlarged."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import InvalidTransformation
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.walk import results
from renditor.images.responsive import candidates, is_plain_resize
from renditor.transformation import parse

LANDSCAPE = Size(1000, 750)


def offered(source: Size, wanted: str, *widths: int) -> list[tuple[str, int, int]]:
    return [(str(c.transformation), c.size.width, c.size.height) for c in candidates(source, parse(wanted), widths)]


def test_a_picture_is_scaled_to_each_width() -> None:
    assert offered(LANDSCAPE, "", 320, 640) == [("c_limit,q_auto,w_320", 320, 240), ("c_limit,q_auto,w_640", 640, 480)]


def test_wider_than_the_picture_is_its_own_width_once() -> None:
    assert offered(LANDSCAPE, "", 320, 1280, 1920, 3840) == [
        ("c_limit,q_auto,w_320", 320, 240),
        ("c_limit,q_auto,w_1280", 1000, 750),
    ]
    assert offered(Size(90, 60), "", 320, 640) == [("c_limit,q_auto,w_320", 90, 60)]


def test_widths_come_in_order_and_once() -> None:
    assert [width for _, width, _ in offered(LANDSCAPE, "", 640, 320, 640)] == [320, 640]


@pytest.mark.parametrize(
    ("wanted", "at_400"),
    [
        ("ar_16:9,c_fill,g_north", "ar_16:9,c_fill,g_north,q_auto,w_400"),
        ("c_fill,w_800,h_400,q_60", "ar_2:1,c_fill,q_60,w_400"),
        ("c_pad,b_red,w_600,h_600,q_60", "ar_1:1,b_rgb:ff0000,c_pad,q_60,w_400"),
        ("w_900,q_auto:eco,f_png", "q_auto:eco,w_400"),
        ("c_crop,w_500,h_500,q_70", "c_crop,h_500,q_70,w_500/c_limit,w_400"),
        ("c_limit,w_900,h_600,q_70", "c_limit,h_600,q_70,w_900/c_limit,w_400"),
        ("w_0.5,h_0.5,q_70", "h_0.5,q_70,w_0.5/c_limit,w_400"),
        ("a_90,q_70", "a_90,q_70/c_limit,w_400"),
        ("c_fill,w_800,h_4,q_70", "c_fill,h_4,q_70,w_800/c_limit,w_400"),
    ],
)
def test_a_plain_resize_takes_other_widths_and_all_else_is_scaled_down(wanted: str, at_400: str) -> None:
    assert offered(LANDSCAPE, wanted, 400)[0][0] == str(parse(at_400))


def test_the_size_of_the_own_resize_is_the_most() -> None:
    assert [width for _, width, _ in offered(LANDSCAPE, "c_fill,w_500,h_500", 320, 640, 1280)] == [320, 500]
    assert offered(LANDSCAPE, "c_fill,w_2000,h_2000,q_80", 1600) == [("ar_1:1,c_fill,q_80,w_750", 750, 750)]
    assert offered(LANDSCAPE, "c_scale,w_5000,q_80", 4000) == [("q_80,w_1000", 1000, 750)]


def test_a_placeholder_of_the_whole_picture_stands_in_for_resizes_only() -> None:
    assert is_plain_resize(parse(""))
    assert is_plain_resize(parse("ar_1:1,c_fill,g_north,f_webp"))
    assert not is_plain_resize(parse("a_90"))


def test_what_cannot_be_applied_is_refused() -> None:
    with pytest.raises(InvalidTransformation):
        candidates(LANDSCAPE, parse("c_crop,w_10,h_10,x_9999"), [320])


@given(
    st.tuples(st.integers(1, 6000), st.integers(1, 6000)),
    st.sampled_from(["", "ar_1:1,c_fill", "c_fill,w_300,h_200", "c_fit,w_700", "c_crop,w_10,h_10", "c_limit,h_50"]),
    st.lists(st.integers(1, 10_000), min_size=1, max_size=20),
)
def test_sizes_are_true_rising_and_never_wider_than_the_source(
    sides: tuple[int, int], wanted: str, widths: list[int]
) -> None:
    source = Size(*sides)
    made = candidates(source, parse(wanted), widths)
    assert made
    for candidate in made:
        assert candidate.size == results(source, candidate.transformation)[-1]
        assert candidate.size.width <= source.width
        assert parse(str(candidate.transformation)) == candidate.transformation
    across = [candidate.size.width for candidate in made]
    assert across == sorted(set(across))


def test_the_shape_of_a_crop_is_kept_at_every_width() -> None:
    for candidate in candidates(Size(4000, 3000), parse("c_fill,w_1600,h_900"), (320, 640, 1600)):
        assert abs(Fraction(candidate.size.width, candidate.size.height) - Fraction(16, 9)) < Fraction(1, 90)

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.video.ladder import fit, ladder
from renditor.video.steps import DEFAULT_STEPS
from tests.video.probes import SIZES

RATE = Fraction(25)


def sizes(width: int, height: int) -> list[tuple[str, int, int]]:
    return [(rung.name, rung.width, rung.height) for rung in ladder(width, height, RATE)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ((1920, 1080), [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        ((1280, 720), [("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        ((720, 1280), [("720p", 720, 1280), ("480p", 480, 854), ("360p", 360, 640)]),
        ((3840, 2160), [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        ((1279, 719), [("480p", 854, 480), ("360p", 640, 360)]),
        ((640, 272), [("272p", 640, 272)]),
        ((161, 121), [("120p", 160, 120)]),
        ((2, 200), [("2p", 2, 200)]),
        ((1, 1), [("2p", 2, 2)]),
        ((4000, 300), [("288p", 3840, 288)]),
    ],
)
def test_rungs(source: tuple[int, int], expected: list[tuple[str, int, int]]) -> None:
    assert sizes(*source) == expected


@given(SIZES, SIZES, st.fractions(1, 60))
def test_every_ladder(width: int, height: int, rate: Fraction) -> None:
    rungs = ladder(width, height, rate)
    assert rungs
    assert len({rung.name for rung in rungs}) == len(rungs)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= max(2, width)
        assert rung.height <= max(2, height)
        # Even sizes move each side by at most 2 px.
        scale = max(rung.width / width, rung.height / height)
        assert abs(rung.width - width * scale) <= 4 * max(1, width / height)
        assert abs(rung.height - height * scale) <= 4 * max(1, height / width)
        assert rung.bufsize > rung.maxrate > 0
    for upper, lower in itertools.pairwise(rungs):
        assert upper.maxrate > lower.maxrate
        assert upper.width * upper.height > lower.width * lower.height
        assert upper.crf <= lower.crf


@given(SIZES, SIZES)
def test_the_shape_is_kept_to_the_pixel(width: int, height: int) -> None:
    for rung in ladder(width, height, RATE, DEFAULT_STEPS):
        scale = Fraction(min(rung.width, rung.height), min(width, height))
        if scale * min(width, height) not in {step.short_side for step in DEFAULT_STEPS}:
            continue  # of its own size, which is cut to an even one
        assert abs(rung.width - width * scale) <= 1
        assert abs(rung.height - height * scale) <= 1


@given(SIZES, SIZES)
def test_portrait_is_landscape_turned(width: int, height: int) -> None:
    turned = [(name, b, a) for name, a, b in sizes(height, width)]
    assert sizes(width, height) == turned


def test_twice_the_frames_get_more_bits() -> None:
    assert ladder(1280, 720, Fraction(50))[0].maxrate > ladder(1280, 720, Fraction(30))[0].maxrate


@given(SIZES, SIZES, st.integers(2, 5000), st.integers(2, 5000))
def test_fitting_into_a_box(width: int, height: int, box_width: int, box_height: int) -> None:
    made = fit(width, height, box_width, box_height)
    assert made[0] <= max(2, min(width, box_width))
    assert made[1] <= max(2, min(height, box_height))
    assert made[0] % 2 == made[1] % 2 == 0

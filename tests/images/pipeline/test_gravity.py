"""Where windows go: around faces, the owner's point, the point of interest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.images.insight import NOTHING_KNOWN, Face, Insight
from renditor.images.pipeline.gravity import Target, looks_at_content, target
from renditor.transformation.gravity import GRAVITIES

LARGE = Face(0.1, 0.2, 0.2, 0.2, 0.9)
SMALL = Face(0.7, 0.3, 0.1, 0.1, 0.9)
TINY = Face(0.45, 0.9, 0.02, 0.02, 1.0)
KNOWN = Insight(faces=(LARGE, SMALL, TINY), focal_point=(0.6, 0.6), custom_point=(0.9, 0.1))
FACELESS = Insight(faces=(), focal_point=(0.6, 0.6))
OWNED = Insight(faces=(), focal_point=(0.6, 0.6), custom_point=(0.9, 0.1))


@pytest.mark.parametrize(
    ("gravity", "insight", "expected"),
    [
        ("face", KNOWN, Target(faces=(LARGE,))),
        ("faces", KNOWN, Target(faces=(LARGE, SMALL))),
        ("auto", KNOWN, Target((0.9, 0.1))),
        ("auto:face", KNOWN, Target(faces=(LARGE,))),
        ("auto:faces", KNOWN, Target(faces=(LARGE, SMALL))),
        ("auto:subject", KNOWN, Target((0.9, 0.1))),
        ("custom", KNOWN, Target((0.9, 0.1))),
        ("custom:faces", KNOWN, Target((0.9, 0.1))),
        ("custom", FACELESS, Target()),
        ("custom:face", Insight(faces=(SMALL,)), Target(faces=(SMALL,))),
        ("custom:auto", FACELESS, Target((0.6, 0.6))),
        ("face", FACELESS, Target((0.6, 0.6))),
        ("face", OWNED, Target((0.9, 0.1))),
        ("face:center", FACELESS, Target()),
        ("faces:center", FACELESS, Target()),
        ("face:auto", FACELESS, Target((0.6, 0.6))),
        ("auto", FACELESS, Target((0.6, 0.6))),
        ("auto", Insight(faces=(SMALL,), focal_point=(0.1, 0.1)), Target(faces=(SMALL,))),
        ("auto", NOTHING_KNOWN, Target((0.5, 0.5))),
    ],
)
def test_what_each_gravity_looks_at(gravity: str, insight: Insight, expected: Target) -> None:
    assert target(gravity, insight) == expected


def test_every_gravity_of_the_grammar_that_looks_at_content_has_a_target() -> None:
    looking = [gravity for gravity in GRAVITIES if looks_at_content(gravity)]
    assert len(looking) >= 13
    for gravity in looking:
        assert target(gravity, KNOWN) != Target()


def test_the_middle_of_a_face_stands_a_little_above_the_middle_of_the_window() -> None:
    left, top = Target(faces=(Face(0.4, 0.4, 0.2, 0.2),)).window(0.5, 0.5)
    assert (left, top) == pytest.approx((0.25, 0.5 - 0.45 * 0.5))


def test_a_window_that_holds_all_faces_holds_them_whole() -> None:
    left, _ = Target(faces=(LARGE, SMALL)).window(0.72, 1.0)
    assert left <= LARGE.x
    assert left + 0.72 >= SMALL.x + SMALL.width


def test_a_window_too_small_for_all_takes_the_heaviest_group() -> None:
    pair = (Face(0.6, 0.4, 0.12, 0.12), Face(0.75, 0.4, 0.12, 0.12))
    left, _ = Target(faces=(Face(0.05, 0.4, 0.14, 0.14), *pair)).window(0.3, 1.0)
    assert left <= 0.6
    assert left + 0.3 >= 0.87


def test_a_certain_face_outweighs_a_doubtful_one() -> None:
    sure, doubtful = Face(0.0, 0.4, 0.1, 0.1, 0.9), Face(0.8, 0.4, 0.1, 0.1, 0.3)
    left, _ = Target(faces=(doubtful, sure)).window(0.3, 1.0)
    assert left == 0


def test_a_window_smaller_than_the_face_shows_its_middle() -> None:
    assert Target(faces=(Face(0.2, 0.2, 0.6, 0.6),)).window(0.2, 0.2) == pytest.approx((0.4, 0.4))


def test_content_is_the_faces_with_some_air_or_most_of_the_picture() -> None:
    faces = Target(faces=(Face(0.0, 0.4, 0.2, 0.2),)).content
    assert (faces.left, faces.top, faces.right, faces.bottom) == pytest.approx((0, 0.3, 0.3, 0.7))
    point = Target((0.9, 0.5)).content
    assert (point.left, point.top, point.width, point.height) == pytest.approx((0.3, 0.15, 0.7, 0.7))


def test_a_face_of_no_size_is_none() -> None:
    nothing, someone = Face(0.1, 0.1, 0.0, 0.0), Face(0.6, 0.6, 0.1, 0.1)
    assert target("faces", Insight(faces=(nothing, someone))).faces == (someone,)
    assert target("face", Insight(faces=(nothing,), focal_point=(0.2, 0.3))) == Target((0.2, 0.3))


SHARES = st.floats(0, 1, allow_nan=False)
FACES = st.lists(st.builds(Face, SHARES, SHARES, SHARES, SHARES, SHARES), max_size=40).map(tuple)


@given(st.sampled_from(sorted(GRAVITIES)), FACES, SHARES, SHARES, st.floats(0.001, 1), st.floats(0.001, 1))
def test_windows_stay_inside_the_picture(gravity, faces, x, y, width, height) -> None:
    if not looks_at_content(gravity):
        return
    left, top = target(gravity, Insight(faces=faces, custom_point=(x, y))).window(width, height)
    assert -1e-9 <= left <= 1 - width + 1e-9
    assert -1e-9 <= top <= 1 - height + 1e-9

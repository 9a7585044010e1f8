"""The point that matters."""

from __future__ import annotations

import pytest

from renditor.images.analysis.focus import CENTRE, focal_point
from renditor.images.insight import Face
from tests.images.pictures import plain

GREY, RED = (120, 120, 120), (230, 30, 30)


def test_one_face_is_the_point() -> None:
    assert focal_point(plain(100, 100, GREY), [Face(0.6, 0.2, 0.2, 0.4)]) == pytest.approx((0.7, 0.4))


def test_faces_pull_by_area_and_score() -> None:
    x, y = focal_point(plain(9, 9, GREY), [Face(0.0, 0.0, 0.2, 0.2, 0.9), Face(0.8, 0.8, 0.2, 0.2, 0.3)])
    assert (x, y) == pytest.approx((0.3, 0.3))


def test_passers_by_do_not_pull() -> None:
    assert focal_point(plain(9, 9, GREY), [Face(0.1, 0.1, 0.4, 0.4), Face(0.9, 0.9, 0.05, 0.05)]) == pytest.approx(
        (0.3, 0.3)
    )


def test_without_faces_what_stands_out() -> None:
    image = plain(400, 300, GREY).draw_rect(list(RED), 300, 200, 60, 50, fill=True)
    x, y = focal_point(image, ())
    assert 0.7 < x < 0.95
    assert 0.6 < y < 0.9


@pytest.mark.parametrize("size", [(1, 1), (400, 300), (3000, 2), (2, 3000)])
def test_where_nothing_stands_out_the_middle(size: tuple[int, int]) -> None:
    assert focal_point(plain(*size, GREY), ()) == CENTRE


def test_alpha_does_not_disturb() -> None:
    image = plain(400, 300, GREY).draw_rect(list(RED), 300, 200, 60, 50, fill=True)
    x, _ = focal_point(image.bandjoin(255), None)
    assert 0.7 < x < 0.95

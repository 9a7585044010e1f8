"""Dominant colours."""

from __future__ import annotations

import pytest
import pyvips

from renditor.images.analysis.analyse import _pixels
from renditor.images.analysis.colours import dominant_colours
from tests.images.pictures import RED, noise, plain, quadrants
from tests.images.portraits import portrait


def _colours(image: pyvips.Image) -> dict[str, float]:
    return dict(dominant_colours(_pixels(image)))


def test_one_colour_has_it_all() -> None:
    assert _colours(plain(30, 20, RED)) == {"#dc1e1e": 1.0}


def test_four_quarters() -> None:
    found = _colours(quadrants(64, 64))
    assert sorted(found) == ["#1e3cc8", "#1eb428", "#dc1e1e", "#e6d228"]
    assert all(share == pytest.approx(0.25, abs=0.02) for share in found.values())


def test_largest_first_and_no_more_than_all() -> None:
    shares = list(_colours(portrait(400, 300, (0.5, 0.45, 0.6))).values())
    assert shares == sorted(shares, reverse=True)
    assert 0.8 < sum(shares) <= 1.001
    assert len(shares) <= 6


def test_shades_of_one_colour_are_one() -> None:
    ramp = pyvips.Image.xyz(64, 64)[0] * 0.4 + 100
    image = ramp.bandjoin([ramp, ramp]).cast("uchar").copy(interpretation="srgb")
    assert len(_colours(image)) == 1


def test_what_is_transparent_has_no_colour() -> None:
    left = plain(32, 32, (255, 0, 0, 0))
    found = _colours(left.join(plain(32, 32, (0, 0, 255, 255)), "horizontal"))
    assert list(found) == ["#0000ff"]


def test_a_picture_without_any_visible_pixel_still_has_colours() -> None:
    assert _colours(plain(8, 8, (10, 20, 30, 0)))


@pytest.mark.parametrize("image", [plain(1, 1, RED), plain(1, 3000, RED), noise(50, 50)])
def test_odd_pictures(image: pyvips.Image) -> None:
    assert 1 <= len(_colours(image)) <= 6

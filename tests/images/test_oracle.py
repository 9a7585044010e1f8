"""Every mode, over pictures of every shape, pixel by pixel against the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import product

import pytest

from tests.images.oracle import SHARES, box_asked, coordinates, faults, view
from tests.images.pictures import encoded, render

SHAPES = {
    "larger": (200, 150),
    "smaller": (60, 45),
    "equal": (100, 80),
    "wide": (240, 30),
    "tall": (30, 240),
    "odd": (131, 97),
}
SOURCES = {name: encoded(coordinates(*size), "png") for name, size in SHAPES.items()}
STRETCHING = ["scale", "fit", "limit", "mfit"]
PLACING = ["fill", "lfill", "thumb", "auto", "crop", "pad", "lpad", "mpad"]
BACKGROUND = (10, 20, 30)

Wish = Mapping[str, object]
BOXES: list[Wish] = [{"w": 100, "h": 80}, {"w": 77}, {"h": 33}, {"w": 300, "h": 300}, {"w": 50, "ar": "2:1"}]
RATIOS: list[Wish] = [{"w": 64, "ar": "1:1"}, {"h": 50, "ar": "16:9"}, {"w": 90}]


def check(mode: str, shape: str, wish: Wish, gravity: str | None, dpr: str = "1") -> None:
    """Render ``wish`` (w, h, ar as in a URL) and compare."""
    source = SHAPES[shape]
    parts = [f"c_{mode}", f"dpr_{dpr}", *(f"{key}_{value}" for key, value in wish.items())]
    if mode == "auto":  # by itself it would look at the picture
        gravity = gravity or "center"
    parts += [f"g_{gravity}"] if gravity else []
    parts += ["b_rgb:0a141e"] if "pad" in mode else []
    width, height = (None if wish.get(key) is None else float(str(wish[key])) for key in "wh")
    ratio = Fraction(str(wish["ar"]).replace(":", "/")) if "ar" in wish else None
    expected = view(mode, source, box_asked(source, width, height, ratio), gravity or "center", float(dpr))
    made = render(SOURCES[shape], "png", ",".join(parts))
    assert faults(made.image, expected, BACKGROUND) == [], (",".join(parts), shape, expected)


@pytest.mark.parametrize(("mode", "shape"), list(product(STRETCHING, SHAPES)))
def test_the_whole_picture_in_the_right_size(mode: str, shape: str) -> None:
    for wish in BOXES:
        check(mode, shape, wish, None)
    check(mode, shape, {"w": 50, "h": 40}, None, "2")
    check(mode, shape, {"w": 90}, None, "1.5")


@pytest.mark.parametrize(("mode", "shape"), list(product(PLACING, SHAPES)))
def test_the_part_or_place_that_gravity_names(mode: str, shape: str) -> None:
    for gravity in SHARES:
        check(mode, shape, {"w": 100, "h": 80}, gravity)
        check(mode, shape, {"w": 81, "h": 25}, gravity, "1.5")


@pytest.mark.parametrize(("mode", "shape"), list(product(PLACING, SHAPES)))
def test_one_side_and_a_ratio(mode: str, shape: str) -> None:
    for wish in RATIOS:
        check(mode, shape, wish, None)
    if "pad" not in mode:
        check(mode, shape, {"ar": "3:2"}, "south_east")

"""Backgrounds, opacity, corners and borders, on pixels that are known."""

from __future__ import annotations

from math import pi

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from renditor.images import looks
from renditor.images.geometry import Size
from renditor.transformation.looks import AutoBackground, Radius
from renditor.transformation.values import BLACK, WHITE, Colour
from tests.images.pictures import BLUE, GREEN, RED, Pixel, encoded, near, pixel, plain, render

SQUARE = encoded(plain(100, 100, GREEN), "png")


def covered(mask: pyvips.Image) -> float:
    """Px that the mask shows."""
    pixels: float = mask.avg() / 255 * mask.width * mask.height
    return pixels


@pytest.mark.parametrize("radius", [1, 2, 7, 20, 50])
def test_corners_are_quarters_of_circles(radius: int) -> None:
    mask = looks.corner_mask(Size(100, 100), looks.radii(Radius((radius,) * 4), Size(100, 100)))
    assert covered(mask) == pytest.approx(100 * 100 - (4 - pi) * radius**2, abs=0.02 * radius**2 + 0.8)
    assert (mask - mask.fliphor()).abs().max() == 0
    assert (mask - mask.flipver()).abs().max() == 0


@pytest.mark.parametrize("size", [Size(100, 100), Size(101, 57), Size(30, 200), Size(1, 9)])
def test_max_makes_an_ellipse(size: Size) -> None:
    mask = looks.corner_mask(size, looks.radii(Radius((None,) * 4), size))
    assert covered(mask) == pytest.approx(size.width * size.height * pi / 4, rel=0.05 if size.width > 1 else 0.3)


def test_corners_have_soft_edges() -> None:
    mask = looks.corner_mask(Size(64, 64), looks.radii(Radius((None,) * 4), Size(64, 64)))
    values = {pixel(mask, x, 3)[0] for x in range(64)}
    assert {0, 255} < values


def test_each_corner_by_itself() -> None:
    made = render(SQUARE, "png", "r_0:20:0:40")
    corner_alphas = [made.at(x, y)[3] for x, y in ((0, 0), (0.99, 0), (0.99, 0.99), (0, 0.99))]
    assert corner_alphas == [255, 0, 255, 0]
    assert made.image[3].avg() * 100 * 100 / 255 == pytest.approx(100 * 100 - (1 - pi / 4) * (20**2 + 40**2), abs=10)


@given(st.tuples(*[st.none() | st.integers(0, 500)] * 4), st.integers(1, 200), st.integers(1, 200))
def test_radii_never_meet(corners, width, height) -> None:
    found = looks.radii(Radius(corners), Size(width, height))
    (top_left, top_right, bottom_right, bottom_left) = found
    assert top_left[0] + top_right[0] <= width + 1e-6
    assert bottom_left[0] + bottom_right[0] <= width + 1e-6
    assert top_left[1] + bottom_left[1] <= height + 1e-6
    assert top_right[1] + bottom_right[1] <= height + 1e-6


@pytest.mark.parametrize(
    ("text", "size", "corner", "edge", "middle"),
    [
        ("bo_10px_solid_red", 120, (255, 0, 0), (255, 0, 0), GREEN),
        ("bo_10px_solid_rgb:ff000080", 120, (255, 0, 0, 128), (255, 0, 0, 128), (*GREEN, 255)),
        ("bo_10px_solid_red,r_30", 120, (0, 0, 0, 0), (255, 0, 0, 255), (*GREEN, 255)),
        ("bo_10px_solid_red,r_max", 120, (0, 0, 0, 0), (255, 0, 0, 255), (*GREEN, 255)),
        ("b_blue,bo_10px_solid_red,r_max", 120, (0, 0, 255), (255, 0, 0), GREEN),
        ("b_blue,r_max", 100, (0, 0, 255), GREEN, GREEN),
        ("b_blue,c_pad,h_200,r_30,w_100", 100, (0, 0, 0, 0), (0, 0, 255, 255), (*GREEN, 255)),
        ("o_50", 100, (*GREEN, 128), (*GREEN, 128), (*GREEN, 128)),
        ("b_black,o_50", 100, (15, 90, 20), (15, 90, 20), (15, 90, 20)),
    ],
)
def test_frames(text: str, size: int, corner: Pixel, edge: Pixel, middle: Pixel) -> None:
    made = render(SQUARE, "png", text)
    assert made.image.width == size
    found = made.at(0, 0)
    assert near((0, 0, 0, 0) if found[3:] == (0,) else found, corner, 2)  # what cannot be seen has any colour
    assert near(made.at(0.5, 0.02), edge, 2)
    assert near(made.at(0.5, 0.5), middle, 2)


def test_a_translucent_border_does_not_shine_through_the_picture() -> None:
    made = render(encoded(plain(100, 100, (*GREEN, 128)), "png"), "png", "bo_10px_solid_rgb:ff0000c0,r_40")
    assert near(made.at(0.5, 0.5), (*GREEN, 128), 3)


def test_a_border_grows_with_the_pixel_ratio() -> None:
    assert render(SQUARE, "png", "bo_5px_solid_red,dpr_2,w_50").image.width == 120


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("border", Colour(*BLUE)),
        ("predominant", Colour(*RED)),
        ("border_contrast", WHITE),
        ("predominant_contrast", BLACK),
    ],
)
def test_colours_found_in_the_picture(style, expected: Colour) -> None:
    framed = plain(200, 150, BLUE).insert(plain(180, 130, (255, 160, 120)), 10, 10)
    found = looks.found_colour(framed.copy_memory(), AutoBackground(style))
    wanted = Colour(255, 160, 120) if style == "predominant" else expected
    assert near((found.red, found.green, found.blue), (wanted.red, wanted.green, wanted.blue), 2)


def test_what_is_transparent_has_no_colour() -> None:
    image = plain(60, 60, (255, 0, 0, 0)).insert(plain(60, 10, (*BLUE, 255)), 0, 0)
    assert found_near(looks.found_colour(image.copy_memory(), AutoBackground("predominant")), BLUE)
    nothing = plain(9, 9, (255, 0, 0, 0)).copy_memory()
    assert looks.found_colour(nothing, AutoBackground("border")) == WHITE


def found_near(colour: Colour, expected: Pixel) -> bool:
    return near((colour.red, colour.green, colour.blue), expected, 2)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_pictures_of_a_few_px_have_edges_too(size: tuple[int, int]) -> None:
    assert found_near(looks.found_colour(plain(*size, BLUE).copy_memory(), AutoBackground("border")), BLUE)


def test_padding_with_the_colour_of_the_edges() -> None:
    made = render(encoded(plain(40, 20, BLUE), "png"), "png", "b_auto,c_pad,h_40,w_40")
    assert near(made.at(0.5, 0.05), BLUE, 2)
    assert made.image.bands == 3


def test_padding_with_the_picture_itself_blurred() -> None:
    halves = plain(50, 50, (250, 0, 0)).join(plain(50, 50, (0, 0, 250)), "horizontal")
    made = render(encoded(halves, "png"), "png", "b_blurred:200,c_pad,h_200,w_100")
    assert near(made.at(0.05, 0.05), (250, 0, 0), 40)
    assert near(made.at(0.95, 0.05), (0, 0, 250), 40)
    mixed = made.at(0.5, 0.05)
    assert 60 < mixed[0] < 190
    assert 60 < mixed[2] < 190
    assert made.at(0.3, 0.5) == (250, 0, 0), "the picture itself is sharp"
    dark = render(encoded(halves, "png"), "png", "b_blurred:200:-100,c_pad,h_200,w_100")
    assert dark.at(0.05, 0.05)[0] == pytest.approx(made.at(0.05, 0.05)[0] / 2, abs=3)


def test_a_cut_out_picture_stands_on_its_own_blur() -> None:
    made = render(encoded(plain(50, 50, (*BLUE, 0)), "png"), "png", "b_blurred,c_pad,h_80,w_50")
    assert made.image.bands == 3

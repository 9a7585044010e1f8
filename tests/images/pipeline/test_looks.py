"""Backgrounds, opacity, corners and borders, on pixels that are known."""

from __future__ import annotations

from math import pi

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from renditor.images.pipeline import looks
from renditor.images.pipeline.geometry import Size
from renditor.transformation.looks import AutoBackground, Radius
from renditor.transformation.values import BLACK, WHITE, Colour
from tests.images.pictures import BLUE, GREEN, RED, Pixel, encoded, near, pixel, plain, render

SQUARE = encoded(plain(100, 100, GREEN), "png")


def covered(mask: pyvips.Image) -> float:
    """Px that the mask shows."""
    pixels: float = mask.avg() / 255 * mask.width * mask.height
    return pixels


def found_colour(image: pyvips.Image, wanted: AutoBackground) -> Colour:
    (found,) = looks.found_colours(image.copy_memory(), wanted, Size(image.width, image.height))
    return found


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
    found = found_colour(framed, AutoBackground(style))
    wanted = Colour(255, 160, 120) if style == "predominant" else expected
    assert near((found.red, found.green, found.blue), (wanted.red, wanted.green, wanted.blue), 2)


@pytest.mark.parametrize("size", [(1, 900), (900, 1), (2, 700), (1, 1)])
@pytest.mark.parametrize("style", ["auto", "auto:predominant", "auto:border_gradient:4", "auto:predominant_gradient"])
def test_colours_of_very_thin_pictures(style: str, size: tuple[int, int]) -> None:
    made = render(encoded(plain(*size, GREEN), "png"), "png", f"b_{style},c_pad,h_1000,w_1000")
    assert made.at(0, 0) == made.at(1, 1) == GREEN


def test_what_is_transparent_has_no_colour() -> None:
    image = plain(60, 60, (255, 0, 0, 0)).insert(plain(60, 10, (*BLUE, 255)), 0, 0)
    assert found_near(found_colour(image, AutoBackground("predominant")), BLUE)
    nothing = plain(9, 9, (255, 0, 0, 0)).copy_memory()
    assert found_colour(nothing, AutoBackground("border")) == WHITE


def found_near(colour: Colour, expected: Pixel) -> bool:
    return near((colour.red, colour.green, colour.blue), expected, 2)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_pictures_of_a_few_px_have_edges_too(size: tuple[int, int]) -> None:
    assert found_near(found_colour(plain(*size, BLUE), AutoBackground("border")), BLUE)


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


def test_a_palette_limits_what_is_found() -> None:
    image = plain(40, 40, BLUE)
    colours = Colour(200, 0, 0), Colour(0, 0, 90)
    assert found_colour(image, AutoBackground("border", palette=colours)) == colours[1]
    assert found_colour(image, AutoBackground("border_contrast", palette=colours)) == colours[0]


@pytest.mark.parametrize("style", ["border", "predominant"])
@pytest.mark.parametrize(("upright", "direction"), [(False, "horizontal"), (True, "vertical")])
def test_a_gradient_goes_from_the_colours_on_one_side_to_those_on_the_other(style, upright, direction) -> None:
    halves = plain(60, 60, RED).join(plain(60, 60, BLUE), "vertical" if upright else "horizontal")
    if style == "border":  # what is inside does not count
        halves = halves.insert(plain(halves.width - 20, halves.height - 20, GREEN), 10, 10)
    made = render(encoded(halves, "png"), "png", f"b_auto:{style}_gradient:2:{direction},c_pad,h_300,w_300")
    first, last = ((0.01, 0.0), (0.01, 0.99)) if upright else ((0.0, 0.01), (0.99, 0.01))
    assert near(made.at(*first)[:3], RED, 12)
    assert near(made.at(*last)[:3], BLUE, 12)


def test_a_gradient_without_direction_runs_along_the_room() -> None:
    halves = plain(20, 80, RED).join(plain(20, 80, BLUE), "horizontal")
    made = render(encoded(halves, "png"), "png", "b_auto:border_gradient,c_pad,h_80,w_400")
    reds = [made.at(x, 0.5)[0] for x in (0.0, 0.2, 0.4, 0.6, 0.8, 0.99)]
    assert reds == sorted(reds, reverse=True)
    assert near(made.at(0.0, 0.5)[:3], RED, 3)


def test_a_gradient_of_four_colours_has_them_in_order() -> None:
    colours = [Colour(255, 0, 0), Colour(0, 255, 0), Colour(0, 0, 255), Colour(255, 255, 0)]
    ramp = looks.gradient_behind(Size(400, 3), colours, "horizontal")
    for place, colour in zip((0, 133, 266, 399), colours, strict=True):
        assert near(pixel(ramp, place, 1), (colour.red, colour.green, colour.blue), 6)
    rising = looks.gradient_behind(Size(50, 50), [BLACK, WHITE], "diagonal_asc")
    assert [near(pixel(rising, x, 49 - x)[:1], (level,), 8) for x, level in ((0, 0), (25, 128), (49, 255))] == [
        True
    ] * 3


def test_a_gradient_lies_behind_what_is_transparent() -> None:
    image = plain(40, 40, RED).bandjoin(0).insert(plain(10, 40, RED).bandjoin(255), 0, 0).copy(interpretation="srgb")
    made = render(encoded(image, "png"), "png", "b_auto:predominant_gradient:palette_blue")
    assert near(made.at(0.9, 0.5)[:3], (0, 0, 255), 2)
    assert near(made.at(0.1, 0.5)[:3], RED, 2)

from __future__ import annotations

import pytest

from renditor.transformation.values import Colour
from tests.images.effects.application import after, applied, disc, rainbow, same
from tests.images.pictures import BLUE, GREEN, RED, Pixel, near, noise, pixel, plain, quadrants


@pytest.mark.parametrize(
    ("effect", "before", "expected"),
    [
        ("grayscale", (255, 0, 0), (54, 54, 54)),
        ("grayscale", (10, 200, 90), (152, 152, 152)),
        ("sepia:100", (100, 100, 100), (135, 120, 94)),
        ("sepia:50", (100, 100, 100), (118, 110, 97)),
        ("sepia:100", (255, 255, 255), (255, 255, 239)),
        ("negate", (0, 100, 255), (255, 155, 0)),
        ("colorize", (3, 200, 90), (128, 128, 128)),
        ("colorize:50", (0, 200, 100), (64, 164, 114)),
        ("blackwhite", (127, 127, 127), (0, 0, 0)),
        ("blackwhite", (128, 128, 128), (255, 255, 255)),
        ("blackwhite:0", (0, 0, 0), (255, 255, 255)),
        ("tint:100:blue:0p:rgb:ff1493:100p", (0, 0, 0), (0, 0, 255)),
        ("tint:100:blue:0p:rgb:ff1493:100p", (255, 255, 255), (255, 20, 147)),
        ("tint:100:blue:0p:rgb:ff1493:100p", (128, 128, 128), (128, 10, 201)),
        ("tint:100:black:white", (90, 90, 90), (90, 90, 90)),
        ("tint:100:red", (0, 0, 0), (0, 0, 0)),
        ("tint:100:red", (255, 255, 255), (255, 255, 255)),
        ("tint:50:white:0p:white:100p", (100, 0, 200), (178, 128, 228)),
        ("tint:100:red:40p:blue:60p", (51, 51, 51), (255, 0, 0)),
        ("tint:100:red:40p:blue:60p", (204, 204, 204), (0, 0, 255)),
    ],
)
def test_values(effect: str, before: Pixel, expected: Pixel):
    assert near(after(before, effect), expected, 1)


def test_sepia_of_an_old_acquaintance():
    """The W3C matrix, worked out by hand."""
    assert after((200, 100, 50), "sepia:100") == (165, 147, 114)


def test_colorize_takes_co_and_keeps_the_shape():
    shape = disc(30, 10)
    made = applied(shape, "colorize", colour=Colour(1, 2, 3))
    assert near(pixel(made, 15, 15), (1, 2, 3, 255), 0)
    assert same(made[3], shape[3])


def test_tint_equalize_spreads_the_tones():
    dark = (noise(200, 200) / 4).cast("uchar").copy(interpretation="srgb")
    assert (
        applied(dark, "tint:equalize:100:black:white").deviate() > 2 * applied(dark, "tint:100:black:white").deviate()
    )


def test_replace_color_moves_one_colour_with_its_shades():
    dark, light = (140, 20, 20), (230, 60, 60)
    picture = plain(20, 20, dark).join(plain(20, 20, light), "horizontal").join(plain(20, 20, BLUE), "horizontal")
    made = applied(picture, "replace_color:green:80:rgb:b92828")
    shadow, lit, other = (pixel(made, x, 10) for x in (10, 30, 50))
    assert shadow[1] > shadow[0]
    assert lit[1] > lit[0]
    assert sum(shadow) < sum(lit)
    assert other == BLUE


def test_replace_color_finds_what_stands_out():
    picture = plain(100, 100, (120, 118, 116)).insert(plain(40, 40, RED), 10, 10)
    made = applied(picture, "replace_color:rgb:0000ff:40")
    assert pixel(made, 30, 30)[2] > 150
    assert pixel(made, 80, 80) == (120, 118, 116)


def test_make_transparent_takes_the_colour_of_the_corners():
    made = applied(plain(60, 60, (250, 250, 250)).insert(plain(20, 20, RED), 20, 20), "make_transparent")
    assert pixel(made, 0, 0)[3] == 0
    assert pixel(made, 30, 30) == (*RED, 255)


def test_make_transparent_takes_co():
    made = applied(quadrants(40, 40), "make_transparent:5", colour=Colour(*GREEN))
    assert [pixel(made, x, y)[3] for x, y in ((10, 10), (30, 10), (10, 30), (30, 30))] == [255, 0, 255, 255]


def test_make_transparent_with_no_tolerance_takes_nothing_else():
    picture = plain(10, 10, (9, 9, 9)).insert(plain(1, 1, (9, 9, 10)), 5, 5)
    made = applied(picture, "make_transparent:0")
    assert (pixel(made, 0, 0)[3], pixel(made, 5, 5)) == (0, (9, 9, 10, 255))


def test_make_transparent_leaves_no_fringe():
    """A disc on white gives the disc back: on black no light ring shows."""
    flat = disc(60, 20, (20, 60, 160)).flatten(background=[255, 255, 255])
    cut = applied(flat, "make_transparent:10")
    on_black = cut.flatten(background=[0, 0, 0])
    assert on_black.max() <= 170


def test_opacity_threshold():
    made = applied(disc(40, 12), "opacity_threshold:50")
    counts = made[3].hist_find()
    assert pixel(counts, 0, 0)[0] + pixel(counts, 255, 0)[0] == 1600
    opaque = plain(5, 5, RED)
    assert same(applied(opaque, "opacity_threshold:100"), opaque)


def test_grayscale_stays_three_bands():
    made = applied(rainbow(20, 20), "grayscale")
    assert made.bands == 3
    assert (made[0] - made[2]).abs().max() == 0


def test_blackwhite_is_black_and_white():
    made = applied(rainbow(50, 50), "blackwhite:30")
    counts = made[0].hist_find()
    assert pixel(counts, 0, 0)[0] + pixel(counts, 255, 0)[0] == 2500

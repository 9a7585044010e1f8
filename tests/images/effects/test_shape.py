from __future__ import annotations

import pytest

from renditor.transformation.values import Colour
from tests.images.effects.application import applied, disc, same
from tests.images.pictures import BLUE, RED, near, noise, pixel, plain

WHITE = (255, 255, 255)


def test_vignette_darkens_corners_and_spares_the_middle():
    made = applied(plain(200, 100, (200, 200, 200)), "vignette:100")
    assert pixel(made, 100, 50) == (200, 200, 200)
    assert max(pixel(made, 0, 0)) < 10
    assert pixel(made, 0, 50)[0] == pixel(made, 199, 50)[0]
    weak = applied(plain(200, 100, (200, 200, 200)), "vignette:20")
    assert near(pixel(weak, 0, 0), (160, 160, 160), 4)


@pytest.mark.parametrize(
    ("offsets", "clear", "full"),
    [
        ({}, (50, 0), (50, 60)),
        ({"y": 40}, (50, 0), (50, 41)),
        ({"y": -40}, (50, 99), (50, 58)),
        ({"x": 30}, (0, 50), (31, 50)),
        ({"x": -30}, (99, 50), (68, 50)),
    ],
)
def test_gradient_fade_from_an_edge(offsets: dict[str, int], clear: tuple[int, int], full: tuple[int, int]):
    made = applied(plain(100, 100, RED), "gradient_fade", **offsets)
    assert pixel(made, *clear)[3] < 10
    assert pixel(made, *full) == (*RED, 255)


def test_gradient_fade_is_even_and_grows_with_strength():
    made = applied(plain(10, 100, RED), "gradient_fade", y=50)
    assert abs(pixel(made, 5, 25)[3] - 130) <= 2
    middle = [pixel(applied(plain(10, 100, RED), f"gradient_fade:{n}", y=50), 5, 25)[3] for n in (0, 10, 20, 60, 100)]
    assert middle == sorted(middle, reverse=True)
    assert middle[0] == 255


@pytest.mark.parametrize("mode", ["symmetric", "symmetric_pad"])
def test_gradient_fade_on_both_sides(mode: str):
    made = applied(plain(100, 60, RED), f"gradient_fade:{mode}", x=200)
    assert pixel(made, 0, 30)[3] == pixel(made, 99, 30)[3] < 10
    assert pixel(made, 50, 30)[3] > 245


def test_gradient_fade_multiplies_what_was_translucent():
    made = applied(plain(20, 20, (*RED, 100)), "gradient_fade", y=5)
    assert pixel(made, 10, 15) == (*RED, 100)
    assert pixel(made, 10, 0)[3] == 10


def test_trim_cuts_the_border():
    picture = plain(100, 80, WHITE).insert(plain(30, 20, RED), 40, 10)
    assert same(applied(picture, "trim"), plain(30, 20, RED))


def test_trim_with_tolerance_and_colour():
    nearly = plain(100, 80, (245, 245, 245)).insert(plain(90, 70, WHITE), 5, 5).insert(plain(30, 20, RED), 40, 10)
    assert (applied(nearly, "trim:10").width, applied(nearly, "trim:1").width) == (30, 90)
    framed = plain(60, 60, RED).insert(plain(40, 40, BLUE), 10, 10)
    assert same(applied(framed, "trim:10:red"), framed.crop(0, 0, 60, 60))  # "red" is ff0000, the frame is not
    assert applied(framed, "trim:20:red").width == 40
    assert applied(framed, "trim:10:blue").width == 60


def test_trim_cuts_what_is_transparent():
    made = applied(disc(100, 20), "trim")
    assert 40 <= made.width <= 44
    assert made.width == made.height


def test_trim_outvotes_one_odd_corner():
    picture = plain(50, 50, WHITE).insert(plain(3, 3, RED), 0, 0).insert(plain(10, 10, BLUE), 20, 20)
    made = applied(picture, "trim")
    assert (made.width, made.height) == (30, 30)


def test_trim_leaves_a_picture_without_content():
    for picture in (plain(30, 20, WHITE), plain(30, 20, (5, 5, 5, 0)), plain(1, 1, RED)):
        assert same(applied(picture, "trim"), picture)


def test_shadow_lies_below_and_grows_the_canvas():
    made = applied(plain(200, 200, RED), "shadow:100", x=20, y=30)
    assert made.width > 220
    assert made.height > 230
    assert pixel(made, 50, 50) == (*RED, 255)
    red, green, blue, alpha = pixel(made, made.width - 8, 120)
    assert (red, green, blue) == (0, 0, 0)
    assert alpha > 100
    weak = applied(plain(200, 200, RED), "shadow:20", x=20, y=30)
    assert pixel(weak, weak.width - 8, 120)[3] < alpha / 4


def test_shadow_to_the_other_side_in_another_colour():
    made = applied(disc(100, 30), "shadow:80", x=-40, y=0, colour=Colour(0, 255, 0))
    assert made.width > 100
    left = made.crop(0, 0, 30, made.height)
    assert left[3].max() > 150
    assert left[1].max() == 255


def test_a_far_shadow_makes_no_endless_canvas():
    made = applied(plain(50, 20, RED), "shadow", x=100_000, y=-100_000)
    assert max(made.width, made.height) < 200


@pytest.mark.parametrize("width", [1, 2, 5, 12, 30, 100])
def test_outline_has_its_width(width: int):
    made = applied(disc(120, 40), f"outline:outer:{width}", colour=Colour(255, 0, 0))
    assert made.width == 120 + 2 * width
    row = made.crop(0, made.height // 2, made.width, 1)
    line = sum(1 for x in range(made.width) if pixel(row, x, 0)[3] > 127)
    assert abs(line - (80 + 2 * width)) <= max(3, width / 12)
    assert near(pixel(made, made.width // 2, made.height // 2), (30, 90, 200, 255), 0)


def test_outline_of_a_thin_line_is_as_wide():
    thin = plain(60, 60, (0, 0, 0, 0)).insert(plain(1, 40, (*BLUE, 255)), 30, 10).copy(interpretation="srgb")
    made = applied(thin, "outline:outer:8")
    row = [pixel(made, x, made.height // 2)[3] > 127 for x in range(made.width)]
    assert 16 <= sum(row) <= 19


def modes(mode: str) -> tuple[bool, bool, bool]:
    """Whether there is colour: at the edge of the hole, in its middle, around the whole."""
    ring = disc(120, 50, hole=30)
    made = applied(ring, f"outline:{mode}:6" if mode else "outline:6", colour=Colour(255, 0, 0))
    middle = made.width // 2
    places = ((middle + 27, middle), (middle, middle), (middle + 53, middle))
    return tuple(  # type: ignore[return-value]  # three places
        0 <= x < made.width and near(pixel(made, x, y), (255, 0, 0, 255), 2) for x, y in places
    )


def test_outline_modes():
    assert modes("") == modes("both") == (True, False, True)
    assert modes("outer") == (False, False, True)
    assert modes("inner") == (True, False, False)
    assert modes("fill") == (True, True, True)
    assert modes("inner_fill") == (True, True, False)


def test_a_blurred_outline_needs_more_room():
    sharp, soft = (applied(disc(60, 20), f"outline:outer:5:{blur}") for blur in (0, 200))
    assert soft.width > sharp.width
    steps = {pixel(soft, x, soft.height // 2)[3] for x in range(soft.width // 2)}
    assert len(steps) > 10


def test_an_outline_around_an_opaque_picture():
    made = applied(noise(50, 40), "outline:10", colour=Colour(0, 255, 0))
    assert (made.width, made.height) == (70, 60)
    assert pixel(made, 35, 5) == (0, 255, 0, 255)
    assert same(made[:3].crop(10, 10, 50, 40), noise(50, 40))

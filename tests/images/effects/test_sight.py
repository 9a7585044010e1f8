from __future__ import annotations

import pytest

from tests.images.effects.application import after, applied, disc, rainbow, same
from tests.images.pictures import BLUE, GREEN, RED, Pixel, near, pixel, plain


@pytest.mark.parametrize("condition", ["deuteranopia", "protanopia", "tritanopia", "rod_monochromacy"])
def test_greys_look_the_same_to_everybody(condition: str):
    for level in (0, 60, 128, 255):
        grey = (level, level, level)
        assert near(after(grey, f"simulate_colorblind:{condition}"), grey, 2)


@pytest.mark.parametrize(
    ("condition", "one", "other"),
    [
        # Pairs that differ plainly for others, and hardly without that kind of cones.
        ("deuteranopia", (200, 100, 60), (134, 134, 54)),
        ("protanopia", (200, 100, 60), (109, 109, 58)),
        ("rod_monochromacy", (255, 0, 0), (127, 127, 127)),
    ],
)
def test_colours_that_cannot_be_told_apart_come_together(condition: str, one: Pixel, other: Pixel):
    seen = [after(colour, f"simulate_colorblind:{condition}") for colour in (one, other)]
    assert _distance(*seen) < 0.35 * _distance(one, other)


def test_a_weakness_lies_between_full_sight_and_none():
    red = [after(RED, f"simulate_colorblind:{name}")[0] for name in ("deuteranopia", "deuteranomaly")]
    assert red[0] < red[1] < RED[0]


def test_stripes_lie_where_red_and_green_are_and_nowhere_else():
    picture = (
        plain(40, 40, RED).join(plain(40, 40, GREEN), "horizontal").join(plain(40, 40, (90, 90, 90)), "horizontal")
    )
    made = applied(picture, "assist_colorblind:100")
    rising = {pixel(made, x, 20)[0] for x in range(5, 30)}
    assert min(rising) == 0
    assert max(rising) == RED[0]
    assert near(pixel(made, 100, 20), (90, 90, 90), 1)
    # Stripes of red rise, those of green fall: a step to the right and up, or down, stays on one.
    assert all(pixel(made, 5 + step, 30 - step) == pixel(made, 5, 30) for step in range(20))
    assert all(pixel(made, 45 + step, 10 + step) == pixel(made, 45, 10) for step in range(20))


def test_xray_moves_what_is_not_seen_into_blue():
    assert after((220, 60, 60), "assist_colorblind:xray")[2] > 60
    assert near(after(BLUE, "assist_colorblind:xray"), BLUE, 60)


def test_recolor_is_a_matrix():
    assert after((10, 20, 30), "recolor:0:1:0:0:0:1:1:0:0") == (20, 30, 10)
    assert after((10, 20, 30), "recolor:1:1:1:0:0:0:0:0:-1") == (60, 0, 0)
    shape = disc(20, 8)
    assert same(applied(shape, "recolor:1:0:0:0:1:0:0:0:1"), shape)


def test_recolor_of_four_bands_reaches_alpha():
    half = applied(disc(20, 8), "recolor:1:0:0:0:0:1:0:0:0:0:1:0:0:0:0:0.5")
    assert abs(pixel(half, 10, 10)[3] - 128) <= 1
    picture = rainbow(9, 9)
    assert same(applied(picture, "recolor:1:0:0:0:0:1:0:0:0:0:1:0:0:0:0:0.5"), picture)  # nothing to be transparent


def test_bgremoval_takes_the_corners_or_the_colour_that_is_named():
    picture = plain(60, 60, GREEN).insert(plain(20, 20, RED), 20, 20)
    corners = applied(picture, "bgremoval:screen")
    assert (pixel(corners, 2, 2)[3], pixel(corners, 30, 30)[3]) == (0, 255)
    named = applied(picture, "bgremoval:" + bytes(RED).hex())
    assert (pixel(named, 2, 2)[3], pixel(named, 30, 30)[3]) == (255, 0)


def _distance(one: Pixel, other: Pixel) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)

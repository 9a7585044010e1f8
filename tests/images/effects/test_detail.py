from __future__ import annotations

import pytest

from renditor.images.effects.blurring import blurred
from renditor.images.effects.dither import threshold_map
from renditor.images.pipeline.geometry import Box
from tests.images.effects.application import after, applied, disc, rainbow, same
from tests.images.pictures import RED, near, noise, pixel, plain, quadrants


@pytest.mark.parametrize("sigma", [1, 3.9, 4, 7, 20, 80])
def test_blur_is_a_gaussian_at_every_strength(sigma: float):
    """The way over a smaller picture and the direct one look the same, at the edges too."""
    picture = quadrants(301, 203)
    assert same(blurred(picture, sigma), picture.gaussblur(sigma, min_ampl=0.002, precision="float"), tolerance=8)


def test_more_blur_is_smoother():
    picture = noise(200, 200)
    spread = [applied(picture, f"blur:{strength}").deviate() for strength in (1, 25, 50, 95, 105, 200, 800, 2000)]
    assert spread == sorted(spread, reverse=True)


@pytest.mark.parametrize("effect", ["blur:50", "blur:300", "blur:2000", "pixelate:7", "oil_paint:100", "cartoonify"])
def test_what_is_transparent_does_not_bleed(effect: str):
    """Hidden red below transparency never shows, nor does black."""
    colour = (60, 120, 200)
    shape = disc(80, 20, colour)
    hidden = (shape[3] > 0).ifthenelse(shape[:3], plain(80, 80, RED)).bandjoin(shape[3]).copy(interpretation="srgb")
    made = applied(hidden, effect)
    seen = (made[3] > 60).ifthenelse(made[:3], list(colour))
    if effect != "cartoonify":  # which draws black contours
        assert (seen - list(colour)).abs().max() <= 6
    assert (seen[0] - seen[2]).max() <= 0


@pytest.mark.parametrize("effect", ["blur_region:500", "pixelate_region:10", "pixelate_region"])
def test_outside_of_the_region_nothing_changes(effect: str):
    picture = noise(120, 90)
    box = Box(30, 20, 50, 40)
    made = applied(picture, effect, box=box)
    before, hidden = (image[0].crop(30, 20, 50, 40) for image in (picture, made))
    assert hidden.deviate() < 0.5 * before.deviate()
    assert same(made.insert(picture.crop(30, 20, 50, 40), 30, 20), picture)


@pytest.mark.parametrize("effect", ["blur_region:2000", "pixelate_region:50"])
def test_nothing_of_the_surroundings_enters_the_region(effect: str):
    picture = plain(90, 90, RED).insert(plain(30, 30, (0, 0, 255)), 30, 30)
    assert same(applied(picture, effect, box=Box(30, 30, 30, 30)), picture)


def test_a_region_is_cut_to_the_picture():
    picture = noise(60, 60)
    made = applied(picture, "pixelate_region:10", box=Box(-20, 40, 50, 500))
    assert same(made, applied(picture, "pixelate_region:10", box=Box(0, 40, 30, 20)))
    assert same(applied(picture, "pixelate_region:10", box=Box(60, 0, 10, 10)), picture)


def test_without_a_region_it_is_the_whole_picture():
    picture = noise(64, 48)
    assert same(applied(picture, "blur_region:300"), applied(picture, "blur:300"))
    assert same(applied(picture, "pixelate_region:8"), applied(picture, "pixelate:8"))


@pytest.mark.parametrize("effect", ["blur_faces", "pixelate_faces"])
def test_faces_go_with_a_margin_and_the_rest_stays(effect: str):
    picture = noise(300, 200)
    faces = (Box(50, 50, 40, 50), Box(280, 10, 40, 40), Box(500, 500, 10, 10))
    made = applied(picture, effect, faces=faces)
    for box in (Box(42, 40, 56, 70), Box(272, 2, 28, 56)):
        before, hidden = (image[0].crop(box.left, box.top, box.width, box.height) for image in (picture, made))
        assert hidden.deviate() < 0.5 * before.deviate()
    assert same(made.crop(100, 0, 170, 200), picture.crop(100, 0, 170, 200))
    assert same(applied(picture, effect), picture)


def test_squares_have_their_mean_colour():
    made = applied(quadrants(40, 40), "pixelate:40")
    assert near(pixel(made, 5, 35), pixel(made, 35, 5), 0)
    assert near(pixel(made, 0, 0), (128, 120, 78), 1)
    small = applied(rainbow(40, 40), "pixelate:10")
    assert same(small, small.shrink(10, 10).zoom(10, 10))


def test_squares_larger_than_the_picture():
    assert applied(noise(7, 300), "pixelate:2000")[0].deviate() == 0


@pytest.mark.parametrize("effect", ["sharpen", "unsharp_mask"])
def test_sharper_edges_without_coloured_fringes(effect: str):
    edge = plain(20, 20, (90, 90, 90)).join(plain(20, 20, (160, 160, 160)), "horizontal")
    made = applied(edge, f"{effect}:100")
    assert pixel(made, 19, 10)[0] < 85
    assert pixel(made, 20, 10)[0] > 165
    assert (made[0] - made[2]).abs().max() == 0
    assert near(pixel(made, 2, 10), (90, 90, 90), 0)
    spread = [applied(edge, f"{effect}:{strength}").deviate() for strength in (1, 100, 300, 2000)]
    assert spread == sorted(spread)


def test_noise_is_grain_on_all_channels_alike():
    made = applied(plain(700, 600, (128, 128, 128)), "noise:50")
    assert 28 < made[0].deviate() < 36
    assert 126 < made.avg() < 130
    assert (made[0] - made[1]).abs().max() == 0


@pytest.mark.parametrize("number", range(19))
def test_dither_patterns(number: int):
    """Black stays black, white white, and between them the share of white px follows the brightness."""
    effect = f"ordered_dither:{number}"
    assert after((0, 0, 0), effect) == (0, 0, 0)
    assert after((255, 255, 255), effect) == (255, 255, 255)
    levels = [applied(plain(336, 336, (level,) * 3), effect).avg() for level in (32, 80, 128, 180, 230)]
    assert levels == sorted(levels)
    tile = threshold_map(number)
    assert tile.width == tile.height
    if tile.width > 3:
        assert all(abs(made - level) < 30 for made, level in zip(levels, (32, 80, 128, 180, 230), strict=True))


def test_dithers_differ():
    made = {bytes(applied(rainbow(96, 96), f"ordered_dither:{number}").write_to_memory()) for number in range(19)}
    assert len(made) == 19

from __future__ import annotations

import pyvips

from tests.images.effects.application import applied, disc, same
from tests.images.pictures import noise, pixel, plain, quadrants


def test_oil_paint_flattens_grain_and_keeps_edges():
    grainy = (quadrants(300, 300) + noise(300, 300) / 4 - 32).cast("uchar").copy(interpretation="srgb")
    made = applied(grainy, "oil_paint:60")
    before, painted = (image[0].crop(20, 20, 100, 100) for image in (grainy, made))
    assert painted.deviate() < 0.5 * before.deviate()
    left, right = pixel(made, 146, 60), pixel(made, 153, 60)
    assert left[0] > right[0] + 100
    assert right[1] > left[1] + 80


def test_a_larger_brush_is_flatter():
    picture = noise(200, 200)
    spread = [applied(picture, f"oil_paint:{strength}")[0].deviate() for strength in (0, 30, 60, 100)]
    assert spread == sorted(spread, reverse=True)


def test_cartoons_have_dark_contours():
    picture = plain(200, 200, (220, 220, 220)).insert(plain(100, 100, (150, 150, 150)), 50, 50)
    drawn = applied(picture, "cartoonify:100:0")
    assert drawn.crop(45, 90, 10, 10).min() < 60
    assert pixel(drawn, 100, 100) == (150, 150, 150)
    assert same(applied(picture, "cartoonify:0:0"), picture, tolerance=1)


def test_reduction_leaves_few_brightnesses():
    row = pyvips.Image.xyz(512, 12)[0] / 2
    ramp = row.bandjoin([row, row]).cast("uchar").copy(interpretation="srgb")
    kinds = [len(set(applied(ramp, f"cartoonify:0:{n}")[0].crop(0, 5, 512, 1).write_to_memory())) for n in (0, 50, 100)]
    assert kinds == sorted(kinds, reverse=True)


def test_black_and_white_cartoons():
    made = applied(quadrants(100, 100), "cartoonify:50:bw")
    assert (made[0] - made[1]).abs().max() == 0
    assert {pixel(made, x, y)[0] for x, y in ((25, 25), (75, 75))} == {0, 255}


def test_the_shape_stays():
    shape = disc(90, 30)
    for effect in ("oil_paint:100", "cartoonify", "cartoonify:100:bw"):
        assert same(applied(shape, effect)[3], shape[3])


def test_a_very_large_picture_is_painted_too():
    picture = quadrants(2400, 1900)
    made = applied(picture, "oil_paint:50")
    assert (made.width, made.height) == (2400, 1900)
    for x, y in ((600, 400), (1800, 400), (600, 1500), (1800, 1500)):
        assert pixel(made, x, y) == pixel(picture, x, y)

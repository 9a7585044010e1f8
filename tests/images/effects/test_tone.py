from __future__ import annotations

import pytest
import pyvips

from renditor.images.effects.tone import with_value
from tests.images.effects.application import after, applied, rainbow, same
from tests.images.pictures import Pixel, near, noise, pixel, plain


@pytest.mark.parametrize(
    ("effect", "before", "expected"),
    [
        ("brightness:50", (100, 20, 200), (150, 30, 255)),
        ("brightness:-50", (100, 21, 200), (50, 10, 100)),
        ("brightness:-99", (100, 100, 255), (1, 1, 3)),
        ("brightness_hsb:100", (100, 50, 25), (200, 100, 50)),
        ("brightness_hsb:100", (200, 100, 50), (255, 128, 64)),  # as bright as it gets, in the same hue
        ("brightness_hsb:-50", (200, 100, 50), (100, 50, 25)),
        ("contrast:100", (100, 128, 200), (72, 128, 255)),
        ("contrast:-100", (0, 90, 255), (128, 128, 128)),
        ("saturation:-100", (255, 0, 0), (54, 54, 54)),
        ("saturation:-100", (0, 255, 0), (182, 182, 182)),
        ("saturation:50", (150, 120, 100), (163, 118, 88)),  # luma 124.9
        ("gamma:100", (0, 64, 255), (0, 128, 255)),
        ("gamma:-50", (0, 128, 255), (0, 64, 255)),
        ("red:50", (100, 100, 100), (150, 100, 100)),
        ("green:-100", (100, 100, 100), (100, 0, 100)),
        ("blue:100", (100, 100, 200), (100, 100, 255)),
        ("fill_light", (0, 85, 255), (0, 142, 255)),  # 1/3 + 1.5 * 1/3 * (2/3)^2 = 5/9
        ("fill_light:100:-100", (0, 85, 255), (0, 85, 255)),
        ("fill_light:50:100", (0, 85, 255), (0, 142, 255)),
    ],
)
def test_values(effect: str, before: Pixel, expected: Pixel):
    assert near(after(before, effect), expected, 1)


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ("hue:66.666667", (20, 220, 60)),  # 120 degrees: red becomes green
        ("hue:-66.666667", (60, 20, 220)),
        ("hue:33.333333", (180, 220, 20)),  # 12 degrees become 72
    ],
)
def test_turns_of_the_colour_wheel(effect: str, expected: Pixel):
    assert near(after((220, 60, 20), effect), expected, 1)


def test_half_a_turn_of_the_colour_wheel():
    assert after((255, 0, 0), "hue:100") == (0, 255, 255)
    assert after((255, 0, 0), "hue:-100") == (0, 255, 255)
    assert after((200, 150, 100), "hue:100") == (100, 150, 200)


def test_grey_has_no_hue():
    assert after((77, 77, 77), "hue:40") == (77, 77, 77)
    assert after((0, 0, 0), "hue:40") == (0, 0, 0)


def test_vibrance_acts_on_pale_colours():
    pale, vivid = (140, 120, 120), (250, 20, 20)
    assert after(pale, "vibrance:100") == (155, 116, 116)  # luma 124.25, times 1.92
    assert near(after(vivid, "vibrance:100"), vivid, 16)
    assert max(after(pale, "vibrance:-100")) - min(after(pale, "vibrance:-100")) < 3


def test_fill_light_never_turns_shades_around():
    steps = pyvips.Image.identity(bands=3).copy(interpretation="srgb")
    lit = applied(steps, "fill_light:100:100")[0]
    rising = lit.crop(1, 0, 255, 1) - lit.crop(0, 0, 255, 1)
    assert rising.min() >= 0


def test_auto_contrast_uses_the_whole_range():
    dull = (noise(200, 200) / 4 + 100).cast("uchar").copy(interpretation="srgb")
    made = applied(dull, "auto_contrast")
    assert made.deviate() > 2.5 * dull.deviate()
    half = applied(dull, "auto_contrast:50")
    assert dull.deviate() < half.deviate() < made.deviate()


def test_auto_contrast_leaves_one_tone_alone():
    flat = plain(20, 20, (90, 100, 110))
    assert same(applied(flat, "auto_contrast"), flat)
    nearly = (noise(50, 50) / 100 + 100).cast("uchar").copy(interpretation="srgb")
    assert applied(nearly, "auto_contrast").deviate() < 4.5 * nearly.deviate()


@pytest.mark.parametrize("level", [40, 200])
def test_auto_brightness_goes_towards_middle_grey(level: int):
    before = plain(10, 10, (level, level, level))
    made = applied(before, "auto_brightness").avg()
    assert abs(made - 117) < abs(level - 117)


def test_auto_color_removes_a_cast():
    grey = noise(100, 100)[0]
    grey = grey.bandjoin([grey, grey])
    cast = (grey * [1.0, 0.95, 0.9]).cast("uchar").copy(interpretation="srgb")
    made = applied(cast, "auto_color")
    assert max(made[0].avg(), made[1].avg(), made[2].avg()) - min(made[0].avg(), made[1].avg(), made[2].avg()) < 2


def test_auto_color_does_not_make_a_meadow_grey():
    red, green, blue = after((60, 150, 50), "auto_color")
    assert green > red + 30
    assert green > blue + 30


@pytest.mark.parametrize("effect", ["auto_brightness", "auto_contrast", "auto_color", "improve", "improve:indoor"])
def test_what_is_transparent_has_no_say(effect: str):
    seen = noise(40, 40)
    hidden = plain(40, 400, (255, 0, 255))
    opaque, clear = plain(40, 40, (255,)), plain(40, 400, (0,))
    whole = seen.join(hidden, "vertical").bandjoin(opaque.join(clear, "vertical")).copy(interpretation="srgb")
    made = applied(whole, effect)
    assert same(made[:3].crop(0, 0, 40, 40), applied(seen, effect))


def test_improve_makes_a_dull_picture_livelier():
    dull = (rainbow(100, 100) / 3 + 60).cast("uchar").copy(interpretation="srgb")
    for mode in ("improve", "improve:indoor"):
        made = applied(dull, mode)
        assert made.deviate() > 1.3 * dull.deviate()


def test_with_value_keeps_black():
    assert pixel(with_value(plain(2, 2, (0, 0, 0)), lambda value: 1 - value), 0, 0) == (0, 0, 0)

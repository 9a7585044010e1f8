from __future__ import annotations

import pytest
import pyvips

from renditor.images.codecs.flatness import is_flat
from tests.images.pictures import BLUE, RED, YELLOW, adapted, encoded, noise, plain, probe, quadrants, render

WHITE = (255, 255, 255)


def chart() -> pyvips.Image:
    """Bars and a smooth line on white, as a drawing program makes them."""
    picture = plain(400, 300, WHITE)
    for place, colour in enumerate((RED, BLUE, YELLOW)):
        picture = picture.draw_rect(list(colour), 40 + 90 * place, 80, 50, 200, fill=True)
    drawn = '<svg xmlns="http://www.w3.org/2000/svg" {}><path d="M0 250 L400 20" stroke="black"/></svg>'
    line = pyvips.Image.svgload_buffer(drawn.format('width="400" height="300"').encode())
    return picture.composite2(line, "over").flatten().cast("uchar").copy_memory()


def photo_on_white() -> pyvips.Image:
    """What shops show: many equal px, and a thing that is no drawing."""
    return plain(400, 300, WHITE).insert(noise(120, 100), 140, 100).copy_memory()


@pytest.mark.parametrize(
    ("picture", "flat"),
    [
        (chart(), True),
        (quadrants(64, 64), True),
        (chart().colourspace("b-w"), True),
        (chart().bandjoin(255).copy(interpretation="srgb"), True),
        (noise(200, 150), False),
        (photo_on_white(), False),
        (noise(200, 150).gaussblur(4).cast("uchar"), False),
        (chart().colourspace("rgb16"), False),
        (plain(1, 1, RED), False),
    ],
    ids=["chart", "quadrants", "grey", "alpha", "noise", "photo on white", "blurred", "16 bit", "one px"],
)
def test_graphics_are_told_from_photos(picture: pyvips.Image, flat: bool) -> None:
    assert is_flat(picture) is flat


@pytest.mark.parametrize("fmt", ["png", "gif", "tiff", "bmp", "webp"])
def test_the_probe_says_so_for_what_keeps_every_pixel(fmt: str) -> None:
    if fmt == "bmp":
        content = adapted(chart(), fmt)
    else:
        content = encoded(chart(), fmt, **({"lossless": True} if fmt == "webp" else {}))
    assert probe(content, fmt)["flat"] is True


@pytest.mark.parametrize("fmt", ["jpg", "avif", "webp", "heic"])
def test_what_was_blurred_once_is_treated_as_a_photo(fmt: str) -> None:
    content = adapted(chart(), fmt) if fmt == "heic" else encoded(chart(), fmt)
    assert probe(content, fmt)["flat"] is False


def test_flat_graphics_as_webp_keep_every_pixel() -> None:
    made = render(encoded(chart(), "png"), "png", "", "webp")
    assert (made.image - chart()).abs().max() == 0
    lossy = render(encoded(chart(), "png"), "png", "q_80", "webp")
    assert (lossy.image - chart()).abs().max() > 0, "who names a quality gets it"
    assert len(made.content) < len(lossy.content)


def test_photos_as_webp_stay_lossy() -> None:
    photo = noise(200, 150)
    made = render(encoded(photo, "png"), "png", "", "webp")
    assert b"VP8L" not in made.content[:64]
    assert len(made.content) < len(encoded(photo, "webp", lossless=True)) / 2

"""One look at real files, in this process and in sealed decoders."""

from __future__ import annotations

import io
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import pyvips

from renditor.errors import CorruptMedia, LimitExceeded, UnsupportedMedia
from renditor.images.analysis import faces
from renditor.images.analysis.findings import Analysis
from renditor.images.analysis.phash import distance
from renditor.images.base import Source
from renditor.images.decoder import handle
from renditor.images.libvips import LibvipsImages
from renditor.images.settings import ImageSettings
from tests.images.pictures import RED, animation, encoded, noise, plain, png_claiming, quadrants
from tests.images.portraits import portrait

SETTINGS = ImageSettings()
# px: a face is found in it, and its curves are measured quickly.
SIZE = (480, 320)
LOOKS = pytest.mark.skipif(faces.detector() is None, reason="no face detector is installed here")


def look_at(content: bytes | Path, fmt: str) -> Analysis:
    data = content if isinstance(content, bytes) else content.read_bytes()
    source = os.memfd_create("source")
    os.write(source, data)
    request = {
        "do": "analyse",
        "format": fmt,
        "bounds": asdict(SETTINGS.bounds()),
        "encoding": asdict(SETTINGS.encoding()),
    }
    try:
        return Analysis.from_json(json.loads(json.dumps(handle(request, source, io.BytesIO()))))
    finally:
        os.close(source)


@pytest.fixture(scope="module")
def as_png() -> Analysis:
    return look_at(encoded(portrait(*SIZE, (0.3, 0.45, 0.6)), "png"), "png")


@LOOKS
@pytest.mark.parametrize("fmt", ["jpg", "png", "webp", "avif", "gif", "tiff"])
def test_every_format_shows_the_same(fmt: str, as_png: Analysis) -> None:
    found = look_at(encoded(portrait(*SIZE, (0.3, 0.45, 0.6)), fmt), fmt)
    assert found.faces is not None
    (face,) = found.faces
    assert face.x + face.width / 2 == pytest.approx(0.3, abs=0.03)
    assert found.focal_point == pytest.approx((0.3, 0.47), abs=0.04)
    assert distance(found.phash, as_png.phash) <= 4
    assert set(found.curves) - {"origin"} == {"jpg", "webp", "avif"}
    assert ("origin" in found.curves) == (fmt == "jpg")


@LOOKS
@pytest.mark.parametrize("orientation", range(1, 9))
def test_places_are_those_of_the_upright_picture(orientation: int) -> None:
    upright = portrait(*SIZE, (0.3, 0.45, 0.6))
    back = {1: lambda i: i, 2: lambda i: i.fliphor(), 3: lambda i: i.rot180(), 4: lambda i: i.flipver()}
    back |= {
        5: lambda i: i.rot270().flipver(),
        6: lambda i: i.rot270(),
        7: lambda i: i.rot90().flipver(),
        8: lambda i: i.rot90(),
    }
    stored = back[orientation](upright).copy()
    stored.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    found = look_at(encoded(stored, "jpg"), "jpg")
    assert found.focal_point == pytest.approx((0.3, 0.47), abs=0.04)


@LOOKS
def test_a_large_picture_is_looked_at_small() -> None:
    found = look_at(encoded(portrait(900, 600, (0.3, 0.45, 0.6)).resize(5), "jpg"), "jpg")
    assert len(found.faces or ()) == 1
    assert [entry["pixels"] for entry in found.curves["jpg"]] == [400 * 267, 1200 * 800]
    assert found.curves["origin"]["pixels"] == 4500 * 3000


@pytest.mark.parametrize("fmt", ["jpg", "png", "webp", "avif", "gif"])
def test_one_pixel(fmt: str) -> None:
    found = look_at(encoded(plain(1, 1, RED), fmt), fmt)
    assert found.focal_point == (0.5, 0.5)
    assert not found.faces
    assert set(found.curves) <= {"origin"}
    assert len(found.colors) == 1


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (2, 2)])
def test_thin_and_tiny(size: tuple[int, int]) -> None:
    assert look_at(encoded(noise(*size), "png"), "png").thumbhash


def test_cmyk_grey_and_sixteen_bits() -> None:
    picture = portrait(300, 300, (0.5, 0.45, 0.6))
    cmyk = picture.icc_transform("cmyk", input_profile="srgb")
    deep = picture.colourspace("rgb16")
    plainly = look_at(encoded(picture, "png"), "png")
    for content, fmt in ((encoded(cmyk, "jpg", profile="cmyk"), "jpg"), (encoded(deep, "png"), "png")):
        assert distance(look_at(content, fmt).phash, plainly.phash) <= 6
    assert look_at(encoded(picture.colourspace("b-w"), "jpg"), "jpg").colors


@pytest.mark.parametrize("alpha", [0, 128])
def test_a_picture_that_can_hardly_be_seen(alpha: int) -> None:
    found = look_at(encoded(plain(300, 200, (200, 60, 20, alpha)), "png"), "png")
    assert found.colors
    assert found.focal_point == (0.5, 0.5)


@pytest.mark.parametrize("fmt", ["gif", "webp"])
def test_an_animation_is_its_first_frame(fmt: str) -> None:
    found = look_at(animation([(250, 10, 10), (10, 250, 10), (10, 10, 250)], 64, 48, fmt), fmt)
    ((colour, share),) = found.colors
    assert (colour[1] in "ef", share) == (True, 1.0)


def test_damage_is_told() -> None:
    content = encoded(noise(400, 400), "jpg")
    with pytest.raises(CorruptMedia):
        look_at(content[: len(content) // 2], "jpg")
    with pytest.raises(CorruptMedia):
        look_at(b"nothing of the kind", "png")
    with pytest.raises(UnsupportedMedia):
        look_at(b"", "exe")
    with pytest.raises(LimitExceeded):
        look_at(png_claiming(60_000, 60_000), "png")


async def test_in_a_sealed_decoder(images: LibvipsImages, tmp_path: Path) -> None:
    """What is loaded at the first use would be out of reach there."""
    path = tmp_path / "picture"
    path.write_bytes(encoded(portrait(900, 600, (0.3, 0.45, 0.6)), "jpg"))
    here = look_at(path, "jpg")
    for _ in range(3):
        found = await images.analyse(Source(path, "jpg"))
        assert replace(found, curves={}) == replace(here, curves={})
        assert found.curves.keys() == here.curves.keys()
        assert (found.faces is None) == (faces.detector() is None)
    path.write_bytes(encoded(quadrants(40, 40), "webp"))
    assert (await images.analyse(Source(path, "webp"))).colors


@LOOKS
@pytest.mark.parametrize(
    ("name", "fmt", "count"),
    [
        ("2569067123_aca715a2ee_o.jpg", "jpg", 0),
        ("Channel_digital_image_CMYK_color.jpg", "jpg", 1),
        ("4.webp", "webp", 0),
    ],
)
def test_samples(shared_media: Path, name: str, fmt: str, count: int) -> None:
    found = look_at(shared_media / "images" / name, fmt)
    assert len(found.faces or ()) == count
    assert found.curves["avif"]

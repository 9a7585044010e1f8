"""Headers, orientation, and decoding no more than needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import pyvips

from renditor.errors import CorruptMedia, UnsupportedMedia
from renditor.images.codecs.loading import load, load_upright, read_header, shrink_on_load
from renditor.images.pipeline.geometry import Size
from tests.images.pictures import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Pixel,
    animation,
    encoded,
    near,
    noise,
    plain,
    probe,
    quadrants,
    render,
)

# What a viewer must show for a stored picture of red, green above blue, yellow. Source: EXIF 2.32, tag 0x0112.
SHOWN: dict[int, list[Pixel]] = {
    1: [RED, GREEN, BLUE, YELLOW],
    2: [GREEN, RED, YELLOW, BLUE],
    3: [YELLOW, BLUE, GREEN, RED],
    4: [BLUE, YELLOW, RED, GREEN],
    5: [RED, BLUE, GREEN, YELLOW],
    6: [BLUE, RED, YELLOW, GREEN],
    7: [YELLOW, GREEN, BLUE, RED],
    8: [GREEN, YELLOW, RED, BLUE],
}


def oriented(orientation: int, fmt: str, width: int = 640, height: int = 320) -> bytes:
    image = quadrants(width, height).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return encoded(image, fmt)


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("transformation", ["", "c_limit,h_80,w_80", "c_crop,h_0.9,w_0.9", "c_scale,h_1.0,w_1.0"])
def test_exif_orientations_are_turned_upright(orientation: int, transformation: str) -> None:
    content = oriented(orientation, "jpg")
    sideways = orientation >= 5
    info = probe(content, "jpg")
    assert (info["width"], info["height"], info["orientation"]) == (
        320 if sideways else 640,
        640 if sideways else 320,
        orientation,
    )
    made = render(content, "jpg", transformation, "png")
    assert (made.image.width > made.image.height) is not sideways
    found = [made.at(*corner) for corner in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9))]
    assert all(near(one, other, 12) for one, other in zip(found, SHOWN[orientation], strict=True)), found
    assert not made.image.get_typeof("orientation")


@pytest.mark.parametrize("fmt", ["png", "webp", "tiff"])
def test_orientation_in_other_formats(fmt: str) -> None:
    made = render(oriented(6, fmt), fmt, "w_80", "png")
    assert (made.image.width, made.image.height) == (80, 160)
    assert near(made.at(0.1, 0.1), SHOWN[6][0], 12)


def test_an_orientation_that_does_not_exist_is_none() -> None:
    image = quadrants(64, 32).copy()
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Orientation", "9 (9, Short, 1 components, 2 bytes)")
    assert probe(encoded(image, "jpg"), "jpg")["orientation"] == 1


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_phone_photo_is_shrunk_upright_with_gravity(orientation: int) -> None:
    made = render(oriented(orientation, "jpg", 1600, 800), "jpg", "c_fill,g_north_west,h_20,w_20", "png")
    assert near(made.at(0.2, 0.2), SHOWN[orientation][0], 12)


@pytest.mark.parametrize("orientation", SHOWN)
def test_the_loader_comes_down_to_the_target_in_one_step(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(oriented(orientation, "jpg"))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        info = read_header(descriptor, "jpg")
        image = load_upright(descriptor, info, Size(31, 47))
        assert (image.width, image.height) == (31, 47)
        full = load_upright(descriptor, info, None)
        assert (full.width, full.height) == (info.width, info.height)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("image", "fmt", "options", "expected"),
    [
        (quadrants(30, 20), "jpg", {}, {"bands": 3, "colour_space": "srgb", "bit_depth": 8}),
        (plain(30, 20, (9,)).copy(interpretation="b-w"), "jpg", {}, {"bands": 1, "colour_space": "b-w"}),
        (quadrants(30, 20).addalpha(), "png", {}, {"bands": 4, "has_alpha": True}),
        (quadrants(30, 20).colourspace("rgb16"), "png", {}, {"bit_depth": 16, "colour_space": "rgb16"}),
        (plain(30, 20, (9, 9, 9, 99)), "webp", {}, {"has_alpha": True}),
        (quadrants(30, 20), "avif", {}, {"has_alpha": False}),
        (quadrants(30, 20), "avif", {"bitdepth": 10}, {"bit_depth": 10}),
        (quadrants(30, 20), "tiff", {}, {"bands": 3}),
    ],
)
def test_what_the_header_says(image, fmt: str, options: dict[str, int], expected: dict[str, object]) -> None:
    info = probe(encoded(image, fmt, **options), fmt)
    assert {"format": fmt, "width": 30, "height": 20, "orientation": 1, "pages": 1}.items() <= info.items()
    assert expected.items() <= info.items()


def test_profile_and_frames_are_reported() -> None:
    wide = quadrants(30, 20).icc_transform("p3", input_profile="srgb")
    assert probe(encoded(wide, "jpg", keep="icc"), "jpg")["has_icc"] is True
    assert probe(encoded(wide, "jpg", keep="none"), "jpg")["has_icc"] is False
    assert probe(animation([RED, GREEN, BLUE], 10, 10, "gif"), "gif")["pages"] == 3


@pytest.mark.parametrize(
    ("fmt", "stored", "wanted", "options"),
    [
        ("jpg", (4000, 3000), (800, 600), {"shrink": 2}),
        ("jpg", (4000, 3000), (1000, 750), {"shrink": 2}),
        ("jpg", (4000, 3000), (1001, 751), {}),
        ("jpg", (4000, 3000), (500, 375), {"shrink": 4}),
        ("jpg", (4000, 3000), (100, 75), {"shrink": 8}),
        ("jpg", (4000, 3000), (100, 3000), {}),
        ("jpg", (100, 100), (200, 200), {}),
        ("webp", (4000, 3000), (1000, 750), {"scale": 0.25}),
        ("webp", (100, 100), (200, 200), {}),
        ("png", (4000, 3000), (10, 10), {}),
    ],
)
def test_shrinking_while_decoding(
    fmt: str, stored: tuple[int, int], wanted: tuple[int, int], options: dict[str, float]
) -> None:
    assert shrink_on_load(fmt, Size(*stored), Size(*wanted)) == options


@pytest.mark.parametrize("fmt", ["jpg", "webp", "png"])
@pytest.mark.parametrize("wanted", [(7, 5), (100, 3), (63, 300), (161, 81), (639, 319), (1279, 641)])
def test_the_result_has_exactly_the_size_asked_for(fmt: str, wanted: tuple[int, int]) -> None:
    width, height = wanted
    made = render(encoded(noise(641, 321), fmt), fmt, f"h_{height},w_{width}")
    assert (made.image.width, made.image.height) == wanted


@pytest.mark.parametrize("fmt", ["jpg", "png", "webp", "avif", "gif", "tiff"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 7), (8, 8), (300, 1), (15, 2)])
def test_tiny_pictures(fmt: str, size: tuple[int, int]) -> None:
    width, height = size
    content = encoded(plain(width, height, RED), fmt)
    info = probe(content, fmt)
    assert (info["width"], info["height"]) == size
    for transformation in ("", "c_limit,w_100", "c_fill,h_1,w_1", "c_pad,h_5,w_5"):
        render(content, fmt, transformation, "jpg")


def test_a_small_result_looks_like_the_picture_decoded_in_full() -> None:
    photo = noise(1600, 800).gaussblur(6)
    content = encoded(photo, "jpg", Q=95)
    small = render(content, "jpg", "w_100").image
    reference = photo.resize(100 / 1600).cast("uchar")
    assert (small - reference).abs().avg() < 2


@pytest.mark.parametrize("claimed", ["png", "webp", "avif", "gif", "tiff"])
def test_another_format_than_claimed_is_refused(claimed: str) -> None:
    with pytest.raises(CorruptMedia):
        probe(encoded(quadrants(30, 20), "jpg"), claimed)


@pytest.mark.parametrize("content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x7fELF", b"\0" * 4096])
@pytest.mark.parametrize("claimed", ["jpg", "png", "webp", "avif", "gif", "tiff"])
def test_what_is_no_picture_is_refused(content: bytes, claimed: str) -> None:
    with pytest.raises(CorruptMedia):
        probe(content, claimed)


@pytest.mark.parametrize("claimed", ["svg", "v", "jxl", "pdf", "../../etc/passwd", ""])
def test_formats_without_a_loader_are_refused(claimed: str) -> None:
    with pytest.raises(UnsupportedMedia):
        probe(encoded(quadrants(30, 20), "png"), claimed)


def test_the_position_of_the_descriptor_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(encoded(quadrants(30, 20), "jpg"))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.lseek(descriptor, 100, os.SEEK_SET)
        info = read_header(descriptor, "jpg")
        assert (info.width, load(descriptor, "jpg").height) == (30, 20)
    finally:
        os.close(descriptor)

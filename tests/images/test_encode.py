"""Results: every format reads back, says nothing about the source, and obeys quality and flags."""

from __future__ import annotations

import pytest
import pyvips

from tests.images.pictures import RED, decoded, encoded, near, noise, plain, quadrants, render

OUTPUTS = ["jpg", "png", "webp", "avif", "gif"]
SECRETS = (
    b"Jane Doe",
    b"Secret",
    b"Exif",
    b"GPS",
    b"ns.adobe.com",
    b"ICC_PROFILE",
    b"iCCP",
    b"tEXt",
    b"eXIf",
    b"Photoshop",
)


def talkative(fmt: str) -> bytes:
    """A picture with everything a camera, an editor and a person leave in it."""
    image = quadrants(320, 160).icc_transform("p3", input_profile="srgb").copy()
    text = pyvips.GValue.gstr_type
    for name, value in {
        "exif-ifd0-Artist": "Jane Doe (Jane Doe, ASCII, 9 components, 9 bytes)",
        "exif-ifd0-Copyright": "Secret (Secret, ASCII, 7 components, 7 bytes)",
        "exif-ifd3-GPSLatitude": "50/1 4/1 30/1 (50, 4, 30, Rational, 3 components, 24 bytes)",
        "exif-ifd3-GPSLatitudeRef": "N (N, ASCII, 2 components, 2 bytes)",
        "png-comment-0-Comment": "Secret",
    }.items():
        image.set_type(text, name, value)
    blob = pyvips.GValue.blob_type
    image.set_type(blob, "xmp-data", b"<x:xmpmeta xmlns:xap='http://ns.adobe.com/xap/1.0/'>Secret</x:xmpmeta>")
    image.set_type(blob, "iptc-data", b"Photoshop 3.0\0Secret")
    return encoded(image, fmt)


@pytest.mark.parametrize("source", ["jpg", "png", "webp", "avif", "tiff"])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("transformation", ["", "w_100"])
def test_nothing_personal_is_left(source: str, output: str, transformation: str) -> None:
    content = talkative(source)
    assert any(secret in content for secret in SECRETS[:2]), "the source tells nothing, so this test shows nothing"
    made = render(content, source, transformation, output)
    assert not [secret for secret in SECRETS if secret in made.content]
    fields = [
        name for name in made.image.get_fields() if name.startswith(("exif", "xmp", "iptc", "icc", "png-comment"))
    ]
    assert not fields


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_format_reads_back(output: str) -> None:
    made = render(encoded(quadrants(300, 200), "png"), "png", "w_150", output)
    assert (made.image.width, made.image.height) == (150, 100)
    assert made.meta == {"width": 150, "height": 100, "pages": 1}
    assert near(made.at(0.2, 0.2)[:3], RED, 12)


def test_signatures_of_the_formats() -> None:
    content = encoded(quadrants(30, 20), "png")
    heads = {output: render(content, "png", "", output).content[:16] for output in OUTPUTS}
    assert heads["jpg"].startswith(b"\xff\xd8\xff")
    assert heads["png"].startswith(b"\x89PNG")
    assert heads["webp"][8:12] == b"WEBP"
    assert heads["avif"][4:12] == b"ftypavif"
    assert heads["gif"].startswith(b"GIF89a")


@pytest.mark.parametrize("output", ["webp", "avif", "png"])
def test_transparency_is_kept(output: str) -> None:
    content = encoded(plain(64, 64, (200, 30, 30, 128)), "png")
    made = render(content, "png", "", output)
    assert made.image.bands == 4
    assert near(made.at(0.5, 0.5), (200, 30, 30, 128), 6)


@pytest.mark.parametrize("output", ["jpg", "webp", "avif"])
def test_lower_quality_is_smaller(output: str) -> None:
    content = encoded(noise(320, 240), "png")
    sizes = [len(render(content, "png", f"q_{quality}", output).content) for quality in (20, 60, 95)]
    assert sizes == sorted(sizes)
    assert sizes[0] * 2 < sizes[2]


def test_q_auto_levels_are_ordered() -> None:
    content = encoded(noise(320, 240), "png")
    levels = ("low", "eco", "good", "best")
    sizes = [len(render(content, "png", f"q_auto:{level}", "jpg").content) for level in levels]
    assert sizes == sorted(set(sizes))
    assert len(render(content, "png", "", "jpg").content) == sizes[2]


def test_chroma_is_halved_below_quality_ninety() -> None:
    content = encoded(noise(64, 64), "png")
    assert render(content, "png", "q_80", "jpg").image.get("jpeg-chroma-subsample") == "4:2:0"
    assert render(content, "png", "q_90", "jpg").image.get("jpeg-chroma-subsample") == "4:4:4"


def test_progressive_is_a_flag() -> None:
    content = encoded(noise(64, 64), "png")
    assert render(content, "png", "", "jpg").image.get("jpeg-multiscan") == 0
    assert render(content, "png", "fl_progressive", "jpg").image.get("jpeg-multiscan") == 1
    assert render(content, "png", "fl_progressive", "png").image.get("interlaced") == 1


def test_the_same_request_makes_the_same_bytes() -> None:
    content = encoded(noise(100, 80), "jpg")
    for output in OUTPUTS:
        assert render(content, "jpg", "w_50", output).content == render(content, "jpg", "w_50", output).content


def test_a_one_pixel_picture_goes_through_every_format() -> None:
    content = encoded(plain(1, 1, RED), "png")
    for output in OUTPUTS:
        made = render(content, "png", "c_fill,h_3,w_2", output)
        assert (made.image.width, made.image.height) == (2, 3)
        assert near(decoded(made.content, output)(0, 0)[:3], RED, 12)

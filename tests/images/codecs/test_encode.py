"""Results: every format reads back, says nothing about the source, and obeys quality and flags."""

from __future__ import annotations

import pytest
import pyvips

from tests.images.pictures import RED, decoded, encoded, near, noise, plain, quadrants, render

OUTPUTS = ["jpg", "png", "webp", "avif", "gif", "tiff"]
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
    assert heads["tiff"].startswith(b"II*\x00")


@pytest.mark.parametrize("output", ["webp", "avif", "png", "tiff"])
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


@pytest.mark.parametrize("output", ["jpg", "avif"])
def test_chroma_as_asked(output: str) -> None:
    """A red px beside a blue one: with a quarter of the colour samples they run into one another."""
    stripes = plain(1, 64, (230, 20, 20)).join(plain(1, 64, (20, 20, 230)), "horizontal").replicate(32, 1)
    content = encoded(stripes, "png")
    full, quarter = (render(content, "png", f"q_85:{chroma}", output).image for chroma in (444, 420))
    assert (full - stripes).abs().avg() * 3 < (quarter - stripes).abs().avg()


def test_tables_of_jpeg_are_those_for_the_eye() -> None:
    """2-7 % fewer bytes at equal quality: docs/decisions/0018-encoder-settings.md."""
    photo = noise(320, 240).gaussblur(1.5).cast("uchar")
    made = render(encoded(photo, "png"), "png", "q_80", "jpg")
    assert made.content != photo.jpegsave_buffer(Q=80, optimize_coding=True, keep="none")
    assert made.content == photo.jpegsave_buffer(Q=80, optimize_coding=True, quant_table=3, keep="none")


def palette_of(content: bytes) -> bool:
    """Colour type 3 in the header of a PNG."""
    return content[25] == 3


def test_png_of_few_colours() -> None:
    content = encoded(noise(200, 150), "png")
    plain_png = render(content, "png", "", "png").content
    for flags in ("fl_png8", "fl_lossy", "fl_lossy.progressive"):
        made = render(content, "png", flags, "png").content
        assert palette_of(made)
        assert len(made) < len(plain_png) / 2
    assert not palette_of(plain_png)


def test_png_with_and_without_transparency() -> None:
    opaque, clear = encoded(plain(8, 8, RED), "png"), encoded(plain(8, 8, (200, 30, 30, 0)), "png")
    assert render(opaque, "png", "fl_png32", "png").image.bands == 4
    made = render(clear, "png", "fl_png24", "png")
    assert (made.image.bands, made.at(0.5, 0.5)) == (3, (255, 255, 255))


def test_any_format_gives_drawings_few_colours_and_photos_all() -> None:
    drawing, photo = encoded(quadrants(200, 150), "png"), encoded(noise(200, 150), "png")
    assert palette_of(render(drawing, "png", "fl_any_format,q_auto", "png").content)
    assert not palette_of(render(photo, "png", "fl_any_format,q_auto", "png").content)
    assert not palette_of(render(drawing, "png", "fl_any_format,q_80", "png").content)


def test_filters_of_png_are_for_photos() -> None:
    photo = noise(200, 150).gaussblur(2).cast("uchar")
    assert len(render(encoded(photo, "jpg"), "jpg", "", "png").content) < 0.9 * len(
        decoded(encoded(photo, "jpg"), "jpg").pngsave_buffer(filter="none", keep="none")
    )


def test_tiff_is_lossless_unless_told() -> None:
    photo = noise(120, 90)
    made = render(encoded(photo, "png"), "png", "", "tiff")
    assert (made.image - photo).abs().max() == 0
    lossy = render(encoded(photo, "png"), "png", "fl_lossy,q_60", "tiff")
    assert 0 < (lossy.image - photo).abs().avg() < 30
    assert len(lossy.content) < len(made.content) / 2


def test_a_tiff_longer_than_any_jpeg_stays_lossless() -> None:
    long = plain(70_000, 1, RED)
    made = render(encoded(long, "png"), "png", "fl_lossy", "tiff")
    assert (made.image - long).abs().max() == 0


def test_a_lossy_gif_is_smaller() -> None:
    frames = pyvips.Image.arrayjoin([noise(80, 60) * share for share in (1.0, 0.98, 0.96)], across=1).cast("uchar")
    frames = frames.copy(interpretation="srgb")
    frames.set_type(pyvips.GValue.gint_type, "page-height", 60)
    content = encoded(frames, "webp", lossless=True)
    exact, lossy = (render(content, "webp", flags, "gif", n=-1).content for flags in ("", "fl_lossy"))
    assert len(lossy) < len(exact)


def test_progressive_is_a_flag() -> None:
    content = encoded(noise(64, 64), "png")
    assert render(content, "png", "", "jpg").image.get("jpeg-multiscan") == 0
    assert render(content, "png", "fl_progressive", "jpg").image.get("jpeg-multiscan") == 1
    assert render(content, "png", "fl_progressive:none", "jpg").image.get("jpeg-multiscan") == 0
    assert render(content, "png", "fl_progressive:steep", "jpg").image.get("jpeg-multiscan") == 1
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

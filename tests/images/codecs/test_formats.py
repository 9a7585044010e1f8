"""Which format a client gets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import InvalidTransformation
from renditor.images.base import ImageInfo
from renditor.images.codecs.formats import FORMATS, accept_bucket, check_fits, is_animated, pick_format
from renditor.images.pipeline.geometry import Size
from renditor.images.settings import ImageSettings
from renditor.transformation import parse
from renditor.transformation.choices import FORMATS as GRAMMAR_FORMATS

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
OLD_SAFARI = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"

PHOTO = ImageInfo("jpg", 4000, 3000)
DRAWING = ImageInfo("png", 400, 300, has_alpha=True, bands=4)
LOOP = ImageInfo("gif", 80, 60, pages=30, has_alpha=True, bands=4)
SCAN = ImageInfo("tiff", 400, 300, pages=3)


def test_the_grammar_names_the_same_formats() -> None:
    assert FORMATS.keys() == GRAMMAR_FORMATS.keys() - {"auto"}


@pytest.mark.parametrize(
    ("accept", "bucket"),
    [
        (CHROME, "avif+webp"),
        ("image/webp,*/*", "webp"),
        ("image/avif", "avif"),
        ("IMAGE/AVIF ; q=0.9 , image/WebP", "avif+webp"),
        ("image/avif;q=0,image/webp;q=0.1", "webp"),
        ("image/avif;q=0.0, image/webp; q = 0.000", "plain"),
        (OLD_SAFARI, "plain"),
        ("*/*", "plain"),
        ("image/*", "plain"),
        ("", "plain"),
        ("image/avifx", "plain"),
        ("x," * 50 + "image/avif", "plain"),
    ],
)
def test_accept_headers_fall_into_buckets(accept: str, bucket: str) -> None:
    assert accept_bucket(accept) == bucket


@given(st.text(max_size=100))
def test_any_accept_header_falls_into_a_bucket(accept: str) -> None:
    assert accept_bucket(accept) in {"avif+webp", "avif", "webp", "plain"}


@pytest.mark.parametrize(
    ("accept", "requested", "info", "picked"),
    [
        (CHROME, "auto", PHOTO, "avif"),
        (CHROME, "auto", DRAWING, "avif"),
        ("image/webp", "auto", DRAWING, "webp"),
        ("*/*", "auto", DRAWING, "png"),
        ("*/*", "auto", PHOTO, "jpg"),
        (CHROME, "auto", LOOP, "webp"),
        ("image/avif", "auto", LOOP, "gif"),
        ("*/*", "auto", LOOP, "gif"),
        ("*/*", "auto", SCAN, "jpg"),
        (CHROME, "png", PHOTO, "png"),
        (CHROME, None, PHOTO, "jpg"),
        (CHROME, None, LOOP, "gif"),
        (CHROME, None, SCAN, "jpg"),
        (CHROME, None, ImageInfo("tiff", 4, 4, has_alpha=True), "png"),
    ],
)
def test_picked(accept: str, requested: str | None, info: ImageInfo, picked: str) -> None:
    assert pick_format(accept, requested, info) == picked


def test_auto_passes_over_what_cannot_hold_the_result() -> None:
    phone = ImageInfo("jpg", 8000, 6000)
    panorama = ImageInfo("jpg", 30_000, 1000)
    assert pick_format(CHROME, "auto", phone) == "jpg"
    assert pick_format(CHROME, "auto", phone, parse("w_800")) == "avif"
    assert pick_format(CHROME, "auto", phone, parse("w_7000")) == "webp"
    assert pick_format(CHROME, "auto", panorama) == "jpg"
    assert pick_format(CHROME, "auto", panorama, parse("w_10000")) == "avif"
    assert pick_format(CHROME, "auto", ImageInfo("gif", 1000, 1000, pages=30)) == "webp"
    assert pick_format(CHROME, "auto", ImageInfo("gif", 1000, 1000, pages=60)) == "jpg"
    assert pick_format("*/*", "auto", ImageInfo("gif", 1000, 1000, pages=60)) == "jpg"
    assert pick_format(CHROME, "auto", ImageInfo("png", 6000, 4000)) == "avif"
    assert pick_format(CHROME, "auto", ImageInfo("png", 6000, 4000, has_alpha=True)) == "webp"


FLAT = ImageInfo("png", 800, 600, flat=True)


@pytest.mark.parametrize(
    ("accept", "info", "transformation", "picked"),
    [
        (CHROME, FLAT, "", "webp"),
        ("image/avif", FLAT, "", "png"),
        ("*/*", FLAT, "", "png"),
        ("*/*", replace(FLAT, width=8000, height=6000), "", "png"),
        (CHROME, PHOTO, "c_fill,h_48,w_48", "webp"),
        (CHROME, PHOTO, "c_fill,h_64,w_64", "avif"),
        ("image/avif", PHOTO, "c_fill,h_48,w_48", "jpg"),
        ("*/*", PHOTO, "r_max", "png"),
        ("*/*", PHOTO, "o_50", "png"),
        ("*/*", PHOTO, "e_make_transparent", "png"),
        ("*/*", PHOTO, "e_sepia", "jpg"),
        ("*/*", PHOTO, "c_pad,h_100,w_500", "jpg"),
        ("*/*", DRAWING, "b_white", "jpg"),
        ("*/*", DRAWING, "b_white,fl_preserve_transparency", "png"),
        ("*/*", DRAWING, "b_rgb:ffffff80", "png"),
        (CHROME, DRAWING, "b_white", "avif"),
        ("*/*", LOOP, "fl_awebp", "gif"),
    ],
)
def test_auto_looks_at_what_the_result_will_be(accept: str, info: ImageInfo, transformation: str, picked: str) -> None:
    assert pick_format(accept, "auto", info, parse(transformation)) == picked


@pytest.mark.parametrize(
    ("requested", "info", "transformation", "picked"),
    [
        ("jpg", FLAT, "fl_any_format,q_auto", "png"),
        ("auto", FLAT, "fl_any_format,q_auto:eco", "png"),
        ("webp", FLAT, "fl_any_format,q_auto", "webp"),
        ("jpg", FLAT, "fl_any_format,q_80", "jpg"),
        ("jpg", FLAT, "q_auto", "jpg"),
        ("jpg", PHOTO, "fl_any_format,q_auto", "jpg"),
        ("gif", LOOP, "fl_any_format,q_auto", "gif"),
    ],
)
def test_any_format(requested: str, info: ImageInfo, transformation: str, picked: str) -> None:
    assert pick_format(CHROME, requested, info, parse(transformation)) == picked


@pytest.mark.parametrize(
    ("fmt", "alpha", "picked"),
    [("heic", False, "jpg"), ("heic", True, "png"), ("bmp", False, "jpg"), ("svg", True, "png")],
)
def test_what_browsers_do_not_show_gets_another_format(fmt: str, alpha: bool, picked: str) -> None:
    assert pick_format(CHROME, None, ImageInfo(fmt, 40, 30, has_alpha=alpha)) == picked


@pytest.mark.parametrize("requested", ["heic", "bmp", "svg", "m3u8", "auto:image"])
def test_formats_that_are_not_made(requested: str) -> None:
    with pytest.raises(InvalidTransformation, match=f"Unsupported format {requested}"):
        pick_format(CHROME, requested, PHOTO)


def test_pages_of_a_tiff_are_no_animation() -> None:
    assert is_animated(LOOP)
    assert not is_animated(SCAN)
    assert not is_animated(PHOTO)


def test_results_that_do_not_fit() -> None:
    check_fits("webp", Size(16_383, 1), 1, alpha=True)
    with pytest.raises(InvalidTransformation, match="16384 x 1 px is too large for webp"):
        check_fits("webp", Size(16_384, 1), 1, alpha=False)
    with pytest.raises(InvalidTransformation, match="in 30 frames is too large for gif"):
        check_fits("gif", Size(2000, 1000), 30, alpha=False)
    check_fits("avif", Size(6000, 4000), 1, alpha=False)
    with pytest.raises(InvalidTransformation, match="6000 x 4000 px is too large for avif"):
        check_fits("avif", Size(6000, 4000), 1, alpha=True)


def test_what_is_accepted_can_be_delivered_as_it_is() -> None:
    settings = ImageSettings()
    for fmt, pixels in settings.max_pixels.model_dump().items():
        assert pixels <= settings.max_output_pixels
        if fmt in FORMATS:
            assert pixels <= FORMATS[fmt].max_pixels
    assert settings.max_animation_pixels <= min(FORMATS["gif"].max_pixels, FORMATS["webp"].max_pixels)

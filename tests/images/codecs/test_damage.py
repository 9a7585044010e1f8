"""Damage that must be found at upload, and oddities that must not be taken for it."""

from __future__ import annotations

import pytest

from renditor.errors import CorruptMedia
from tests.images.pictures import BLUE, GREEN, RED, animation, encoded, noise, probe, quadrants, render

FORMATS = ["jpg", "png", "webp", "avif", "gif", "tiff"]


def photo(fmt: str) -> bytes:
    return encoded(noise(200, 150), fmt)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_pictures_are_refused(fmt: str, share: float) -> None:
    content = photo(fmt)
    with pytest.raises(CorruptMedia):
        probe(content[: int(len(content) * share)], fmt)


@pytest.mark.parametrize("fmt", ["jpg", "png", "webp", "avif", "tiff"])
def test_truncated_pictures_do_not_render_either(fmt: str) -> None:
    content = photo(fmt)
    with pytest.raises(CorruptMedia):
        render(content[: len(content) // 2], fmt, "w_50")


@pytest.mark.parametrize("fmt", ["gif", "webp"])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_truncated_animations_are_refused(fmt: str, share: float) -> None:
    content = animation([RED, GREEN, BLUE] * 5, 60, 40, fmt)
    probe(content, fmt)
    with pytest.raises(CorruptMedia):
        probe(content[: int(len(content) * share)], fmt)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_with_scrambled_data_is_refused(progressive: bool) -> None:
    content = bytearray(encoded(noise(600, 400), "jpg", interlace=progressive))
    middle = len(content) // 2
    content[middle : middle + 300] = bytes((7 * number + 13) & 0xFF for number in range(300))
    with pytest.raises(CorruptMedia, match="cannot be decoded"):
        probe(bytes(content), "jpg")


@pytest.mark.parametrize("fmt", ["png", "avif"])
def test_scrambled_data_is_refused(fmt: str) -> None:
    content = bytearray(photo(fmt))
    middle = len(content) // 2
    content[middle : middle + 100] = bytes(100)
    with pytest.raises(CorruptMedia):
        probe(bytes(content), fmt)


def test_padding_between_jpeg_segments_is_harmless() -> None:
    content = photo("jpg")
    at = content.index(b"\xff\xc4")  # before the Huffman tables
    padded = content[:at] + b"\0\0\0" + content[at:]
    assert probe(padded, "jpg")["width"] == 200


def test_padding_does_not_hide_truncation() -> None:
    content = photo("jpg")
    at = content.index(b"\xff\xc4")
    padded = content[:at] + b"\0\0\0" + content[at:]
    with pytest.raises(CorruptMedia):
        probe(padded[: len(padded) // 2], "jpg")


@pytest.mark.parametrize("fmt", FORMATS)
def test_something_appended_is_harmless_and_not_delivered(fmt: str) -> None:
    tail = b"<script>alert(1)</script>" * 20
    content = encoded(quadrants(60, 40), fmt) + tail
    assert probe(content, fmt)["width"] == 60
    for output in ("jpg", "png", "webp", "avif", "gif"):
        assert b"<script>" not in render(content, fmt, "", output).content


def test_a_gif_without_its_trailer_is_accepted() -> None:
    content = animation([RED, GREEN], 20, 20, "gif")
    assert content.endswith(b"\x3b")
    assert probe(content[:-1], "gif")["pages"] == 2
    assert probe(content[:-1] + b"\0\0", "gif")["pages"] == 2


def test_a_gif_cut_anywhere_but_between_two_blocks_is_refused() -> None:
    content = animation([RED, GREEN], 8, 8, "gif")
    for length in range(len(content)):
        try:
            probe(content[:length], "gif")
        except CorruptMedia:
            continue
        assert content[length] in b"\x21\x2c\x3b", "not where an extension, a frame or the end begins"

"""The handler itself: hostile files and odd requests, in this process."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from renditor.errors import CorruptMedia, InvalidTransformation, LimitExceeded, RenditorError
from renditor.images.decoder import handle
from renditor.images.settings import ImageSettings
from tests.images.pictures import (
    RED,
    avif_claiming,
    encoded,
    gif_of,
    noise,
    plain,
    png_claiming,
    probe,
    quadrants,
    render,
    request,
)

BOMBS = {
    "png of 65536 x 65536": (png_claiming(65_536, 65_536), "png"),
    "avif of 12000 x 12000": (avif_claiming(12_000, 12_000), "avif"),
    "gif of 100 000 frames": (gif_of(100_000), "gif"),
    "gif of 900 large frames": (gif_of(900, 7000, 7000), "gif"),
    "gif of 65535 x 65535": (gif_of(1, 65_535, 65_535), "gif"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_by_their_header(bomb: str) -> None:
    content, fmt = BOMBS[bomb]
    started = time.perf_counter()
    with pytest.raises(LimitExceeded):
        probe(content, fmt)
    with pytest.raises(LimitExceeded):
        render(content, fmt, "w_10", "jpg")
    assert time.perf_counter() - started < 1


def test_an_avif_larger_than_its_container_says_is_refused() -> None:
    """The header gate reads the container; the bitstream inside must not be able to say more."""
    liar = avif_claiming(64, 64, encoded(plain(1200, 1200, RED), "avif"))
    with pytest.raises(LimitExceeded):
        probe(liar, "avif")
    with pytest.raises(LimitExceeded):
        render(liar, "avif", "w_10", "jpg")


def test_a_png_with_less_data_than_it_claims_is_corrupt() -> None:
    with pytest.raises(CorruptMedia):
        probe(png_claiming(5000, 5000), "png")


GUESSES = """
import sys, pyvips
from renditor.images.decoder import prepare
prepare()
for line in sys.stdin:
    try:
        pyvips.Image.new_from_file(line.strip()).avg()
        print("read")
    except pyvips.Error:
        print("refused")
"""


def test_other_loaders_are_switched_off_in_the_child(tmp_path: Path) -> None:
    """Even if something let libvips guess: SVG, its own .v format, CSV and the like stay unreadable."""
    picture, paths = quadrants(30, 20), []
    for name in ("a.jpg", "a.png", "a.webp", "a.gif", "a.avif", "a.tif", "a.v", "a.csv"):
        paths.append(tmp_path / name)
        picture[0].write_to_file(str(paths[-1]))
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect/></svg>")
    paths.append(tmp_path / "a.svg")
    run = subprocess.run(
        [sys.executable, "-c", GUESSES],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert run.stdout.split() == ["read"] * 6 + ["refused"] * 3


def test_limits_come_with_the_request() -> None:
    content = encoded(quadrants(100, 100), "png")
    settings = ImageSettings.model_validate({"max_pixels": {"png": 9999}})
    with pytest.raises(LimitExceeded, match="9,999 px in all is the limit for png"):
        probe(content, "png", settings)
    assert probe(content, "png")["width"] == 100


@pytest.mark.parametrize(
    ("transformation", "output", "message"),
    [
        ("w_10", "bmp", "Unsupported format bmp"),
        ("w_10", "auto", "Unsupported format auto"),
        ("k_sepia", "png", "k_sepia"),
        ("c_crop,h_5,w_5,x_100,y_0", "png", "outside the picture"),
    ],
)
def test_bad_requests_are_named(transformation: str, output: str, message: str) -> None:
    source, answer = os.memfd_create("source"), io.BytesIO()
    os.write(source, encoded(quadrants(40, 30), "png"))
    try:
        with pytest.raises(InvalidTransformation, match=message):
            handle(request("render", "png", transformation=transformation, output=output), source, answer)
    finally:
        os.close(source)
    assert answer.getvalue() == b""


@pytest.mark.parametrize("fmt", ["jpg", "png", "webp", "avif", "gif", "tiff"])
def test_flipped_bits_give_a_picture_or_an_error_of_ours(fmt: str) -> None:
    content = encoded(noise(60, 40), fmt)
    step = max(1, len(content) // 60)
    for at in range(0, len(content), step):
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        try:
            probe(bytes(damaged), fmt)
            render(bytes(damaged), fmt, "w_20", "jpg")
        except RenditorError as error:
            assert error.status in {400, 415, 422}
            assert "/" not in error.detail.replace("w/", "")

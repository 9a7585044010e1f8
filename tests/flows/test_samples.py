"""The sample files, where they lie beside the project: real cameras, real encoders, real damage."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from tests.client import Client

PICTURES = {
    "Landscape_6.jpg": (600, 450),  # EXIF orientation 6
    "Portrait_5.jpg": (450, 600),  # EXIF orientation 5, a mirror image
    "Channel_digital_image_CMYK_color.jpg": (900, 600),
    "alpha-layer-1-fill.png": (2048, 1536),
    "sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif": (2048, 858),
    "rotating-squares.gif": (80, 80),
    "4.webp": (1024, 772),
    "gain-map.jpg": (3840, 2160),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(client: Client, shared_media: Path, name: str) -> None:
    response = client.upload(shared_media / "images" / name)
    assert response.status_code == 201, response.text
    asset = response.json()
    width, height = asset["width"], asset["height"]
    if name in PICTURES and name != "Channel_digital_image_CMYK_color.jpg":
        assert (width, height) == PICTURES[name]
    made = pyvips.Image.new_from_buffer(client.get(asset["url"].replace("/upload/", "/upload/w_64,f_png/")).content, "")
    assert (made.width, made.height) == (64, max(1, round(64 * height / width)))
    assert made.interpretation == "srgb"
    assert made.hasalpha() == (name in ("alpha-layer-1-fill.png", "rotating-squares.gif"))


def test_the_cmyk_photo_has_its_colours(client: Client, shared_media: Path) -> None:
    """Grass is green and the sky is bright: a CMYK file read without its profile comes out inverted or brown."""
    asset = client.upload(shared_media / "images" / "Channel_digital_image_CMYK_color.jpg").json()
    made = pyvips.Image.new_from_buffer(
        client.get(asset["url"].replace("/upload/", "/upload/w_200,f_png/")).content, ""
    )
    red, green, blue = (band.avg() for band in made.crop(0, made.height // 2, 80, made.height // 4).bandsplit())
    assert green > red > blue


@pytest.mark.parametrize(
    ("name", "size", "seconds", "streams"),
    [
        ("bigbuckbunny.mp4", (1280, 720), 5.312, ["720p", "480p", "360p"]),
        ("exo_h265_with_metadata_track.mp4", (1080, 1920), 0.1, ["1080p", "720p", "480p", "360p"]),  # a phone, upright
        ("exo_sample_with_colr_mdcv_and_clli.mp4", (1920, 1080), 1.022, ["1080p", "720p", "480p", "360p"]),  # HDR
        ("ffm_testvideo-43.avi", (1024, 768), 2.0, ["720p", "480p", "360p"]),
    ],
)
def test_films(
    client: Client, shared_media: Path, name: str, size: tuple[int, int], seconds: float, streams: list[str]
) -> None:
    asset = client.done(client.upload(shared_media / name).json()["id"])
    assert asset["status"] == "completed", asset["error"]
    assert (asset["width"], asset["height"]) == size
    assert asset["duration"] == pytest.approx(seconds, abs=0.01)
    master = client.get(asset["hls_url"]).text
    assert [rung for rung in ("1080p", "720p", "480p", "360p") if f"/{rung}/" in master] == streams
    poster = pyvips.Image.new_from_buffer(client.get(asset["poster_url"]).content, "")
    assert poster.width / poster.height == pytest.approx(size[0] / size[1], rel=0.01)
    assert 15 < poster.avg() < 240


@pytest.mark.parametrize(
    "name", ["exo_bear_with_picture.flac", "exo_bear.opus", "tc_sine_mono_s16.wav", "exo_sample.eac3"]
)
def test_songs(client: Client, shared_media: Path, name: str) -> None:
    asset = client.done(client.upload(shared_media / name).json()["id"])
    assert (asset["media_type"], asset["status"]) == ("audio", "completed"), asset["error"]
    for item in asset["renditions"]:
        assert item["duration"] == pytest.approx(asset["duration"], abs=0.05)

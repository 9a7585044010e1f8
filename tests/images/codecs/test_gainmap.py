"""Ultra HDR: the gain map follows the picture through JPEG to JPEG, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from renditor.images.codecs.gainmap import GainMap, attached
from tests.images.pictures import Made, encoded, probe, quadrants, render

BOOST = [8.0, 8.0, 8.0]
SCALE = 4  # px of the picture for one of the map


def ultra_hdr(width: int = 400, height: int = 240, orientation: int = 1) -> bytes:
    """A picture of four colours with a gain map whose top left quarter is bright, the rest dark."""
    numbers = pyvips.GValue.array_double_type
    fields = {
        "gainmap-max-content-boost": (numbers, BOOST),
        "gainmap-min-content-boost": (numbers, [1.0] * 3),
        "gainmap-gamma": (numbers, [1.0] * 3),
        "gainmap-offset-sdr": (numbers, [0.0] * 3),
        "gainmap-offset-hdr": (numbers, [0.0] * 3),
        "gainmap-hdr-capacity-min": (pyvips.GValue.gdouble_type, 1.0),
        "gainmap-hdr-capacity-max": (pyvips.GValue.gdouble_type, 8.0),
        "gainmap-use-base-cg": (pyvips.GValue.gint_type, 1),
    }
    dark = pyvips.Image.black(width // SCALE, height // SCALE).cast("uchar")
    bright = (pyvips.Image.black(width // SCALE // 2, height // SCALE // 2) + 240).cast("uchar")
    shown = dark.insert(bright, 0, 0).copy(interpretation="b-w").copy_memory()
    picture = attached(quadrants(width, height), shown, GainMap(shown, fields))
    if orientation != 1:
        picture.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    content: bytes = picture.jpegsave_buffer(Q=90, keep="gainmap" if orientation == 1 else "gainmap:exif")
    return content


def read_back(made: Made) -> pyvips.Image:
    """The gain map of a result. Fails where it has none."""
    result = pyvips.Image.uhdrload_buffer(made.content)
    assert (result.width, result.height) == (made.image.width, made.image.height)
    assert result.get("gainmap-max-content-boost") == pytest.approx(BOOST, rel=0.01)
    return pyvips.Image.jpegload_buffer(result.get("gainmap-data")).copy_memory()


def bright_share(shown: pyvips.Image) -> float:
    return float((shown[0] > 128).avg()) / 255


def has_map(content: bytes) -> bool:
    try:
        pyvips.Image.uhdrload_buffer(content)
    except pyvips.Error:
        return False
    return True


def test_the_probe_says_so() -> None:
    assert probe(ultra_hdr(), "jpg")["has_gain_map"] is True
    assert probe(encoded(quadrants(40, 30), "jpg"), "jpg")["has_gain_map"] is False


@pytest.mark.parametrize(
    ("transformation", "share"),
    [
        ("", 0.25),
        ("w_200", 0.25),
        ("c_crop,g_north_west,h_120,w_200", 1.0),
        ("c_crop,g_south_east,h_120,w_200", 0.0),
        ("c_fill,g_west,h_120,w_100", 0.5),
        ("c_crop,g_north_west,h_120,w_200/w_0.5", 1.0),
        ("c_fill,h_100,w_100/c_crop,g_north_west,h_50,w_50", 1.0),
    ],
)
def test_the_map_is_cut_like_the_picture(transformation: str, share: float) -> None:
    shown = read_back(render(ultra_hdr(), "jpg", transformation, "jpg"))
    assert bright_share(shown) == pytest.approx(share, abs=0.06)


def test_the_map_keeps_the_proportions_of_the_picture() -> None:
    made = render(ultra_hdr(), "jpg", "c_fill,h_60,w_200", "jpg")
    shown = read_back(made)
    assert shown.width / shown.height == pytest.approx(made.image.width / made.image.height, rel=0.1)
    assert shown.width <= made.image.width


def test_a_turned_picture_has_a_turned_map() -> None:
    """EXIF 6: what is stored at the top left is shown at the top right."""
    made = render(ultra_hdr(orientation=6), "jpg", "w_120", "jpg")
    assert (made.image.width, made.image.height) == (120, 200)
    shown = read_back(made)
    assert shown.height > shown.width
    corner = shown.crop(shown.width * 3 // 4, 0, shown.width // 4, shown.height // 4)
    assert corner.avg() > 200
    assert shown.crop(0, 0, shown.width // 4, shown.height // 4).avg() < 40


@pytest.mark.parametrize(
    "transformation",
    ["e_grayscale", "a_90", "bo_4px_solid_red", "c_pad,h_300,w_300", "o_50", "r_20", "e_blur:300/w_100"],
)
def test_other_pixels_need_another_map(transformation: str) -> None:
    assert not has_map(render(ultra_hdr(), "jpg", transformation, "jpg").content)


@pytest.mark.parametrize("output", ["png", "webp", "avif", "tiff"])
def test_other_formats_show_the_base_picture(output: str) -> None:
    made = render(ultra_hdr(), "jpg", "w_100", output)
    assert b"hdr-gain-map" not in made.content
    assert made.image.width == 100


def test_a_damaged_map_leaves_the_picture(tmp_path: Path) -> None:
    content = ultra_hdr()
    second = content.rindex(b"\xff\xd8\xff")
    made = render(content[: second + 40], "jpg", "w_100", "jpg")
    assert made.image.width == 100
    assert not has_map(made.content)


def test_the_sample(shared_media: Path) -> None:
    made = render(shared_media / "images" / "gain-map.jpg", "jpg", "w_800", "jpg")
    result = pyvips.Image.uhdrload_buffer(made.content)
    assert (result.width, result.height) == (800, 450)
    assert result.get("gainmap-hdr-capacity-max") == pytest.approx(100, rel=0.01)

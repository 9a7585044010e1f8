"""HEIC, BMP and ICO: read as what they show, whatever their variant."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import pillow_heif
import pytest
import pyvips

from renditor.errors import CorruptMedia, LimitExceeded, UnsupportedMedia
from renditor.images.settings import ImageSettings
from tests.images.pictures import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Made,
    adapted,
    encoded,
    near,
    plain,
    png_claiming,
    probe,
    quadrants,
    render,
)

CORNERS = (((0.1, 0.1), RED), ((0.9, 0.1), GREEN), ((0.1, 0.9), BLUE), ((0.9, 0.9), YELLOW))


def shows_quadrants(made: Made, tolerance: int = 12) -> None:
    for (x, y), colour in CORNERS:
        assert near(made.at(x, y)[:3], colour, tolerance), (x, y)


@pytest.mark.parametrize("fmt", ["heic", "bmp", "ico"])
@pytest.mark.parametrize("output", ["png", "jpg", "webp", "avif", "gif", "tiff"])
def test_colours_and_size(fmt: str, output: str) -> None:
    content = adapted(quadrants(200, 120), fmt, **({"sizes": [(200, 120)]} if fmt == "ico" else {}))
    info = probe(content, fmt)
    assert (info["width"], info["height"], info["bit_depth"], info["pages"]) == (200, 120, 8, 1)
    made = render(content, fmt, "w_100", output)
    assert (made.image.width, made.image.height) == (100, 60)
    shows_quadrants(made, 40 if output == "gif" else 12)


@pytest.mark.parametrize("fmt", ["heic", "ico"])
def test_alpha_stays(fmt: str) -> None:
    half = plain(64, 64, (*RED, 255)).insert(plain(32, 64, (*RED, 0)), 0, 0)
    content = adapted(half, fmt, **({"quality": -1, "chroma": 444} if fmt == "heic" else {}))
    assert probe(content, fmt)["has_alpha"] is True
    made = render(content, fmt)
    assert made.at(0.1, 0.5)[3] < 10
    assert near(made.at(0.9, 0.5), (*RED, 255), 12)


def test_grey_pictures() -> None:
    for fmt in ("heic", "bmp"):
        assert near(render(adapted(plain(40, 30, (90,)), fmt), fmt, "w_20").at(0.5, 0.5)[:1], (90,), 3)


def turned_heic(orientation: int) -> bytes:
    """What pillow-heif writes for an EXIF orientation: turns of the container, and the EXIF tag as well."""
    exif = pyvips.Image.black(8, 8, bands=3).copy(interpretation="srgb")
    exif.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    blob = exif.jpegsave_buffer(keep="exif")
    start = blob.index(b"Exif\x00\x00")
    size = struct.unpack(">H", blob[start - 2 : start])[0]
    return adapted(quadrants(200, 120), "heic", exif=blob[start : start + size - 2])


@pytest.mark.parametrize(
    ("orientation", "size", "first"),
    [
        (1, (200, 120), RED),
        (2, (200, 120), GREEN),
        (3, (200, 120), YELLOW),
        (6, (120, 200), BLUE),
        (8, (120, 200), GREEN),
    ],
)
def test_a_turned_heic_is_turned_once(orientation: int, size: tuple[int, int], first: tuple[int, ...]) -> None:
    content = turned_heic(orientation)
    info = probe(content, "heic")
    assert (info["width"], info["height"], info["orientation"]) == (*size, 1)
    made = render(content, "heic")
    assert (made.image.width, made.image.height) == size
    assert near(made.at(0.1, 0.1), first, 12)


def test_the_primary_picture_of_several() -> None:
    file = pillow_heif.HeifFile()
    for colour in (RED, GREEN, BLUE):
        file.add_frombytes("RGB", (64, 64), plain(64, 64, colour).write_to_memory())
    written = io.BytesIO()
    file.save(written, primary_index=1)
    assert near(render(written.getvalue(), "heic").at(0.5, 0.5), GREEN, 12)
    assert probe(written.getvalue(), "heic")["pages"] == 1


def test_a_heic_of_ten_bits_and_a_profile() -> None:
    wide = plain(64, 64, RED).icc_transform("p3", input_profile="srgb")
    profile = bytes(wide.get("icc-profile-data"))
    pixels = (wide.cast("ushort") << 8).cast("ushort")
    picture = pillow_heif.from_bytes("RGB;16", (64, 64), pixels.write_to_memory())
    written = io.BytesIO()
    picture.save(written, quality=95, icc_profile=profile, chroma=444)
    info = probe(written.getvalue(), "heic")
    assert (info["bit_depth"], info["colour_space"], info["has_icc"]) == (16, "rgb16", True)
    assert near(render(written.getvalue(), "heic").at(0.5, 0.5), RED, 6)


def test_the_sample_heic(shared_media: Path) -> None:
    path = shared_media / "images" / "made_from_photo.heic"
    info = probe(path, "heic")
    assert (info["width"], info["height"]) == (1600, 1306)
    assert render(path, "heic", "w_400", "jpg").image.height in {326, 327}


def bmp(width: int, height: int, bits: int, pixels: bytes, *, palette: bytes = b"", compression: int = 0) -> bytes:
    header = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(pixels), 0, 0, len(palette) // 4, 0
    )
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + palette + pixels


PALETTE = bytes([30, 30, 220, 0, 200, 60, 30, 0])  # BGRX: RED, BLUE


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (bmp(2, 1, 24, bytes([30, 30, 220, 200, 60, 30, 0, 0])), (RED, BLUE)),
        (bmp(2, -1, 24, bytes([30, 30, 220, 200, 60, 30, 0, 0])), (RED, BLUE)),
        (bmp(2, 1, 32, bytes([30, 30, 220, 0, 200, 60, 30, 0])), (RED, BLUE)),
        (bmp(2, 1, 8, bytes([0, 1, 0, 0]), palette=PALETTE), (RED, BLUE)),
        (bmp(2, 1, 4, bytes([0x01, 0, 0, 0]), palette=PALETTE), (RED, BLUE)),
        (bmp(2, 1, 1, bytes([0x40, 0, 0, 0]), palette=PALETTE), (RED, BLUE)),
        (bmp(2, 1, 8, bytes([1, 0, 1, 1, 0, 1]), palette=PALETTE, compression=1), (RED, BLUE)),
        (bmp(2, 1, 4, bytes([2, 0x01, 0, 1]), palette=PALETTE, compression=2), (RED, BLUE)),
        (bmp(2, 1, 16, struct.pack("<HH", 27 << 10 | 3 << 5 | 3, 3 << 10 | 7 << 5 | 25)), (RED, BLUE)),
    ],
    ids=["24", "top down", "32 without alpha", "8", "4", "1", "rle8", "rle4", "16"],
)
def test_variants_of_bmp(content: bytes, expected: tuple[tuple[int, ...], ...]) -> None:
    image = render(content, "bmp").image
    assert (image.width, image.height) == (2, 1)
    for x, colour in enumerate(expected):
        assert near(tuple(round(value) for value in image(x, 0))[:3], colour, 8)


def test_a_bmp_with_alpha() -> None:
    """Only the fourth version of the header can say that the fourth byte means something."""
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, 8, 0, 0, 0, 0) + masks + bytes(52)
    pixels = bytes([30, 30, 220, 0, 200, 60, 30, 255])
    content = b"BM" + struct.pack("<IHHI", 14 + len(header) + 8, 0, 0, 14 + len(header)) + header + pixels
    assert probe(content, "bmp")["has_alpha"] is True
    made = render(content, "bmp")
    assert (made.at(0, 0)[3], made.at(0.9, 0)) == (0, (*BLUE, 255))


def test_a_compression_that_is_not_read() -> None:
    with pytest.raises(UnsupportedMedia):
        probe(bmp(5, 5, 24, bytes(300), compression=9), "bmp")


def ico(*entries: tuple[int, int, bytes]) -> bytes:
    """``entries``: the side and depth that the directory gives, and the payload."""
    directory, offset = b"", 6 + 16 * len(entries)
    for side, bits, payload in entries:
        directory += struct.pack("<BBBBHHII", side % 256, side % 256, 0, 0, 1, bits, len(payload), offset)
        offset += len(payload)
    return struct.pack("<HHH", 0, 1, len(entries)) + directory + b"".join(payload for _, _, payload in entries)


def dib(side: int, colour: tuple[int, ...], bits: int = 32) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, side, side * 2, 1, bits, 0, 0, 0, 0, 0, 0)
    red, green, blue = colour
    pixel = bytes([blue, green, red, 255])[: bits // 8]
    row = pixel * side
    mask = bytes((side + 31) // 32 * 4 * side)
    return header + (row + bytes(-len(row) % 4)) * side + mask


@pytest.mark.parametrize("bits", [24, 32])
def test_the_largest_entry_of_an_icon(bits: int) -> None:
    content = ico((16, bits, dib(16, RED, bits)), (48, bits, dib(48, GREEN, bits)), (32, bits, dib(32, BLUE, bits)))
    assert probe(content, "ico")["width"] == 48
    assert near(render(content, "ico").at(0.5, 0.5), (*GREEN, 255))


def test_an_icon_of_png_whose_directory_is_wrong() -> None:
    """One byte per side cannot say 512; what the entry itself says counts."""
    large = encoded(plain(512, 512, (*GREEN, 255)), "png")
    content = ico((64, 32, dib(64, RED)), (0, 32, large), (16, 32, dib(16, BLUE)))
    assert probe(content, "ico")["width"] == 512
    assert near(render(content, "ico", "w_64").at(0.5, 0.5), (*GREEN, 255))


@pytest.mark.parametrize(
    ("content", "fmt"),
    [
        (bmp(60_000, 60_000, 24, bytes(64)), "bmp"),
        (ico((16, 32, png_claiming(60_000, 60_000))), "ico"),
        (ico((16, 32, dib(16, RED)[:4] + struct.pack("<ii", 60_000, 120_000) + dib(16, RED)[12:])), "ico"),
    ],
    ids=["bmp", "ico with png", "ico with dib"],
)
def test_headers_that_claim_too_much_are_refused_unread(content: bytes, fmt: str) -> None:
    with pytest.raises(LimitExceeded):
        probe(content, fmt)


def test_limits_of_each_format() -> None:
    for fmt in ("heic", "bmp", "ico"):
        settings = ImageSettings.model_validate({"max_pixels": {fmt: 99}})
        with pytest.raises(LimitExceeded, match=f"the limit for {fmt}"):
            probe(adapted(quadrants(16, 16), fmt), fmt, settings)


@pytest.mark.parametrize(
    ("content", "fmt"),
    [
        (bmp(100, 100, 24, bytes(300)), "bmp"),
        (bmp(0, 5, 24, bytes(300)), "bmp"),
        (bmp(5, 0, 24, bytes(300)), "bmp"),
        (b"BM", "bmp"),
        (ico((16, 32, dib(16, RED)))[:-600], "ico"),
        (ico((16, 32, b"")), "ico"),
        (ico((16, 32, dib(16, RED)[:50])), "ico"),
        (struct.pack("<HHH", 0, 1, 65_535), "ico"),
        (struct.pack("<HHH", 0, 1, 0), "ico"),
        (b"", "ico"),
        (b"", "heic"),
    ],
)
def test_damage_is_named(content: bytes, fmt: str) -> None:
    with pytest.raises((CorruptMedia, LimitExceeded)):
        probe(content, fmt)


WITHOUT = """
import sys
sys.modules["pillow_heif"] = None
from renditor.images.codecs import adapters, loading
adapters.warm_up()
print(sorted(adapters.ADAPTERS))
try:
    loading.read_header(0, "heic")
except Exception as error:
    print(error)
"""


def test_without_pillow_heif_only_heic_is_missing() -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, timeout=30)
    assert run.stdout.splitlines() == ["['bmp', 'ico']", "Pictures in the format heic are not read here"]

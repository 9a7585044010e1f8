"""Files made to hurt, against real sealed decoders: each is refused clearly and soon, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import functools
import gzip
import os
import signal
import struct
import zlib
from pathlib import Path

import psutil
import pytest

from renditor.content.sniff import declares_svg, sniff
from renditor.errors import CorruptMedia, LimitExceeded, Overloaded, RenditorError, UnsupportedMedia
from renditor.images.base import Rendered, Source
from renditor.images.libvips import LibvipsImages
from renditor.transformation import parse
from tests.images.conftest import MakeImages
from tests.images.pictures import (
    RED,
    adapted,
    animation,
    avif_claiming,
    decoded,
    encoded,
    gif_of,
    near,
    noise,
    plain,
    png_chunk,
    png_claiming,
    quadrants,
)
from tests.images.test_libvips import decoder_process

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {}>{}</svg>'
MIB = 1024**2


def interlaced_png(side: int) -> bytes:
    """840 KB that need side x side x 3 bytes at once: interlaced files cannot be read in strips."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 1)
    passes = ((8, 8), (8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2))
    packer, body = zlib.compressobj(9), b""
    for across, down in passes:
        body += packer.compress(bytes((3 * (side // across) + 1) * (side // down)))
    body += packer.flush()
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    content = bytearray(encoded(plain(16, 16, RED), "jpg"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_claiming(width: int, height: int) -> bytes:
    content = bytearray(encoded(plain(16, 16, RED), "webp", lossless=True))
    at = content.index(b"VP8L") + 9
    content[at : at + 4] = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return bytes(content)


def tiff_claiming(width: int, height: int) -> bytes:
    entries = ((256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (279, 4, 16))
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\x00" + struct.pack("<IH", 8, len(entries)) + body + bytes(20)


def heic_claiming(width: int, height: int) -> bytes:
    content = bytearray(adapted(plain(64, 64, RED), "heic"))
    at = content.index(b"ispe") + 8
    content[at : at + 8] = struct.pack(">II", width, height)
    return bytes(content)


def bmp_claiming(width: int, height: int, compression: int = 0) -> bytes:
    header = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, 24 if not compression else 8, compression, 64, 0, 0, 0, 0
    )
    return b"BM" + struct.pack("<IHHI", 118, 0, 0, 54) + header + bytes(64)


def ico_claiming(payload: bytes) -> bytes:
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(payload), 22) + payload


def nested_use() -> bytes:
    """100 000 000 rectangles in 1 KB."""
    levels = '<g id="a0"><rect width="1" height="1"/></g>'
    for level in range(1, 9):
        levels += f'<g id="a{level}">' + f'<use xlink:href="#a{level - 1}"/>' * 10 + "</g>"
    return SVG.format('width="100" height="100"', f'<defs>{levels}</defs><use xlink:href="#a8"/>').encode()


def filters() -> bytes:
    steps = '<feTurbulence baseFrequency="0.01" numOctaves="100"/><feGaussianBlur stdDeviation="100"/>' * 200
    drawn = f'<filter id="f">{steps}</filter><rect width="1000" height="1000" filter="url(#f)"/>'
    return SVG.format('width="1000" height="1000"', drawn).encode()


@functools.cache
def pixel_bombs() -> dict[str, tuple[bytes, str]]:
    """Content and format by name. Made when asked for: they take seconds."""
    return {
        "jpeg": (jpeg_claiming(65_500, 65_500), "jpg"),
        "png": (png_claiming(65_536, 65_536), "png"),
        "png, wide": (png_claiming(1_000_000, 1000), "png"),
        "png, interlaced": (interlaced_png(12_000), "png"),
        "webp": (webp_claiming(16_383, 16_383), "webp"),
        "avif": (avif_claiming(12_000, 12_000), "avif"),
        "avif that lies": (avif_claiming(64, 64, encoded(plain(1200, 1200, RED), "avif")), "avif"),
        "tiff": (tiff_claiming(100_000, 100_000), "tiff"),
        "heic": (heic_claiming(12_000, 12_000), "heic"),
        "bmp": (bmp_claiming(60_000, 60_000), "bmp"),
        "bmp, run lengths": (bmp_claiming(60_000, 60_000, 1), "bmp"),
        "ico of a png": (ico_claiming(png_claiming(60_000, 60_000)), "ico"),
        "gif": (gif_of(1, 65_535, 65_535), "gif"),
        "gif of many frames": (gif_of(100_000), "gif"),
        "gif of large frames": (gif_of(900, 7000, 7000), "gif"),
        "svg": (SVG.format('width="100000" height="100000"', "<rect/>").encode(), "svg"),
    }  # fmt: skip


def state(process: psutil.Process) -> tuple[int, int]:
    return process.num_fds(), process.memory_info().rss


async def refused(images: LibvipsImages, path: Path, fmt: str) -> RenditorError:
    """The error that both a probe and a render end in; it names no path."""
    with pytest.raises(RenditorError) as probed:
        await images.probe(path, fmt)
    with pytest.raises(RenditorError) as rendered:
        await images.render(Source(path, fmt), parse("w_100"), "jpg")
    for error in (probed.value, rendered.value):
        assert 400 <= error.status < 500
        assert str(path) not in error.detail
    return probed.value


async def still_works(images: LibvipsImages, folder: Path) -> None:
    good = folder / "good"
    good.write_bytes(encoded(quadrants(64, 48), "png"))
    assert (await images.probe(good, "png")).width == 64


async def test_pixel_bombs_leave_no_trace(make_images: MakeImages, tmp_path: Path) -> None:
    """All of them through one decoder: it lives on, with the memory and the descriptors it had."""
    images = make_images(svg=True)
    await still_works(images, tmp_path)
    process = decoder_process()
    descriptors, memory = state(process)
    for name, (content, fmt) in pixel_bombs().items():
        path = tmp_path / "bomb"
        path.write_bytes(content)
        assert isinstance(await refused(images, path, fmt), LimitExceeded | CorruptMedia), name
    await still_works(images, tmp_path)
    assert decoder_process().pid == process.pid
    after_descriptors, after_memory = state(process)
    assert after_descriptors == descriptors
    assert after_memory < memory + 64 * MIB


@pytest.mark.parametrize("bomb", [nested_use(), filters()], ids=["use", "filters"])
async def test_drawings_that_take_for_ever(make_images: MakeImages, tmp_path: Path, bomb: bytes) -> None:
    images = make_images(svg=True, svg_seconds=0.5)
    path = tmp_path / "bomb"
    path.write_bytes(bomb)
    with pytest.raises(LimitExceeded, match="processor time"):
        await images.probe(path, "svg")
    await still_works(images, tmp_path)


REFUSED_DRAWINGS = {
    "entities": '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
    + SVG.format('width="9" height="9"', "<text>&i;</text>"),
    "external entity": '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    + SVG.format('width="9" height="9"', "<text>&x;</text>"),
    "depth": SVG.format('width="9" height="9"', "<g>" * 100_000 + "</g>" * 100_000),
    "no end": SVG.format('width="9" height="9"', "<rect")[:-6],
    "no numbers": SVG.format('width="1e30" height="1"', "<rect/>"),
}


@pytest.mark.parametrize("name", REFUSED_DRAWINGS)
async def test_drawings_that_are_refused(make_images: MakeImages, tmp_path: Path, name: str) -> None:
    images = make_images(svg=True)
    path = tmp_path / "drawing"
    path.write_text(REFUSED_DRAWINGS[name])
    assert (await refused(images, path, "svg")).status == 422


async def test_a_drawing_reaches_no_file_and_no_network(make_images: MakeImages, tmp_path: Path) -> None:
    images = make_images(svg=True)
    secret, drawing = tmp_path / "secret.png", tmp_path / "drawing.svg"
    secret.write_bytes(encoded(plain(20, 20, RED), "png"))
    links = (str(secret), secret.as_uri(), "secret.png", "http://127.0.0.1:9/x.png")
    drawn = "".join(f'<image xlink:href="{link}" width="20" height="20"/>' for link in links)
    drawing.write_text(SVG.format('width="20" height="20"', drawn))
    made = await images.render(Source(drawing, "svg"), parse(""), "png")
    assert isinstance(made, Rendered)
    assert decoded(made.content, "png")[3].max() == 0


async def test_svg_is_refused_by_default_and_never_delivered(images: LibvipsImages, tmp_path: Path) -> None:
    path = tmp_path / "drawing.svg"
    path.write_text(SVG.format('width="9" height="9"', '<script>alert(1)</script><rect width="9" height="9"/>'))
    error = await refused(images, path, "svg")
    assert (error.status, "images.svg" in (error.hint or "")) == (415, True)
    assert not declares_svg("drawing.png", "image/png")


def test_compressed_svg_is_no_svg() -> None:
    """1 MB of gzip can hold 1 GB of spaces; libvips would unpack SVGZ by itself."""
    with pytest.raises(UnsupportedMedia):
        sniff(gzip.compress(SVG.format('width="9" height="9"', "<rect/>").encode()))


def of_every_format() -> dict[str, bytes]:
    picture = noise(96, 64)
    return {
        **{fmt: encoded(picture, fmt) for fmt in ("jpg", "png", "webp", "avif", "gif", "tiff")},
        **{fmt: adapted(picture, fmt) for fmt in ("heic", "bmp", "ico")},
        "gif, animated": animation([RED, (0, 0, 0)], 40, 30, "gif"),
        "webp, animated": animation([RED, (0, 0, 0)], 40, 30, "webp"),
        "svg": SVG.format('width="9" height="9"', '<rect width="9" height="9"/>').encode(),
    }


async def test_truncated_files(make_images: MakeImages, tmp_path: Path) -> None:
    images = make_images(svg=True)
    path = tmp_path / "stump"
    for name, content in of_every_format().items():
        for share in (0.02, 0.3, 0.8):
            path.write_bytes(content[: int(len(content) * share)])
            with pytest.raises(RenditorError) as error:
                await images.probe(path, name.partition(",")[0])
            assert error.value.status in {415, 422}, (name, share)
    await still_works(images, tmp_path)


async def test_the_format_of_libvips_itself_is_no_format(images: LibvipsImages, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    quadrants(30, 20).write_to_file(str(tmp_path / "a.v"))
    path.write_bytes((tmp_path / "a.v").read_bytes())
    with pytest.raises(UnsupportedMedia):
        sniff(path.read_bytes())
    for fmt in ("jpg", "png", "tiff", "heic", "bmp", "ico", "v", "raw", "csv"):
        assert (await refused(images, path, fmt)).status in {415, 422}


@pytest.mark.parametrize(
    ("fmt", "tail"),
    [
        ("jpg", b"PK\x03\x04 a zip behind a picture PK\x05\x06" + bytes(18)),
        ("png", b"<html><script>alert(1)</script></html>"),
        ("gif", b"=1;alert(1)//"),
        ("webp", b"<?php system($_GET['c']); ?>"),
    ],
)
async def test_of_a_polyglot_only_the_picture_is_left(
    images: LibvipsImages, tmp_path: Path, fmt: str, tail: bytes
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(encoded(quadrants(40, 30), fmt) + tail)
    for output in ("jpg", "png", "webp", "gif", "avif", "tiff"):
        made = await images.render(Source(path, fmt), parse(""), output)
        assert isinstance(made, Rendered)
        assert tail[:12] not in made.content
        assert sniff(made.content).format == output


async def test_names_are_no_options(images: LibvipsImages, tmp_path: Path) -> None:
    """libvips reads "[n=-1]" at the end of a name as options; no name ever reaches it."""
    for name in ("x.gif[n=-1]", "x.gif[unlimited]", "x.jpg[shrink=8]", "-x.gif", "x\n.gif", "%s%n.gif"):
        path = tmp_path / name
        path.write_bytes(animation([RED, (0, 0, 0)], 40, 30, "gif"))
        info = await images.probe(path, "gif")
        assert (info.width, info.height, info.pages) == (40, 30, 2)
        made = await images.render(Source(path, "gif"), parse(""), "png")
        assert isinstance(made, Rendered)
        assert near(tuple(decoded(made.content, "png")(5, 5))[:3], RED)


async def test_a_decoder_killed_in_the_middle(images: LibvipsImages, tmp_path: Path) -> None:
    """The request that lost it gets 503; the next one gets its picture from another decoder."""
    slow, good = tmp_path / "slow", tmp_path / "good"
    slow.write_bytes(encoded(noise(2000, 1500), "png", compression=1))
    good.write_bytes(encoded(quadrants(64, 48), "png"))
    await images.probe(good, "png")
    process = decoder_process()
    job = asyncio.create_task(images.render(Source(slow, "png"), parse(""), "gif"))
    before = process.cpu_times().user
    while process.cpu_times().user < before + 0.05:  # noqa: ASYNC110 - the work of another process gives no event
        await asyncio.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(Overloaded):
        await job
    assert (await images.probe(good, "png")).width == 64
    assert decoder_process().pid != process.pid


def test_every_bomb_is_small() -> None:
    """Or these tests would show what a large file does."""
    assert all(len(content) < 3 * MIB for content, _ in pixel_bombs().values())

"""Pictures made by the tests, and the decoder's handler called in this process."""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pillow_heif
import pyvips
from PIL import Image as PillowImage

from renditor.images.decoder import handle
from renditor.images.insight import NOTHING_KNOWN, Insight
from renditor.images.settings import ImageSettings

Pixel = tuple[int, ...]

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 40), (30, 60, 200), (230, 210, 40)
SAVERS = {
    "jpg": "jpegsave_buffer",
    "png": "pngsave_buffer",
    "webp": "webpsave_buffer",
    "avif": "heifsave_buffer",
    "gif": "gifsave_buffer",
    "tiff": "tiffsave_buffer",
}
LOADERS = {
    "jpg": "jpegload_buffer",
    "png": "pngload_buffer",
    "webp": "webpload_buffer",
    "avif": "heifload_buffer",
    "gif": "gifload_buffer",
    "tiff": "tiffload_buffer",
}


def plain(width: int, height: int, colour: Pixel) -> pyvips.Image:
    """One colour; four numbers give an alpha band."""
    return pyvips.Image.black(width, height).new_from_image(list(colour)).cast("uchar").copy(interpretation="srgb")


def quadrants(width: int, height: int) -> pyvips.Image:
    """Red, green above blue, yellow: every corner tells where it came from."""
    wide, high = width - width // 2, height - height // 2
    top = plain(width // 2, height // 2, RED).join(plain(wide, height // 2, GREEN), "horizontal")
    bottom = plain(width // 2, high, BLUE).join(plain(wide, high, YELLOW), "horizontal")
    return top.join(bottom, "vertical").copy_memory()


def noise(width: int, height: int) -> pyvips.Image:
    """Grain, so that encoders have something to do."""
    grain = pyvips.Image.gaussnoise(width, height, mean=128, sigma=30, seed=7)
    return grain.bandjoin([grain * 0.8, grain * 1.1]).cast("uchar").copy(interpretation="srgb")


def encoded(image: pyvips.Image, fmt: str, **options: Any) -> bytes:
    if fmt == "avif":
        options = {"compression": "av1", "effort": 0, **options}
    content: bytes = getattr(image, SAVERS[fmt])(**options)
    return content


def adapted(image: pyvips.Image, fmt: str, **options: Any) -> bytes:
    """A HEIC, BMP or ICO, by Pillow. ``options`` are those of its writers."""
    pillow_heif.register_heif_opener()
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[image.bands]
    picture = PillowImage.frombytes(mode, (image.width, image.height), image.write_to_memory())
    file = io.BytesIO()
    picture.save(file, "HEIF" if fmt == "heic" else fmt.upper(), **options)
    return file.getvalue()


def decoded(content: bytes, fmt: str, **options: Any) -> pyvips.Image:
    return getattr(pyvips.Image, LOADERS[fmt])(content, **options).copy_memory()


@dataclass
class Made:
    """What the handler answered, and the picture read back."""

    meta: dict[str, Any]
    content: bytes
    image: pyvips.Image

    def at(self, x: float, y: float) -> Pixel:
        """The pixel at a share of width and height."""
        across = min(int(x * self.image.width), self.image.width - 1)
        return pixel(self.image, across, min(int(y * self.image.height), self.image.height - 1))


def pixel(image: pyvips.Image, x: int, y: int) -> Pixel:
    return tuple(round(value) for value in image(x, y))


def near(one: Pixel, other: Pixel, tolerance: int = 6) -> bool:
    return len(one) == len(other) and all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def request(do: str, fmt: str, settings: ImageSettings | None = None, **more: Any) -> dict[str, Any]:
    settings = settings or ImageSettings()
    return {
        "do": do,
        "format": fmt,
        "bounds": asdict(settings.bounds()),
        "encoding": asdict(settings.encoding()),
        **more,
    }


def probe(content: bytes | Path, fmt: str, settings: ImageSettings | None = None) -> dict[str, Any]:
    source = _descriptor(content)
    try:
        return handle(request("probe", fmt, settings), source, io.BytesIO())
    finally:
        os.close(source)


def render(
    content: bytes | Path,
    fmt: str,
    transformation: str = "",
    output: str = "png",
    *,
    insight: Insight = NOTHING_KNOWN,
    **options: Any,
) -> Made:
    """``options`` are those of the loader that reads the result back."""
    source, answer = _descriptor(content), io.BytesIO()
    places = insight.to_json()
    try:
        wanted = request("render", fmt, transformation=transformation, output=output, insight=places)
        meta = handle(wanted, source, answer)
    finally:
        os.close(source)
    return Made(meta, answer.getvalue(), decoded(answer.getvalue(), output, **options))


def _descriptor(content: bytes | Path) -> int:
    if isinstance(content, Path):
        return os.open(content, os.O_RDONLY)
    source = os.memfd_create("source")
    os.write(source, content)
    return source


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims this size; a few bytes of it are there."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(3 * min(width, 65_536) + 1))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def avif_claiming(width: int, height: int, content: bytes | None = None) -> bytes:
    """An AVIF whose container claims this size, whatever its bitstream holds."""
    avif = bytearray(content or encoded(plain(64, 64, RED), "avif"))
    at = avif.index(b"ispe") + 8
    avif[at : at + 8] = struct.pack(">II", width, height)
    return bytes(avif)


def gif_of(frames: int, width: int = 1, height: int = 1) -> bytes:
    """A GIF of many frames that claim this size and hold one pixel each."""
    canvas = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    frame = (
        b"\x21\xf9\x04\x00\x02\x00\x00\x00"
        b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    )
    return canvas + frame * frames + b"\x3b"


def animation(colours: list[Pixel], width: int, height: int, fmt: str, delay: int = 120) -> bytes:
    """One frame per colour, ``delay`` ms each, played three times."""
    strip = pyvips.Image.arrayjoin([plain(width, height, colour) for colour in colours], across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", height)
    strip.set_type(pyvips.GValue.array_int_type, "delay", [delay] * len(colours))
    strip.set_type(pyvips.GValue.gint_type, "loop", 3)
    return encoded(strip, fmt, **({"lossless": True} if fmt == "webp" else {}))

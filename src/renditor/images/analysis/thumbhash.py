"""ThumbHash: a blurred picture with its proportions and its transparency in 20-30 bytes. Pure.

The public algorithm of Evan Wallace (https://evanw.github.io/thumbhash/), written anew; hashes are interchangeable with
every other implementation of it. Text form: base64.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from renditor.images.analysis.dct import cosines, low_frequencies

# px. The published limit is 100; frequencies up to 7 need no more than this, and it is Python that counts here.
MAX_SIDE = 32
_MOST_DETAIL, _DETAIL_BESIDE_ALPHA = 7, 5
_COLOUR_DETAIL, _ALPHA_DETAIL = 3, 5
_HEADER = 5  # bytes; one more with alpha
# Colours are stored with 4 bits: a little more contrast makes up for what that loses.
_COLOUR_GAIN = 1.25
# px, the long side of the placeholder: browsers smooth it, and its data URL stays under 1 KB.
_PLACEHOLDER_SIDE = 16

RGBA = tuple[float, float, float, float]


def encode(width: int, height: int, rgba: bytes) -> str:
    """The ThumbHash of a picture.

    Args:
        width: px, at most ``MAX_SIDE``.
        height: px, at most ``MAX_SIDE``.
        rgba: ``width`` x ``height`` x 4 bytes, colours not multiplied by alpha.

    Raises:
        ValueError: too large, or the number of bytes does not fit.
    """
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE and len(rgba) == 4 * width * height):
        raise ValueError("ThumbHash takes at most 32 x 32 px of RGBA")
    planes = _planes(rgba)
    has_alpha = min(rgba[3::4]) < 255
    detail = _DETAIL_BESIDE_ALPHA if has_alpha else _MOST_DETAIL
    across = max(1, _round(detail * width / max(width, height)))
    down = max(1, _round(detail * height / max(width, height)))
    size = (width, height)
    light = _Channel.of(planes[0], size, max(3, across), max(3, down))
    colours = [_Channel.of(plane, size, _COLOUR_DETAIL, _COLOUR_DETAIL) for plane in planes[1:3]]
    alpha = _Channel.of(planes[3], size, _ALPHA_DETAIL, _ALPHA_DETAIL) if has_alpha else None
    landscape = width > height
    first = (
        _round(63 * light.mean)
        | _round(31.5 + 31.5 * colours[0].mean) << 6
        | _round(31.5 + 31.5 * colours[1].mean) << 12
        | _round(31 * light.scale) << 18
        | has_alpha << 23
    )
    second = (
        (down if landscape else across)
        | _round(63 * colours[0].scale) << 3
        | _round(63 * colours[1].scale) << 9
        | landscape << 15
    )
    content = first.to_bytes(3, "little") + second.to_bytes(2, "little")
    if alpha:
        content += bytes([_round(15 * alpha.mean) | _round(15 * alpha.scale) << 4])
    waves = [value for channel in (light, *colours, *([alpha] if alpha else [])) for value in channel.waves]
    return base64.b64encode(content + _nibbles(waves)).decode()


def placeholder_data_url(thumbhash: str) -> str:
    """The blurred picture as a PNG in a ``data:`` URL, 16 px on its long side. Raises: ValueError: no ThumbHash."""
    width, height, rgba = decode(thumbhash, _PLACEHOLDER_SIDE)
    return "data:image/png;base64," + base64.b64encode(_png(width, height, rgba)).decode()


def decode(thumbhash: str, side: int) -> tuple[int, int, bytes]:
    """Width and height in px (the longer is ``side``) and the RGBA bytes of the blurred picture.

    Raises:
        ValueError: no ThumbHash.
    """
    picture = _Picture.read(thumbhash)
    width = max(1, _round(side * min(1.0, picture.ratio)))
    height = max(1, _round(side / max(1.0, picture.ratio)))
    channels = (picture.light, *picture.colours, picture.alpha)
    planes = [channel.drawn(width, height) for channel in channels]
    pixels = itertools.starmap(_rgba, zip(*planes, strict=True))
    return width, height, bytes(_byte(value) for pixel in pixels for value in pixel)


@dataclass(frozen=True, slots=True)
class _Channel:
    """One plane as mean and waves. ``waves`` are 0-1 around the mean when encoded, and signed sizes when decoded."""

    columns: int
    rows: int
    mean: float
    scale: float
    waves: tuple[float, ...]

    @classmethod
    def of(cls, plane: Sequence[float], size: tuple[int, int], columns: int, rows: int) -> _Channel:
        found = low_frequencies(plane, *size, columns=columns, rows=rows)
        pixels = size[0] * size[1]
        sizes = [found[row][column] / pixels for column, row in _places(columns, rows)]
        scale = max(map(abs, sizes), default=0.0)
        waves = tuple(0.5 + 0.5 / scale * value for value in sizes) if scale else tuple(sizes)
        return cls(columns, rows, found[0][0] / pixels, scale, waves)

    def drawn(self, width: int, height: int) -> list[float]:
        across, down = cosines(width, self.columns), cosines(height, self.rows)
        places = list(_places(self.columns, self.rows))
        plane = []
        for y in range(height):
            strengths = [2 * wave * down[row][y] for wave, (_, row) in zip(self.waves, places, strict=True)]
            for x in range(width):
                waves = (strength * across[column][x] for strength, (column, _) in zip(strengths, places, strict=True))
                plane.append(self.mean + sum(waves))
        return plane


@dataclass(frozen=True, slots=True)
class _Picture:
    """A ThumbHash, read. ``ratio``: width / height, about."""

    light: _Channel
    colours: tuple[_Channel, _Channel]
    alpha: _Channel
    ratio: float

    @classmethod
    def read(cls, thumbhash: str) -> _Picture:
        try:
            content = base64.b64decode(thumbhash, validate=True)
            first, second = int.from_bytes(content[:3], "little"), int.from_bytes(content[3:_HEADER], "little")
            has_alpha, landscape = first >> 23 & 1, second >> 15
            detail, other = (_DETAIL_BESIDE_ALPHA if has_alpha else _MOST_DETAIL), second & 7
            across, down = (detail, other) if landscape else (other, detail)
            packed = iter(_unpacked(content[_HEADER + has_alpha :]))
            alpha_byte = content[_HEADER] if has_alpha else 15  # opaque

            def channel(columns: int, rows: int, mean: float, scale: float) -> _Channel:
                waves = tuple((next(packed) / 7.5 - 1) * scale for _ in _places(columns, rows))
                return _Channel(columns, rows, mean, scale, waves)

            light = channel(max(3, across), max(3, down), (first & 63) / 63, (first >> 18 & 31) / 31)
            colours = tuple(
                channel(_COLOUR_DETAIL, _COLOUR_DETAIL, (first >> at & 63) / 31.5 - 1, gain * _COLOUR_GAIN / 63)
                for at, gain in ((6, second >> 3 & 63), (12, second >> 9 & 63))
            )
            rest = _ALPHA_DETAIL if has_alpha else 1
            alpha = channel(rest, rest, (alpha_byte & 15) / 15, (alpha_byte >> 4) / 15)
            return cls(light, (colours[0], colours[1]), alpha, across / down)
        except (
            binascii.Error,
            IndexError,
            RuntimeError,
            StopIteration,
            ZeroDivisionError,
            UnicodeEncodeError,
        ) as error:
            raise ValueError("not a ThumbHash") from error


def _planes(rgba: bytes) -> tuple[list[float], list[float], list[float], list[float]]:
    """Lightness, yellow-blue, red-green and alpha, 0-1. What is transparent takes the mean colour of the rest."""
    alpha = [value / 255 for value in rgba[3::4]]
    weight = sum(alpha) or 1.0
    colours = []
    for band in (rgba[0::4], rgba[1::4], rgba[2::4]):
        mean = sum(value * share for value, share in zip(band, alpha, strict=True)) / 255 / weight
        colours.append([mean * (1 - a) + a / 255 * value for value, a in zip(band, alpha, strict=True)])
    red, green, blue = colours
    light = [(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)]
    yellow = [(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)]
    return light, yellow, [r - g for r, g in zip(red, green, strict=True)], alpha


def _rgba(light: float, yellow: float, red_green: float, alpha: float) -> RGBA:
    blue = light - 2 / 3 * yellow
    red = (3 * light - blue + red_green) / 2
    return red, red - red_green, blue, alpha


def _places(columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """The frequencies that are kept: the corner below the diagonal, without the mean."""
    for row in range(rows):
        for column in range(columns):
            if (column or row) and column * rows < columns * (rows - row):
                yield column, row


def _nibbles(waves: Sequence[float]) -> bytes:
    values = [_round(15 * wave) for wave in waves]
    pairs = itertools.zip_longest(values[::2], values[1::2], fillvalue=0)
    return bytes(low | high << 4 for low, high in pairs)


def _unpacked(content: bytes) -> Iterator[int]:
    for value in content:
        yield value & 15
        yield value >> 4


def _round(value: float) -> int:
    return math.floor(value + 0.5)  # halves go up, as in the published code


def _byte(value: float) -> int:
    return _round(255 * min(1.0, max(0.0, value)))


def _png(width: int, height: int, rgba: bytes) -> bytes:
    """A PNG (RFC 2083) of RGBA bytes; each row as the difference to the one above: soft gradients become zeros."""
    stride = 4 * width
    above = bytes(stride)
    rows = []
    for start in range(0, height * stride, stride):
        row = rgba[start : start + stride]
        rows.append(b"\2" + bytes((new - old) & 255 for new, old in zip(row, above, strict=True)))
        above = row
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body

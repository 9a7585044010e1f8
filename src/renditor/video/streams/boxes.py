"""The boxes of the ISO base media file format (ISO/IEC 14496-12): finding them, in memory and in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

HEADER_BYTES: Final = 16
"""What must be read to know a box: size, type, and the size again if it is large."""


class Box(NamedTuple):
    """Type, and where it starts, its body starts and it ends, in bytes."""

    kind: str
    start: int
    body: int
    end: int


def read_header(header: bytes, start: int, end: int) -> Box:
    """The box at ``start`` of something that ends at ``end``, from its first 16 bytes.

    Raises:
        ValueError: it does not fit.
    """
    size, body = int.from_bytes(header[:4], "big"), start + 8
    if size == 1:
        size, body = int.from_bytes(header[8:16], "big"), start + 16
    elif size == 0:
        size = end - start
    if len(header) < 8 or start + size > end or body > start + size:
        raise ValueError("a box does not fit into its file")
    return Box(header[4:8].decode("latin-1"), start, body, start + size)


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes between two places of ``data``. Raises ValueError for one that does not fit."""
    end = len(data) if end is None else end
    while start < end:
        box = read_header(data[start : start + HEADER_BYTES], start, end)
        yield box
        start = box.end


def find(data: bytes, path: str, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """All boxes at a path such as ``moov/trak/mdia``. Raises ValueError for a damaged one on the way."""
    kind, _, rest = path.partition("/")
    for box in boxes(data, start, end):
        if box.kind == kind:
            if rest:
                yield from find(data, rest, box.body, box.end)
            else:
                yield box


def top_level(path: Path) -> list[str]:
    """The types of the boxes of a file, in order: ``ftyp``, ``moov``, ``mdat``, ... Raises ValueError if cut off."""
    kinds, place, size = [], 0, path.stat().st_size
    with path.open("rb") as file:
        while place < size:
            file.seek(place)
            box = read_header(file.read(HEADER_BYTES), place, size)
            kinds.append(box.kind)
            place = box.end
    return kinds

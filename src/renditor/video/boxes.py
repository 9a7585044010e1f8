"""Just enough of the ISO base media file format (ISO/IEC 14496-12) to check what was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_Box = tuple[str, int, int]  # type, where its body starts, where it ends


def top_level(path: Path) -> list[str]:
    """The types of the boxes of a file, in order: ``ftyp``, ``moov``, ``mdat``, ... Raises ValueError if cut off."""
    with path.open("rb") as file:
        return [kind for kind, _, _ in _boxes(file, 0, path.stat().st_size)]


def count_samples(path: Path) -> int:
    """Frames in a media segment: the sum over its track runs. Raises ValueError for a damaged one."""
    with path.open("rb") as file:
        fragments = _inside(file, [("", 0, path.stat().st_size)], "moof")
        runs = _inside(file, _inside(file, fragments, "traf"), "trun")
        return sum(_sample_count(file, body) for _, body, _ in runs)


def _inside(file: BinaryIO, boxes: list[_Box], kind: str) -> list[_Box]:
    return [box for _, body, end in boxes for box in _boxes(file, body, end) if box[0] == kind]


def _sample_count(file: BinaryIO, body: int) -> int:
    file.seek(body + 4)  # after version and flags
    return int.from_bytes(file.read(4), "big")


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    while start < end:
        file.seek(start)
        header = file.read(16)
        size, body = int.from_bytes(header[:4], "big"), start + 8
        if size == 1:
            size, body = int.from_bytes(header[8:16], "big"), start + 16
        elif size == 0:
            size = end - start
        if len(header) < 8 or start + size > end or body > start + size:
            raise ValueError("a box does not fit into its file")
        yield header[4:8].decode("latin-1"), body, start + size
        start += size

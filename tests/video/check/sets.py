"""Sets to check, and ways to break them."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from pathlib import Path

from renditor.video.check.checker import Report, check
from renditor.video.check.reading import FolderReader
from renditor.video.streams.boxes import Box, find

Break = Callable[[Path], object]


def look(folder: Path) -> Report:
    return asyncio.run(check(FolderReader(folder)))


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def edit(name: str, old: str, new: str, times: int = -1) -> Break:
    def apply(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        assert old in text, text
        path.write_text(text.replace(old, new, times))

    return apply


def append(name: str, text: str) -> Break:
    def apply(folder: Path) -> None:
        path = folder / name
        path.write_text(path.read_text() + text)

    return apply


def patch(name: str, path: str, change: Callable[[bytearray, Box], object], first: int = 0) -> Break:
    """Change boxes of a file: those at ``path``, from the one of that number on."""

    def apply(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        boxes = list(find(bytes(data), path))[first:]
        assert boxes
        for box in boxes:
            change(data, box)
        (folder / name).write_bytes(data)

    return apply


def later(seconds: float, timescale: int) -> Callable[[bytearray, Box], object]:
    """Move a ``tfdt``."""

    def change(data: bytearray, box: Box) -> None:
        form = ">Q" if data[box.body] == 1 else ">I"
        (now,) = struct.unpack_from(form, data, box.body + 4)
        struct.pack_into(form, data, box.body + 4, now + round(seconds * timescale))

    return change


def not_sync(data: bytearray, box: Box) -> None:
    """Say of the first sample of a ``trun`` that it depends on others."""
    flags = struct.unpack_from(">I", data, box.body)[0] & 0xFFFFFF
    place = box.body + 8 + (4 if flags & 1 else 0)
    if not flags & 4:
        assert flags & 0x400
        place += (4 if flags & 0x100 else 0) + (4 if flags & 0x200 else 0)
    struct.pack_into(">I", data, place, 0x01010000)


def both(*breaks: Break) -> Break:
    def apply(folder: Path) -> None:
        for one in breaks:
            one(folder)

    return apply

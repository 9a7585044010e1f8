"""Whether a file of uncompressed sound is all there: WAV and CAF say how many bytes of sound they hold.

FFmpeg takes what it finds and says nothing. Pure but for the reading of a few chunk headers.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

from renditor.errors import CorruptMedia
from renditor.ffmpeg.diagnosis import MEDIA_HINT

_MOST_CHUNKS: Final = 64  # before the sound; files made to be slow to read have no end of them
_LONGEST: Final = 1 << 40  # bytes; further on there is no file
_MISSING_SHARE: Final = 0.02
# Bytes; programs that write into a pipe know no size. They leave 0, or about the most that 32 bits or 31 hold.
_UNKNOWN: Final = (range(1), range(0x7FFF_0000, 0x8000_0000), range(0xFFFF_0000, 0x1_0000_0000))


def expect_all_sound(path: Path, container: str) -> None:
    """Compare the bytes of sound with what the file says.

    Args:
        path: the file.
        container: FFmpeg's name of what it is; others than ``wav`` and ``caf`` are passed.

    Raises:
        CorruptMedia: more than a fiftieth is missing.
    """
    if container not in ("wav", "caf"):
        return
    with path.open("rb") as file:
        said = _wav(file) if container == "wav" else _caf(file)
        found = path.stat().st_size - file.tell()
    if said and found < said * (1 - _MISSING_SHARE):
        raise CorruptMedia(
            f"The file is incomplete: it has {max(0, found):,} of {said:,} bytes of sound.", hint=MEDIA_HINT
        )


def _wav(file: BinaryIO) -> int | None:
    """Bytes in the chunk ``data``, before which ``file`` then stands; None: not said. RF64 (EBU Tech 3306) has them in
    64 bits, in the chunk ``ds64``."""
    head = file.read(12)
    large: int | None = None
    for _ in range(_MOST_CHUNKS if head[:4] in (b"RIFF", b"RF64") else 0):
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
        if name == b"data":
            if large and large < _LONGEST:
                return large
            return None if any(size in sizes for sizes in _UNKNOWN) else size
        begin = file.tell()
        if name == b"ds64" and head[:4] == b"RF64":
            large = int.from_bytes(file.read(16)[8:], "little")
        file.seek(begin + size + size % 2)
    return None


def _caf(file: BinaryIO) -> int | None:
    """As ``_wav``, of Apple's Core Audio Format: -1 stands for all that follows."""
    file.seek(8)
    for _ in range(_MOST_CHUNKS):
        chunk = file.read(12)
        if len(chunk) < 12:
            break
        name, size = struct.unpack(">4sq", chunk)
        if name == b"data":
            return size if size > 0 else None
        if not 0 <= size < _LONGEST:
            break
        file.seek(size, 1)
    return None

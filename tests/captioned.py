"""A video with closed captions inside of its pictures: CEA-608 in an SEI before each one (ATSC A/53)."""

from __future__ import annotations

import re
from pathlib import Path

from renditor.testing import media

# Control codes of CTA-608: begin a caption, put it into the last row, show it, take it away.
_BEGIN, _ROW, _SHOW, _ERASE = (0x14, 0x20), (0x14, 0x70), (0x14, 0x2F), (0x14, 0x2C)


def video(path: Path, size: str = "320x180", seconds: int = 4, *, field: int = 0) -> Path:
    """A test picture that says "HELLO" in the first (0) or second (1) field, once in two seconds."""
    raw = path.with_suffix(".h264")
    coding = (
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-profile:v",
        "high",
        "-pix_fmt",
        "yuv420p",
        "-bf",
        "0",
        "-g",
        "50",
    )
    colours = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    picture = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={seconds}", "-vf", colours)
    media.ffmpeg(*picture, *coding, "-sc_threshold", "0", "-f", "h264", raw)
    said = [_BEGIN, _BEGIN, _ROW, _ROW, (0x48, 0x45), (0x4C, 0x4C), (0x4F, 0x20), _SHOW, _SHOW]
    nothing = [(0, 0)] * 20
    pairs = [*said, *nothing, _ERASE, _ERASE, *nothing[:19]] * (seconds // 2 + 1)
    written, number = bytearray(), 0
    for unit in re.split(b"\0\0\0?\1", raw.read_bytes())[1:]:
        if unit[0] & 31 in (1, 5) and unit[1] & 0x80:  # the first slice of a picture
            written += supplement(*pairs[number], field=field)
            number += 1
        written += b"\0\0\0\1" + unit
    raw.write_bytes(written)
    media.ffmpeg("-r", "25", "-i", raw, "-c", "copy", path)
    return path


def supplement(first: int, second: int, *, field: int) -> bytes:
    """The NAL unit of one pair of bytes."""
    triplets = [bytes([0xF8 | kind, 0x80, 0x80]) for kind in (0, 1)]
    triplets[field] = bytes([0xFC | field, _odd(first), _odd(second)])
    payload = b"\xb5\x00\x31GA94\x03" + bytes([0x42, 0xFF]) + b"".join(triplets) + b"\xff"
    return b"\0\0\0\1\x06" + bytes([4, len(payload)]) + payload + b"\x80"


def _odd(byte: int) -> int:
    """With the bit of parity (CTA-608, 4.3)."""
    return byte | (0x80 if byte.bit_count() % 2 == 0 else 0)

"""The quality a JPEG was saved with, estimated from its quantisation tables."""

from __future__ import annotations

import os

# Bytes looked through for the tables. They come before the picture; what comes before them may be a profile, a preview
# and camera data, of 64 KB a segment.
_LOOKED_AT = 1024 * 1024
_START, _TABLES, _SCAN = b"\xff\xd8", 0xDB, 0xDA
# The luminance table of the standard (ITU-T T.81, table K.1) for quality 50, added up: the sum hardly depends on how an
# encoder spreads its steps over the frequencies.
_STANDARD_SUM = 3688


def estimate(source: int) -> int | None:
    """1-100 on the scale of libjpeg; None for what is no JPEG or hides its tables.

    The scale: every step of the standard's table times 50/quality below 50, times 2 - quality/50 above.

    Args:
        source: descriptor of the file; its position is left alone.
    """
    steps = _luminance_table(os.pread(source, _LOOKED_AT, 0))
    if steps is None:
        return None
    ratio = sum(steps) / _STANDARD_SUM
    quality = 100 - 50 * ratio if ratio <= 1 else 50 / ratio
    return min(100, max(1, round(quality)))


def _luminance_table(content: bytes) -> list[int] | None:
    """The 64 steps of table 0, walking over the segments (ITU-T T.81, B.1.1.4) up to the first scan."""
    at = len(_START)
    while content[at : at + 1] == b"\xff" and at + 4 <= len(content):
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if marker == _SCAN or length < 2:
            return None
        if marker == _TABLES:
            found = _table_zero(content[at + 4 : at + 2 + length])
            if found is not None:
                return found
        at += 2 + length
    return None


def _table_zero(segment: bytes) -> list[int] | None:
    while segment:
        wide, number = segment[0] >> 4, segment[0] & 15
        width = 2 if wide else 1
        steps = segment[1 : 1 + 64 * width]
        if len(steps) < 64 * width:
            return None
        if number == 0:
            return [int.from_bytes(steps[place : place + width]) for place in range(0, len(steps), width)]
        segment = segment[1 + 64 * width :]
    return None

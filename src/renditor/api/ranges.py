"""Byte ranges (RFC 9110, section 14). More than one in a request is answered with the whole file, as allowed."""

from __future__ import annotations

import re

from renditor.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes ``start`` (included) to ``end`` (excluded) asked for, or None for the whole file.

    A header that cannot be read is ignored, as the RFC tells servers to do.

    Raises: RangeNotSatisfiable: the range starts past the end.
    """
    match = _RANGE.fullmatch(header or "")
    if not match or not (match[1] or match[2]):
        return None
    if not match[1]:  # the last n bytes
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), int(match[2]) + 1 if match[2] else max(size, int(match[1]) + 1)
        if end <= start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(size=size)
    return start, min(end, size)

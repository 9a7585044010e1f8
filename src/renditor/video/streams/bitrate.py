"""How many bits a second a stream of segments asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# A playlist may claim a target duration of days over segments of nothing: the runs that are tried stay short.
_LONGEST_RUN: Final = 100


def peak_and_average(segments: Sequence[tuple[int, float]], target: int) -> tuple[int, int]:
    """Peak and average bit rate of ``(bytes, seconds)`` segments, in bit/s, rounded up.

    The peak is the largest over any run of segments that lasts between 0.5 and 1.5 target durations (RFC 8216,
    4.3.4.2): a last segment of a few frames does not count alone.
    """
    total_bytes, total_seconds = sum(size for size, _ in segments), sum(seconds for _, seconds in segments)
    if total_seconds <= 0:
        return 0, 0
    average = total_bytes * 8 / total_seconds
    peak = average
    for first in range(len(segments)):
        size, seconds = 0, 0.0
        for segment_bytes, segment_seconds in segments[first : first + _LONGEST_RUN]:
            size, seconds = size + segment_bytes, seconds + segment_seconds
            if seconds > 1.5 * target:
                break
            if seconds >= 0.5 * target and seconds > 0:
                peak = max(peak, size * 8 / seconds)
    return _up(peak), _up(average)


def needed_bandwidth(segments: Sequence[tuple[int, float]], buffered: float) -> float:
    """The least bit/s at which ``(bytes, seconds)`` segments play without a stop from any of them on.

    Playing begins when ``buffered`` seconds at that rate have arrived (ISO/IEC 23009-1, 5.3.5.2, ``@bandwidth``). A
    segment is taken to be needed by the time it ends: no stream that passes in truth fails here.
    """
    low, high = 0.0, max((size * 8 / seconds for size, seconds in segments if seconds > 0), default=0.0)
    for _ in range(40):  # halving: exact to a bit/s below 1 Tbit/s
        middle = (low + high) / 2
        if _stalls(segments, middle, buffered):
            low = middle
        else:
            high = middle
    return high


def _stalls(segments: Sequence[tuple[int, float]], rate: float, buffered: float) -> bool:
    """Whether any run of segments holds more bits than arrive while it plays, with what was buffered before."""
    missing = 0.0
    for size, seconds in segments:
        missing = max(0.0, missing + size * 8 - rate * seconds)
        if missing > rate * buffered:
            return True
    return False


def _up(bits: float) -> int:
    return int(bits) + (bits > int(bits))

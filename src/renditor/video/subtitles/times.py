"""The line that says when a cue is shown: ``00:01:02.500 --> 00:01:04.000``, of WebVTT and of SRT."""

from __future__ import annotations

import re
from typing import Final

from renditor.video.subtitles.cues import LATEST_MS, bad_line

# Hours may be absent. WebVTT has a dot, SRT a comma; both are met in both, as are fewer than three digits.
_TIME = r"(?:(\d{1,9}):)?(\d{1,2}):([0-5]?\d)[.,](\d{1,3})"
_TIMING: Final = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s+(?P<rest>.*))?\s*")
_MEANT: Final = re.compile(
    r"[^-]{0,20}\d:\d[^-]{0,20}-->|[^-]{0,20}-->\s{0,9}-?\d{1,9}:\d|\s{0,9}-\d{1,9}:\d.{0,40}-->"
)


def timing(line: str, number: int) -> tuple[int, int, str] | None:
    """Start and end in ms, and what follows them, if the line is the timing of a cue; None for any other line.

    An arrow alone makes no timing: text may hold one.

    Raises:
        Unprocessable: it is meant as one, but cannot be read, ends before it starts, or lies beyond 100 hours.
    """
    if "-->" not in line:
        return None
    found = _TIMING.fullmatch(line)
    if found is None:
        if _MEANT.match(line):
            raise bad_line(number, "the times of a cue are written like 00:01:02.500 --> 00:01:04.000.")
        return None
    start, end = _ms(*found.groups()[:4]), _ms(*found.groups()[4:8])
    if end <= start:
        raise bad_line(number, "a cue has to end after it starts.")
    if end > LATEST_MS:
        raise bad_line(number, f"a cue has to end within {LATEST_MS // 3_600_000} hours.")
    return start, end, found["rest"] or ""


def stamp(milliseconds: int) -> str:
    """A time as WebVTT writes it: ``01:02:03.500``."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{rest:03}"


def _ms(hours: str | None, minutes: str, seconds: str, fraction: str) -> int:
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction.ljust(3, "0"))

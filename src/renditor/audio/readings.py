"""What FFmpeg's filters wrote while they listened: numbers in text, of which little is read however long it became."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from renditor.audio.commands import LOUDNESS_FILE, SILENCE_ENDS, SILENCE_STARTS
from renditor.audio.loudness import Loudness, read_loudness

_BYTES: Final = 4096  # at each end of a file: more than one entry
_KEY: Final = "lavfi.silence_"


def forget(folder: Path) -> None:
    """Remove what an earlier run left, so that it is not taken for the next one's."""
    for name in (LOUDNESS_FILE, SILENCE_STARTS, SILENCE_ENDS):
        (folder / name).unlink(missing_ok=True)


def heard_loudness(folder: Path) -> Loudness:
    """What the last run in a job folder heard."""
    return read_loudness(_lines(folder / LOUDNESS_FILE)[1])


def heard_sound(folder: Path) -> tuple[float, float | None] | None:
    """From where to where the last run heard more than silence; see ``sounding``."""
    return sounding(_lines(folder / SILENCE_STARTS), _lines(folder / SILENCE_ENDS))


def sounding(
    starts: tuple[list[str], list[str]], ends: tuple[list[str], list[str]]
) -> tuple[float, float | None] | None:
    """From where to where there is sound.

    Args:
        starts: the first and the last lines of what ``silencedetect`` said of beginnings of silence.
        ends: the same of its ends; silence that lasts to the end of the file has none.

    Returns: seconds; None for the second: to the end. None for both: there is only silence.
    """
    first_start, last_start = _value(starts[0]), _value(reversed(starts[1]))
    first_end, last_end = _value(ends[0]), _value(reversed(ends[1]))
    begins_silent = first_start is not None and first_start <= 0
    if begins_silent and first_end is None:
        return None
    begin = (first_end or 0.0) if begins_silent else 0.0
    ends_silent = last_start is not None and (last_end is None or last_start > last_end)
    return begin, last_start if ends_silent else None


def _value(lines: Iterable[str]) -> float | None:
    """The number of the first line that has one."""
    for line in lines:
        key, _, value = line.strip().partition("=")
        if key.startswith(_KEY):
            try:
                return float(value)
            except ValueError:
                continue
    return None


def _lines(path: Path) -> tuple[list[str], list[str]]:
    """The first and the last lines of a file; none where nothing was written."""
    try:
        with path.open("rb") as file:
            head = file.read(_BYTES)
            file.seek(max(0, path.stat().st_size - _BYTES))
            tail = file.read(_BYTES)
    except FileNotFoundError:
        return [], []
    return head.decode("ascii", "replace").splitlines(), tail.decode("ascii", "replace").splitlines()

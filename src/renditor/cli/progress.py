"""One line on stderr while a command works, on a terminal only: what is done, how far, how fast, for how long still."""

from __future__ import annotations

import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from renditor.cli.terminal import printable

# Called with (fraction done 0..1, what is being done).
Report = Callable[[float, str], None]

_CLEAR: Final = "\r\033[K"
_WIDEST: Final = 99  # cells; a line that fits is not wrapped when the window gets somewhat narrower
_FREE: Final = 3  # cells at the end, where the terminal writes ^C
_TITLE: Final = 32  # cells
_SHORT_TITLE: Final = 12  # cells; a title is cut down to this before anything else goes
_BAR: Final = 20  # cells
_SHORT_BAR: Final = 10  # where the line has less than ``_NARROW`` cells, so that all fits into a window of 80
_NARROW: Final = 90
_EVERY: Final = 0.1  # seconds between two looks of the line
_SETTLED: Final = 1.0  # seconds of work after which a speed means something,
_MOVED: Final = 0.001  # and the share of it that has to be done by then
# What goes first where the window is narrow. The percentage stays.
_DROPPED: Final = ("speed", "media", "title", "stage", "bar", "left")


class Progress:
    """A ``Report`` that only goes forward.

    Args:
        title: what the command does.
        draw: takes the line; None: nobody sees it.
        columns: cells in a line now.
        now: seconds.
    """

    def __init__(
        self,
        title: str,
        draw: Callable[[str], None] | None,
        columns: Callable[[], int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = _cut(_one_line(title), _TITLE)
        self._draw = draw
        self._columns = columns
        self._now = now
        self._fraction = 0.0
        self._seconds: float | None = None
        self._begun: tuple[float, float] | None = None
        self._drawn = float("-inf")

    def lasts(self, seconds: float | None) -> None:
        """How long the media is that is worked on, as soon as it is known."""
        self._seconds = seconds

    def __call__(self, fraction: float, stage: str) -> None:
        """``fraction`` 0..1 of all work; one that is less than before changes nothing but the stage."""
        if self._draw is None:
            return
        now = self._now()
        self._fraction = max(self._fraction, min(fraction, 1.0))
        self._begun = self._begun or (now, self._fraction)
        if now - self._drawn >= _EVERY:
            self._drawn = now
            room = min(self._columns() - _FREE, _WIDEST)
            self._draw(_line(self._parts(stage, now, _SHORT_BAR if room < _NARROW else _BAR), room))

    def _parts(self, stage: str, now: float, bar: int) -> dict[str, str]:
        """In the order of the line. The bar has one length: another would look like going back."""
        done = int(self._fraction * bar)
        drawn = "━" * done + "─" * (bar - done)
        parts = {"title": self._title, "bar": drawn, "percent": f"{int(self._fraction * 100):3}%"}
        if self._seconds:
            parts["media"] = f"{_clock(self._fraction * self._seconds)}/{_clock(self._seconds)}"
        since, first = self._begun or (now, 0.0)
        if now - since >= _SETTLED and self._fraction - first >= _MOVED:
            rate = (self._fraction - first) / (now - since)
            if self._seconds:
                parts["speed"] = f"{rate * self._seconds:.1f}x"
            parts["left"] = f"ETA {_clock((1 - self._fraction) / rate)}"
        return parts | {"stage": _one_line(stage)}


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """The line while a command works. It is gone afterwards, however the work ended; on anything but a terminal there
    is none."""
    stream = sys.stderr
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield Progress(title, None, lambda: 0)
        return

    def draw(line: str) -> None:
        stream.write(_CLEAR + _encodable(line, stream))
        stream.flush()

    try:
        yield Progress(title, draw, lambda: _columns(stream))
    finally:
        stream.write(_CLEAR)
        stream.flush()


def _line(parts: dict[str, str], room: int) -> str:
    """The parts that fit."""
    left = dict(parts)
    excess = _cells("  ".join(left.values())) - room
    if excess > 0:
        left["title"] = _cut(left["title"], max(_cells(left["title"]) - excess, _SHORT_TITLE))
    for name in _DROPPED:
        if _cells("  ".join(left.values())) <= room:
            break
        left.pop(name, None)
    return _cut("  ".join(left.values()), room)


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def _encodable(line: str, stream: TextIO) -> str:
    """Where the terminal's encoding has no lines to draw with, other signs stand for them."""
    try:
        line.encode(stream.encoding)
    except UnicodeEncodeError:
        return line.translate({ord("━"): "#", ord("─"): "-", ord("…"): "~"})
    return line


def _columns(stream: TextIO) -> int:
    """Asked for each line: windows change. A terminal that does not say (0) is as wide as those of old."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def _cells(text: str) -> int:
    """How much room a terminal gives it: East Asian letters take two cells, accents none (UAX #11)."""
    return sum(map(_cell, text))


def _cell(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _cut(text: str, room: int) -> str:
    if _cells(text) <= room:
        return text
    while text and _cells(text) >= room:
        text = text[:-1]
    return f"{text}…" if room > 0 else ""


def _clock(seconds: float) -> str:
    """``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

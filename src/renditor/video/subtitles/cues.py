"""Cues and tracks: what is left of a file of captions once it has been read. Times are whole milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from renditor.errors import LimitExceeded, Unprocessable

# A film has about 1500 cues, a day of speech 20 000; players hold all of them in memory. Against floods of cues.
MOST_CUES: Final = 20_000
# Characters of one cue with its markup: two full lines are 84 (Netflix Timed Text Style Guide). Against walls of text.
LONGEST_CUE: Final = 2_000
# Characters of one line, and of all lines of one cue, before anybody looks at them. Against a file that is one line.
LONGEST_RAW: Final = 5 * LONGEST_CUE
# Bytes of a file: 20 000 cues of two full lines. Against memory filled before anything is looked at.
LARGEST_FILE: Final = 2 * 1024 * 1024
# 100 hours: beyond that a time is an error, or meant to overflow something. Milliseconds.
LATEST_MS: Final = 100 * 3_600_000


@dataclass(frozen=True, slots=True)
class Cue:
    """One text and when it is shown: from ``start`` to ``end``, ms.

    ``text`` is WebVTT markup as ``markup.clean`` leaves it; ``settings`` are cue settings as ``settings.clean`` leaves
    them (``line:0 align:start``), mostly none.
    """

    start: int
    end: int
    text: str
    settings: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """All cues of a file by their start; those that start together stay in their order. They may overlap."""

    cues: tuple[Cue, ...] = ()


def track(cues: Iterable[Cue]) -> Track:
    """A track of these cues.

    They are put in order: WebVTT asks for it, and dash.js leaves out a cue that starts before the one above it.
    """
    return Track(tuple(sorted(cues, key=lambda cue: cue.start)))


def bad_line(number: int, what: str) -> Unprocessable:
    """The error for line ``number`` (from 1): ``what`` says what is wrong with it."""
    return Unprocessable(f"Line {number}: {what}", code="bad-captions")


def no_captions() -> Unprocessable:
    """The error for a file in which nothing is to be read."""
    return Unprocessable(
        "The file holds no captions.",
        hint="Send WebVTT or SRT: times like 00:00:01.000 --> 00:00:02.500, and below them the text.",
        code="bad-captions",
    )


def over_limit(number: int, what: str) -> LimitExceeded:
    """The error for a file that goes too far at line ``number``."""
    return LimitExceeded(f"Line {number}: {what}", hint="Split the text into more, shorter cues.")

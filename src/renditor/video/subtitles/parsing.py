"""Reading WebVTT (W3C) and SRT: lines become cues.

The two differ in little: what stands before the first cue, and whether an empty line ends a cue. People's files differ
in much else, and players forgive it: missing empty lines and numbers, commas for dots, hours left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from renditor.errors import Unprocessable
from renditor.video.subtitles import markup, settings
from renditor.video.subtitles.cues import LONGEST_CUE, LONGEST_RAW, MOST_CUES, Cue, Track, bad_line, over_limit, track
from renditor.video.subtitles.times import timing

# The longer ones come of files that were sent as text twice. Bounded: against a file of nothing but CR.
_LINE_END: Final = re.compile(r"\r{0,3}\n|\r")
_SIGNATURE: Final = re.compile(r"WEBVTT(?:[ \t].*)?")
# Blocks of WebVTT that are no cues: remarks, style sheets (they may load what they like), regions.
_OTHER_BLOCK: Final = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t].*)?")
# Positions and effects of ASS, which many SRT files hold; \an7 to \an9 put a text to the top.
_OVERRIDE: Final = re.compile(r"\{\\[^{}]*+\}")
_TOP: Final = re.compile(r"\{[^{}]*\\an[789][^{}]*\}")
_AT_THE_TOP: Final = "line:0"
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


def is_webvtt(text: str) -> bool:
    """Whether this begins as WebVTT has to."""
    return _SIGNATURE.fullmatch(_LINE_END.split(text[:LONGEST_RAW], maxsplit=1)[0]) is not None


def parse_webvtt(text: str, *, lenient: bool = False) -> Track:
    """Read WebVTT. Remarks, styles, regions and ids are left out, and header fields (``X-TIMESTAMP-MAP``) ignored.

    Args:
        text: the whole file, without a byte order mark.
        lenient: leave a cue out whose times are wrong, instead of refusing the file.

    Raises:
        Unprocessable: no WebVTT, or times that cannot be read; the line is named.
        LimitExceeded: too many cues, or one that is too long.
    """
    lines = _LINE_END.split(text)
    if not _SIGNATURE.fullmatch(lines[0]):
        raise bad_line(1, "a WebVTT file begins with WEBVTT.")
    return _Reader(webvtt=True, lenient=lenient).read(lines)


def parse_srt(text: str, *, lenient: bool = False) -> Track:
    """Read SRT, with or without numbers; coordinates behind the times are left out.

    Args, Raises: as ``parse_webvtt``.
    """
    return _Reader(webvtt=False, lenient=lenient).read(_LINE_END.split(text))


@dataclass(slots=True)
class _Open:
    """The cue that is being read: its times (ms), where it stands, the number of its line and its lines of text."""

    start: int
    end: int
    settings: str
    number: int
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    """Goes through the lines of one file. In WebVTT an empty line ends a cue, in SRT only the next cue does."""

    webvtt: bool
    lenient: bool
    _cues: list[Cue] = field(default_factory=list)
    _now: _Open | None = None
    _counted: int = 0  # the number above the last cue

    def read(self, lines: Sequence[str]) -> Track:
        before, skipping = "", False
        for number, line in enumerate(lines, 1):
            if len(line) > LONGEST_RAW:
                raise over_limit(number, f"a line may have {LONGEST_RAW:,} characters, not {len(line):,}.")
            if skipping or (self._now is None and self._begins_block(line, before)):
                skipping = bool(line.strip())
            elif self.webvtt and not line:
                self._end()
            elif not self._begin(line, number, before) and self._now:
                self._now.lines.append(line)
            before = line
        self._end()
        return track(self._cues)

    def _begins_block(self, line: str, before: str) -> bool:
        return self.webvtt and not before and _OTHER_BLOCK.fullmatch(line) is not None

    def _begin(self, line: str, number: int, before: str) -> bool:
        """Begin a cue if the line has the times of one."""
        try:
            times = timing(line, number)
        except Unprocessable:
            if not self.lenient:
                raise
            self._end()
            return True
        if times is None:
            return False
        if self._now and self._now.lines and self._is_number(self._now.lines):
            self._now.lines.pop()
        self._end()
        if _NUMBER.fullmatch(before.strip()):
            self._counted = int(before)
        self._now = _Open(times[0], times[1], settings.clean(times[2]) if self.webvtt else "", number)
        return True

    def _is_number(self, lines: Sequence[str]) -> bool:
        """Whether the line above the times of a cue is its number, and not what the cue before it says."""
        last = lines[-1].strip()
        if not _NUMBER.fullmatch(last):
            return False
        return int(last) == self._counted + 1 or (len(lines) > 1 and not lines[-2].strip())

    def _end(self) -> None:
        """Keep the cue that was read, if it says anything."""
        now, self._now = self._now, None
        if now is None:
            return
        raw = "\n".join(now.lines)
        if len(raw) > LONGEST_RAW:
            raise over_limit(now.number, f"a cue may have {LONGEST_RAW:,} characters, not {len(raw):,}.")
        if not self.webvtt:
            now.settings = _AT_THE_TOP if _TOP.search(raw) else ""
            raw = _OVERRIDE.sub("", raw)
        text = markup.clean(raw)
        if len(text) > LONGEST_CUE:
            raise over_limit(now.number, f"a cue may have {LONGEST_CUE:,} characters, not {len(text):,}.")
        if text:
            self._cues.append(Cue(now.start, now.end, text, now.settings))
        if len(self._cues) > MOST_CUES:
            raise over_limit(now.number, f"there are more than {MOST_CUES:,} cues.")

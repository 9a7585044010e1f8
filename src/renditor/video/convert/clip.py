"""A part of a video: from when to when, and how FFmpeg reads exactly that. Pure.

Seeking alone lands on a key frame before the moment, or somewhere behind it. So reading begins early enough, and what
comes before the moment is left out after decoding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from renditor.errors import BadRequest
from renditor.ffmpeg.probe import Chapter
from renditor.video.plan import VideoPlan
from renditor.video.subtitles.cues import Track, track

# Containers without an index of key frames: a seek lands between two, and the first frame that can be decoded may be
# behind the moment by the longest distance of key frames that encoders use by default.
_NO_INDEX: Final = frozenset({"mpegts", "mpeg"})
_EARLIER_SECONDS: Final = 12


@dataclass(frozen=True, slots=True)
class Clip:
    """From ``start`` to ``end``, in seconds of the source; None: to its end.

    Raises:
        BadRequest: there is nothing between them.
    """

    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start < math.inf or (self.end is not None and not self.start < self.end < math.inf):
            raise BadRequest("A part of a video must end after it begins, and begin at 0 or later.")

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.end is None

    def plan(self, whole: VideoPlan) -> VideoPlan:
        """The plan for this part of a source. Raises: BadRequest: the source has ended by then."""
        if self.whole:
            return whole
        picture = whole.moving
        duration = self._left(picture.duration)
        if duration < 1 / (2 * picture.rate):
            raise BadRequest(f"At {self.start:g} s there are no pictures: they last {picture.duration:.3f} seconds.")
        audio = [replace(one, duration=one.duration and self._left(one.duration)) for one in whole.audio]
        return replace(
            whole,
            length=self._left(whole.length),
            picture=replace(picture, duration=duration),
            audio=tuple(one for one in audio if one.duration != 0),
            chapters=self._chapters(whole.chapters),
        )

    def captions(self, captions: Track) -> Track:
        """The cues of this part; those that it cuts through are cut too."""
        start = round(self.start * 1000)
        end = math.inf if self.end is None else round(self.end * 1000)
        return track(
            replace(cue, start=max(cue.start, start) - start, end=int(min(cue.end, end)) - start)
            for cue in captions.cues
            if cue.start < end and cue.end > start
        )

    def seeking(self, plan: VideoPlan, container: str) -> tuple[list[str], float]:
        """Options of the input, and how many seconds then still come before this part.

        Args:
            plan: of this part.
            container: of the source, as the probe names it.
        """
        rate = plan.moving.rate
        # By whole frames, so that the grid of the frames begins at the moment.
        early = math.floor(min(self.start, _EARLIER_SECONDS) * rate) / rate if container in _NO_INDEX else Fraction(0)
        begin = self.start - float(early)
        # What comes before is dropped by `fps` and `aresample`, which know which frame is still shown at the moment.
        return ["-noaccurate_seek", "-ss", f"{begin:.6f}"] if begin > 0 else [], round(float(early), 6)

    def _left(self, seconds: float) -> float:
        """How much of something that lasts ``seconds`` lies in this part."""
        return round(max(0.0, min(seconds, self.end or math.inf) - self.start), 6)

    def _chapters(self, chapters: Sequence[Chapter]) -> tuple[Chapter, ...]:
        cut = (Chapter(max(0.0, round(one.start - self.start, 3)), self._left(one.end), one.title) for one in chapters)
        return tuple(one for one in cut if one.end > one.start)

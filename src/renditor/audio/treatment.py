"""What is done to the sound on its way, in this order: cut, silence, loudness, fade."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from renditor.errors import BadRequest

LOUDNESS: Final = (-40.0, -5.0)  # LUFS; no player or programme has a target outside of this
# Seconds; the longest fade, and the last moment at which anything can begin (the longest media are hours).
_LONGEST: Final = 10_000_000.0


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to the sound.

    ``start`` and ``end``: what is kept, in seconds from the beginning of the sound; ``end`` None: to its end.
    ``trim_silence``: what is quieter than -60 dBFS for 0.1 s or longer at either end is cut off. ``loudness``: the
    integrated loudness to bring it to, in LUFS (EBU R128), None: as it is. ``tag_loudness``: leave the sound alone and
    write how loud it is where players look for it (ReplayGain, R128_TRACK_GAIN). ``fade_in``, ``fade_out`` in seconds.

    Raises:
        BadRequest: a number out of range, or two wishes that exclude each other.
    """

    start: float = 0.0
    end: float | None = None
    trim_silence: bool = False
    loudness: float | None = None
    tag_loudness: bool = False
    fade_in: float = 0.0
    fade_out: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("start", self.start), ("fade-in", self.fade_in), ("fade-out", self.fade_out)):
            if not 0 <= value <= _LONGEST:
                raise BadRequest(f"The {name} is a number of seconds, 0 or more.")
        if self.end is not None and not self.start < self.end <= _LONGEST:
            raise BadRequest("The end must lie after the start.")
        if self.loudness is not None:
            if not (math.isfinite(self.loudness) and LOUDNESS[0] <= self.loudness <= LOUDNESS[1]):
                raise BadRequest(f"The loudness must lie between {LOUDNESS[0]:g} and {LOUDNESS[1]:g} LUFS.")
            if self.tag_loudness:
                raise BadRequest("The loudness is either changed or written into the tags, not both.")

    @property
    def changes(self) -> bool:
        """Whether the samples are other ones afterwards."""
        return self != Treatment(tag_loudness=self.tag_loudness)

    @property
    def measures(self) -> bool:
        """Whether the sound has to be listened to before it is known what to do. A fade out needs the exact end."""
        return self.listens or self.trim_silence or self.fade_out > 0

    @property
    def listens(self) -> bool:
        """Whether it matters how loud the sound is."""
        return self.tag_loudness or self.loudness is not None


def parse_loudness(text: str) -> float | Literal["tag"]:
    """``-16`` in LUFS, or ``tag``. Raises: BadRequest."""
    if text.strip().lower() == "tag":
        return "tag"
    try:
        return float(text)
    except ValueError:
        raise BadRequest(
            f"{text!r} is not a loudness.", hint="Write LUFS, such as -16, or `tag` to leave the sound alone."
        ) from None

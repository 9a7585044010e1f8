"""Following a run of FFmpeg: ``-progress pipe:1`` prints blocks of ``key=value`` lines about twice a second."""

from __future__ import annotations

from collections.abc import Callable

from renditor.ffmpeg.budget import beyond


class ProgressReader:
    """Turns the lines into a fraction that only grows, and keeps the totals for the check of the result.

    Args:
        duration: seconds of output expected; None or 0 if unknown: then nothing is reported before the end.
        on_fraction: called with 0..1 at each block that moved on.

    Attributes:
        most_frames: the budget of frames (None: no limit).
    """

    def __init__(self, duration: float | None, on_fraction: Callable[[float], None] | None = None) -> None:
        self._duration = duration or 0.0
        self._on_fraction = on_fraction
        self._reported = 0.0
        self.most_frames: int | None = None
        self.frames = 0
        self.seconds = 0.0
        self.ended = False

    def feed(self, line: str) -> None:
        """Take one line. Values that are not numbers (``N/A`` before the first packet) change nothing.

        Raises: LimitExceeded: more frames than the run may put out; whoever runs it kills it then.
        """
        key, _, value = line.strip().partition("=")
        if key == "frame":
            self.frames = max(self.frames, _integer(value))
            if self.most_frames is not None and self.frames > self.most_frames:
                raise beyond("frames")
        elif key == "out_time_us":
            # Negative while an encoder's delay is written; the last one is the end of the longest stream.
            self.seconds = max(self.seconds, _integer(value) / 1_000_000)
        elif key == "progress":
            self.ended = value == "end"
            self._report()

    def _report(self) -> None:
        if self.ended:
            fraction = 1.0
        elif self._duration:
            fraction = min(self.seconds / self._duration, 0.999)
        else:
            return
        if fraction > self._reported:
            self._reported = fraction
            if self._on_fraction:
                self._on_fraction(fraction)


def _integer(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        return 0

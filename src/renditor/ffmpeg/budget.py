"""What one run of a program may use, and how going beyond it is told: every budget has a name and its settings.

Wall and processor time, the memory and the size of files are kept by the kernel and by the launcher, which kill; all
files together are looked at by the launcher; frames are counted as FFmpeg reports them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from renditor.errors import LimitExceeded
from renditor.ffmpeg.settings import FFmpegSettings

BudgetName = Literal[
    "time", "time to look at a file", "processor time", "memory", "output size", "disk space", "files", "frames"
]

# By how much an output may be longer than planned.
_SLACK_SECONDS: Final = 10
# All files of a run together, as a multiple of the largest. A ladder takes less than three times its largest rung.
_FILES_OF_FULL_SIZE: Final = 8
# Many files of little size use up a disk as well: each takes a block and an inode. Eight rungs with four tracks of
# sound, in pieces of a second, are twelve files a second.
_FILES_FLOOR: Final = 2000
_FILES_PER_SECOND: Final = 20

_SETTINGS: Final[Mapping[BudgetName, str]] = {
    "time": "ffmpeg.timeout_factor, ffmpeg.timeout_floor and ffmpeg.timeout_ceiling",
    "time to look at a file": "ffmpeg.probe_timeout",
    "processor time": "ffmpeg.cpu_factor, ffmpeg.cpu_floor and ffmpeg.cpu_ceiling",
    "memory": "ffmpeg.memory",
    "output size": "ffmpeg.output_factor, ffmpeg.output_floor and ffmpeg.output_ceiling",
    "disk space": "ffmpeg.output_factor, ffmpeg.output_floor and ffmpeg.output_ceiling",
    "files": "the length of the media, at most ffmpeg.max_duration",
    "frames": "ffmpeg.frame_factor, ffmpeg.frame_floor and ffmpeg.frame_ceiling",
}


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may use.

    ``seconds`` of wall time until it is killed; ``file_size`` bytes for any one file; ``files``: how many files and
    folders it may add; ``cpu_seconds`` of processor time
    over all threads (None: as many as the wall time has on all processors of this machine); ``frames`` that it may put
    out (None: the ceiling of the settings). Memory is the same for all runs: ``ffmpeg.memory``. ``time``: what the wall
    time is called where it is used up.
    """

    seconds: float
    file_size: int
    cpu_seconds: float | None = None
    frames: int | None = None
    time: BudgetName = "time"
    files: int = _FILES_FLOOR

    @property
    def most_cpu_seconds(self) -> int:
        """The limit in whole seconds, as the kernel counts them."""
        wanted = self.seconds * (os.cpu_count() or 1) if self.cpu_seconds is None else self.cpu_seconds
        return max(1, math.ceil(wanted))

    @property
    def total_size(self) -> int:
        """Bytes that all files together may take of the disk."""
        return _FILES_OF_FULL_SIZE * self.file_size


def encoding_budget(settings: FFmpegSettings, duration: float | None, bits_per_second: int) -> Budget:
    """What a step may use that makes ``duration`` seconds of at most ``bits_per_second``, with room to spare.

    Args:
        settings: factors, floors and ceilings.
        duration: seconds of media; None: not known, the longest that is taken.
        bits_per_second: of all that goes into the largest file.
    """
    length = settings.max_duration if duration is None else duration
    size = settings.output_floor + settings.output_factor * bits_per_second / 8 * (length + _SLACK_SECONDS)
    return Budget(
        seconds=min(settings.timeout_floor + settings.timeout_factor * length, settings.timeout_ceiling),
        file_size=round(min(size, settings.output_ceiling)),
        cpu_seconds=min(settings.cpu_floor + settings.cpu_factor * length, settings.cpu_ceiling),
        frames=round(min(settings.frame_floor + settings.frame_factor * length, settings.frame_ceiling)),
        files=round(_FILES_FLOOR + _FILES_PER_SECOND * min(length, settings.max_duration)),
    )


def probing_budget(settings: FFmpegSettings) -> Budget:
    """What a run may use that looks at a file and writes none."""
    return Budget(settings.probe_timeout, 0, time="time to look at a file")


def beyond(name: BudgetName) -> LimitExceeded:
    """The error of a run that went beyond one of its budgets."""
    return LimitExceeded(
        f"The work on this file was stopped: it went beyond its budget of {name}.",
        hint=f"Such a file is often damaged, or made to keep servers busy. The budget comes from {_SETTINGS[name]}.",
    )

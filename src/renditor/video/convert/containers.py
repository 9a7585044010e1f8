"""What single files are made of: codecs with their encoders, and the containers that can hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SPEEDS: Final = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
)  # fmt: skip
"""Presets by x264's names, from the soonest result to the smallest."""


@dataclass(frozen=True, slots=True)
class VideoCodec:
    """A codec and its encoder. ``worst_crf`` is the end of its quality scale (0 is best), ``name`` for people.

    ``codec``: what ffprobe calls it. ``speeds``: where the encoder counts its presets, its number for each of
    ``SPEEDS``. ``notes``: types of units in which encoders and cameras write about themselves, perhaps where they are;
    a copy leaves them out (as FFmpeg's filter ``filter_units`` takes them; None: the codec has no such units).
    """

    name: str
    encoder: str
    crf: int
    worst_crf: int
    codec: str
    speeds: tuple[int, ...] | None = None
    notes: str | None = None


VIDEO_CODECS: Final[Mapping[str, VideoCodec]] = {
    "h264": VideoCodec("H.264", "libx264", 23, 51, "h264", notes="6"),
    "h265": VideoCodec("H.265", "libx265", 28, 51, "hevc", notes="39|40"),
    "vp9": VideoCodec("VP9", "libvpx-vp9", 31, 63, "vp9", (5, 5, 5, 4, 3, 2, 1, 1, 0)),
    "av1": VideoCodec("AV1", "libsvtav1", 35, 63, "av1", (12, 11, 10, 9, 8, 7, 5, 4, 3), notes="5"),
}


@dataclass(frozen=True, slots=True)
class AudioCodec:
    """A codec and its encoder. ``sample_rate``: the only one it takes, in Hz; None: any."""

    name: str
    encoder: str
    sample_rate: int | None = None


AUDIO_CODECS: Final[Mapping[str, AudioCodec]] = {
    "aac": AudioCodec("AAC", "aac"),
    "opus": AudioCodec("Opus", "libopus", 48_000),  # it works at 48 kHz whatever comes in
    "mp3": AudioCodec("MP3", "libmp3lame"),
}


@dataclass(frozen=True, slots=True)
class Container:
    """What a container can hold; of pictures and sound the first is its default. ``text``: its codec of captions.

    ``apple``: of the family that Apple made. It has its index at one place, and players of Apple know H.265 in it by
    one of its two names. ``bibliographic``: which of two codes it has for a language (``ger`` instead of ``deu``).
    """

    name: str
    muxer: str
    content_type: str
    video: tuple[str, ...]
    audio: tuple[str, ...]
    text: str
    apple: bool = False
    bibliographic: bool = False


CONTAINERS: Final[Mapping[str, Container]] = {
    "mp4": Container(
        "MP4", "mp4", "video/mp4", ("h264", "h265", "vp9", "av1"), ("aac", "opus", "mp3"), "mov_text", apple=True
    ),
    "mov": Container(
        "QuickTime",
        "mov",
        "video/quicktime",
        ("h264", "h265"),
        ("aac", "mp3"),
        "mov_text",
        apple=True,
        bibliographic=True,
    ),
    "webm": Container("WebM", "webm", "video/webm", ("vp9", "av1"), ("opus",), "webvtt", bibliographic=True),
    "mkv": Container(
        "Matroska",
        "matroska",
        "video/x-matroska",
        ("h264", "h265", "vp9", "av1"),
        ("aac", "opus", "mp3"),
        "subrip",
        bibliographic=True,
    ),
}

"""Descriptions of sources, for tests that need no file."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from renditor.ffmpeg.probe import AudioStream, MediaProbe, VideoStream


def video(**changes: Any) -> VideoStream:
    base: dict[str, Any] = {
        "index": 0,
        "codec": "h264",
        "width": 1280,
        "height": 720,
        "coded_pixels": 1280 * 720,
        "frame_rate": Fraction(25),
        "average_rate": Fraction(25),
        "frames": 250,
        "duration": 10.0,
        "pixel_format": "yuv420p",
    }
    return VideoStream(**{**base, **changes})


def audio(**changes: Any) -> AudioStream:
    base: dict[str, Any] = {"index": 1, "codec": "aac", "channels": 2, "sample_rate": 48_000, "duration": 10.0}
    return AudioStream(**{**base, **changes})


def probe(picture: VideoStream | None = None, *sounds: AudioStream, **changes: Any) -> MediaProbe:
    base: dict[str, Any] = {
        "media_type": "video",
        "format": "mp4",
        "duration": 10.0,
        "bytes": 10**6,
        "video": picture or video(),
        "audio": sounds,
    }
    return MediaProbe(**{**base, **changes})


SIZES = st.integers(1, 8192)
RATES = st.fractions(0, 1000, max_denominator=100_000)
VIDEOS = st.builds(
    video,
    width=SIZES,
    height=SIZES,
    frame_rate=RATES,
    average_rate=RATES,
    frames=st.none() | st.integers(0, 10**6),
    duration=st.none() | st.floats(0.001, 21_600),
    start=st.floats(-10, 10),
    interlaced=st.booleans(),
    variable=st.booleans(),
    full_range=st.booleans(),
    transfer=st.sampled_from([None, "bt709", "smpte2084", "arib-std-b67"]),
    primaries=st.sampled_from([None, "bt709", "bt2020"]),
    matrix=st.sampled_from([None, "bt709", "smpte170m", "bt2020nc", "gbr"]) | st.text(max_size=20),
)
AUDIOS = st.builds(
    audio,
    sample_rate=st.sampled_from([8_000, 11_025, 22_050, 44_100, 48_000, 96_000]),
    channels=st.integers(1, 8),
    duration=st.none() | st.floats(0.001, 21_600),
    language=st.none() | st.sampled_from(["eng", "de"]),
    default=st.booleans(),
)
PROBES = st.builds(
    lambda picture, sounds, duration: probe(picture, *sounds, duration=duration),
    VIDEOS,
    st.lists(AUDIOS, max_size=2),
    st.none() | st.floats(0.001, 21_600),
)

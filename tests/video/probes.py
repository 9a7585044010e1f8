"""Descriptions of sources, for tests that need no file."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from renditor.ffmpeg.probe import AudioStream, Chapter, KeyFrames, MediaProbe, VideoStream


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


# What an ordinary MP4 says of its pictures if they can be copied.
FIT_FOR_COPYING: dict[str, Any] = {"profile": "High", "level": 31, "as_stored": True}


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
    rotation=st.sampled_from([0, 90, 180, 270, 45]),
    interlaced=st.booleans(),
    variable=st.booleans(),
    full_range=st.booleans(),
    transfer=st.sampled_from([None, "bt709", "smpte2084", "arib-std-b67"]),
    primaries=st.sampled_from([None, "bt709", "bt2020"]),
    matrix=st.sampled_from([None, "bt709", "smpte170m", "bt2020nc", "gbr"]) | st.text(max_size=20),
    dolby_vision=st.none() | st.sampled_from([7, 8]),
) | st.builds(
    lambda size, rate: video(**FIT_FOR_COPYING, width=size[0], height=size[1], frame_rate=rate, average_rate=rate),
    st.sampled_from([(1280, 720), (720, 1280), (1920, 1080), (640, 480)]),
    st.sampled_from([Fraction(25), Fraction(30_000, 1001)]),
)
TEXTS = st.none() | st.sampled_from(["eng", "de", "ger", "und"]) | st.text(max_size=12)
AUDIOS = st.builds(
    audio,
    index=st.integers(1, 63),
    sample_rate=st.sampled_from([8_000, 11_025, 22_050, 44_100, 48_000, 96_000]),
    channels=st.integers(1, 8),
    duration=st.none() | st.floats(0.001, 21_600),
    language=TEXTS,
    title=TEXTS,
    default=st.booleans(),
    commentary=st.booleans(),
)
CHAPTERS = st.lists(st.tuples(st.floats(0, 30), st.floats(0.001, 30)), max_size=6).map(
    lambda spans: tuple(Chapter(start, start + length, "") for start, length in sorted(spans))
)
KEY_FRAMES = st.none() | st.builds(
    KeyFrames,
    rate=st.sampled_from([Fraction(25), Fraction(30_000, 1001)]),
    times=st.just((0.0, 2.0, 4.0, 6.0, 8.0)),
    length=st.sampled_from([10.0, 20.0]),
    peak=st.integers(0, 10**7),
    fault=st.sampled_from([None, None, "it is empty"]),
)


def _probes(videos: st.SearchStrategy[VideoStream]) -> st.SearchStrategy[MediaProbe]:
    return st.builds(
        lambda picture, sounds, **facts: probe(picture, *sounds, **facts),
        videos,
        st.lists(AUDIOS, max_size=10),
        duration=st.none() | st.floats(0.001, 21_600),
        chapters=CHAPTERS,
        key_frames=KEY_FRAMES,
    )


PROBES = _probes(VIDEOS)
SOUNDS = PROBES.map(lambda described: replace(described, video=None))

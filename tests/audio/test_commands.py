from __future__ import annotations

from typing import Any

import pytest

from renditor.audio.base import FORMATS, SAMPLE_RATES, AudioFormat, audio_format
from renditor.audio.commands import encode, names, sample_rate
from renditor.errors import BadRequest, NoSuchStream
from renditor.ffmpeg.probe import AudioStream, MediaProbe


def sound(**changes: Any) -> AudioStream:
    base: dict[str, Any] = {"index": 0, "codec": "flac", "channels": 2, "sample_rate": 44_100}
    return AudioStream(**{**base, **changes})


def song(*streams: AudioStream, **changes: Any) -> MediaProbe:
    base: dict[str, Any] = {"media_type": "audio", "format": "flac", "duration": 10.0, "bytes": 1000, "audio": streams}
    return MediaProbe(**{**base, **changes})


@pytest.mark.parametrize("container", FORMATS)
def test_defaults(container: str) -> None:
    made = audio_format(container)
    assert made.container == container
    assert audio_format(container, 64_000, 48_000) == AudioFormat(made.codec, container, 64_000, 48_000)


@pytest.mark.parametrize(
    "wrong",
    [("ogg", None, None), ("wav", None, None), ("mp3", 1_000, None), ("mp3", 10**6, None), ("mp3", None, 44_000)],
)
def test_what_is_not_written(wrong: tuple[str, int | None, int | None]) -> None:
    with pytest.raises(BadRequest):
        audio_format(*wrong)


@pytest.mark.parametrize(
    ("container", "wanted", "source", "rate"),
    [
        ("opus", 44_100, 44_100, 48_000),
        ("opus", None, 8_000, 48_000),
        ("mp3", None, 44_100, 44_100),
        ("mp3", None, 96_000, 48_000),
        ("m4a", None, 88_200, 44_100),
        ("m4a", 22_050, 44_100, 22_050),
    ],
)
def test_sample_rates(container: str, wanted: int | None, source: int, rate: int) -> None:
    assert sample_rate(audio_format(container, None, wanted), sound(sample_rate=source)) == rate


def test_every_rate_is_one_that_encoders_take() -> None:
    for source in (*SAMPLE_RATES, 7_350, 64_000, 88_200, 176_400, 192_000):
        assert sample_rate(FORMATS["mp3"], sound(sample_rate=source)) in SAMPLE_RATES


def test_names_do_not_collide() -> None:
    formats = (FORMATS["mp3"], FORMATS["m4a"], audio_format("mp3", 64_000), FORMATS["mp3"])
    assert names(formats) == ["audio.mp3", "audio.m4a", "audio-2.mp3", "audio-3.mp3"]


def test_one_decode_feeds_every_format() -> None:
    given = encode(tuple(FORMATS.values()), song(sound(channels=6)), ["-i", "in"], with_cover=False)
    assert given.count("-i") == 1
    graph = given[given.index("-filter_complex") + 1]
    assert "asplit=3" in graph
    assert "channel_layouts=stereo" in graph
    assert given.count("-map_metadata") == 3


def test_mono_stays_mono() -> None:
    given = encode((FORMATS["mp3"],), song(sound(channels=1)), ["-i", "in"], with_cover=False)
    assert "channel_layouts=mono" in given[given.index("-filter_complex") + 1]


def test_low_rates_of_mp3_get_fewer_bits() -> None:
    for rate, most in ((8_000, "64000"), (22_050, "160000"), (44_100, "192000")):
        given = encode((FORMATS["mp3"],), song(sound(sample_rate=rate)), ["-i", "in"], with_cover=False)
        assert given[given.index("-b:a") + 1] == most


def test_a_cover_goes_only_where_it_can() -> None:
    given = encode(tuple(FORMATS.values()), song(sound(), cover=1), ["-i", "in"], with_cover=True)
    assert given.count("attached_pic") == 2
    opus = given[given.index("libopus") :]
    assert "attached_pic" not in opus


def test_tags_are_arguments_and_not_a_language() -> None:
    given = encode((FORMATS["mp3"],), song(sound(), tags={"title": "a;b -y 'c'"}), ["-i", "in"], with_cover=False)
    assert given[given.index("-metadata") + 1] == "title=a;b -y 'c'"


def test_no_sound() -> None:
    with pytest.raises(NoSuchStream, match="no sound"):
        encode((FORMATS["mp3"],), song(), ["-i", "in"], with_cover=False)

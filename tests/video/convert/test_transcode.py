from __future__ import annotations

import itertools
import json
from fractions import Fraction
from typing import Any

import pytest

from renditor.errors import BadRequest, NoSuchStream
from renditor.video.convert.clip import Clip
from renditor.video.convert.containers import AUDIO_CODECS, CONTAINERS, VIDEO_CODECS
from renditor.video.convert.transcode import TranscodeOptions, parse_bitrate, parse_resolution, plan_transcode
from tests.video.probes import audio, probe, video


@pytest.mark.parametrize(
    ("container", "pair"),
    [("mp4", ("h264", "aac")), ("webm", ("vp9", "opus")), ("mkv", ("h264", "aac")), ("mov", ("h264", "aac"))],
)
def test_defaults_fit_the_container(container: str, pair: tuple[str, str]) -> None:
    options = TranscodeOptions(container)
    assert (options.video, options.audio) == pair


@pytest.mark.parametrize(("container", "video_codec"), list(itertools.product(CONTAINERS, VIDEO_CODECS)))
def test_a_picture_the_container_cannot_hold_is_refused_by_name(container: str, video_codec: str) -> None:
    if video_codec in CONTAINERS[container].video:
        assert TranscodeOptions(container, video_codec=video_codec).video == video_codec
        return
    with pytest.raises(BadRequest) as caught:
        TranscodeOptions(container, video_codec=video_codec)
    assert CONTAINERS[container].name in caught.value.detail
    assert VIDEO_CODECS[video_codec].name in caught.value.detail
    assert caught.value.hint


@pytest.mark.parametrize(("container", "audio_codec"), list(itertools.product(CONTAINERS, AUDIO_CODECS)))
def test_a_sound_the_container_cannot_hold_is_refused_by_name(container: str, audio_codec: str) -> None:
    if audio_codec in CONTAINERS[container].audio:
        assert TranscodeOptions(container, audio_codec=audio_codec).audio == audio_codec
        return
    with pytest.raises(BadRequest, match="cannot hold"):
        TranscodeOptions(container, audio_codec=audio_codec)


@pytest.mark.parametrize(
    "wrong",
    [
        {"container": "avi"},
        {"container": "mp4", "video_codec": "mpeg2"},
        {"container": "mp4", "audio_codec": "flac"},
        {"container": "mp4", "preset": "warp"},
        {"container": "mp4", "crf": 52},
        {"container": "mp4", "crf": -1},
        {"container": "webm", "crf": 64},
        {"container": "mp4", "audio_bitrate": 1},
        {"container": "mp4", "max_width": 1},
    ],
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        TranscodeOptions(**wrong)


@pytest.mark.parametrize(("text", "size"), [("1920x1080", (1920, 1080)), (" 640X360 ", (640, 360))])
def test_resolutions(text: str, size: tuple[int, int]) -> None:
    assert parse_resolution(text) == size


@pytest.mark.parametrize("text", ["", "1920", "1920x", "axb", "1x1", "-5x5", "1920x1080x2"])
def test_what_is_no_resolution(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_resolution(text)


@pytest.mark.parametrize(("text", "bits"), [("128k", 128_000), ("1.5M", 1_500_000), ("96000", 96_000), ("64K", 64_000)])
def test_bitrates(text: str, bits: int) -> None:
    assert parse_bitrate(text) == bits


@pytest.mark.parametrize("text", ["", "k", "-1k", "128kb", "1e5"])
def test_what_is_no_bitrate(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_bitrate(text)


@pytest.mark.parametrize(
    ("box", "size"),
    [((None, None), (1280, 720)), ((1920, 1080), (1280, 720)), ((640, 640), (640, 360)), ((None, 101), (180, 100))],
)
def test_nothing_is_enlarged(box: tuple[int | None, int | None], size: tuple[int, int]) -> None:
    options = TranscodeOptions("mp4", max_width=box[0], max_height=box[1])
    assert plan_transcode(probe(), options).size == size


def test_sound_is_planned_for_the_codec() -> None:
    described = probe(video(), audio(sample_rate=44_100, channels=6))
    opus = plan_transcode(described, TranscodeOptions("webm", audio_bitrate=96_000))
    assert [(track.sample_rate, track.bitrate) for track in opus.source.audio] == [(48_000, 96_000)]
    assert opus.encoders == ("libvpx-vp9", "libopus")
    mp3 = plan_transcode(described, TranscodeOptions("mkv", audio_codec="mp3"))
    assert mp3.source.audio[0].sample_rate == 44_100


def test_the_plan_is_json() -> None:
    told = plan_transcode(probe(video(), audio()), TranscodeOptions("webm")).to_json()
    assert json.loads(json.dumps(told))["video_codec"] == "vp9"


# --- what is copied ---

FIT = {"profile": "High", "as_stored": True}


@pytest.mark.parametrize(
    ("options", "copied"),
    [
        ({}, ("video", "audio")),
        ({"video_codec": "h264", "audio_codec": "aac"}, ("video", "audio")),
        ({"max_width": 1280}, ("video", "audio")),
        ({"max_width": 640}, ("audio",)),
        ({"crf": 23}, ("audio",)),
        ({"preset": "medium"}, ("audio",)),
        ({"video_codec": "h265"}, ("audio",)),
        ({"audio_bitrate": 128_000}, ("video",)),
        ({"audio_codec": "mp3"}, ("video",)),
        ({"clip": Clip(1)}, ()),
    ],
)
def test_what_is_not_asked_to_change_is_copied(options: dict[str, Any], copied: tuple[str, ...]) -> None:
    made = plan_transcode(probe(video(**FIT), audio()), TranscodeOptions("mp4", **options))
    assert made.copied == copied
    assert made.to_json()["copied"] == list(copied)
    assert ("libx264" in made.encoders) == ("video" not in copied and options.get("video_codec") != "h265")


@pytest.mark.parametrize(
    "change",
    [
        {"as_stored": False}, {"pixel_format": "yuv444p"}, {"interlaced": True}, {"variable": True},
        {"transfer": "smpte2084"}, {"primaries": "bt2020"}, {"frame_rate": Fraction(100)}, {"codec": "mpeg4"},
        {"dolby_vision": 8},
    ],
)  # fmt: skip
def test_pictures_that_are_not_ordinary_are_encoded(change: dict[str, Any]) -> None:
    assert plan_transcode(probe(video(**{**FIT, **change}), audio()), TranscodeOptions("mp4")).copied == ("audio",)


def test_sound_is_copied_only_if_all_of_it_can_be() -> None:
    sounds = (audio(language="eng"), audio(index=2, language="ger", channels=6))
    assert plan_transcode(probe(video(**FIT), *sounds), TranscodeOptions("mp4")).copied == ("video",)
    assert plan_transcode(probe(video(**FIT)), TranscodeOptions("mp4")).copied == ("video",)
    assert plan_transcode(probe(video(**FIT), audio(), format="avi"), TranscodeOptions("mp4")).copied == ()


def test_sound_alone_is_no_video() -> None:
    with pytest.raises(NoSuchStream):
        plan_transcode(probe(audio=(audio(),), video=None), TranscodeOptions("mp4"))

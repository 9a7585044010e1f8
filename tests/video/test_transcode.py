from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from renditor.errors import BadRequest, NoSuchStream, RenditorError
from renditor.testing import media
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.transcode import (
    AUDIO_CODECS,
    CONTAINERS,
    VIDEO_CODECS,
    TranscodeOptions,
    arguments,
    parse_bitrate,
    parse_resolution,
    plan_transcode,
)
from tests.video.probes import audio, probe, video
from tests.video.runs import Describe, names


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


@pytest.mark.parametrize("codec", VIDEO_CODECS)
@pytest.mark.parametrize("preset", ["ultrafast", "medium", "veryslow"])
def test_presets_are_told_in_the_words_of_the_encoder(codec: str, preset: str) -> None:
    made = plan_transcode(probe(video()), TranscodeOptions("mkv", video_codec=codec, preset=preset))
    given = arguments(made, ["-i", "in"], "out.mkv", threads=2, tone_mapping=True)
    name = "-cpu-used" if codec == "vp9" else "-preset"
    told = given[given.index(name) + 1]
    assert told == preset if codec in ("h264", "h265") else told.isdigit()


def test_the_plan_is_json() -> None:
    told = plan_transcode(probe(video(), audio()), TranscodeOptions("webm")).to_json()
    assert json.loads(json.dumps(told))["video_codec"] == "vp9"


def test_sound_alone_is_no_video() -> None:
    with pytest.raises(NoSuchStream):
        plan_transcode(probe(audio=(audio(),), video=None), TranscodeOptions("mp4"))


# --- on real media ---


@pytest.mark.parametrize(
    ("container", "video_codec", "audio_codec"),
    [
        ("mp4", "h264", "aac"), ("mp4", "h265", "opus"), ("mp4", "av1", "mp3"), ("mov", "h264", "mp3"),
        ("webm", "vp9", "opus"), ("webm", "av1", "opus"), ("mkv", "h265", "aac"),
    ],
)  # fmt: skip
async def test_transcoding(
    provider: FFmpegVideo,
    describe: Describe,
    tmp_path: Path,
    folder: Path,
    container: str,
    video_codec: str,
    audio_codec: str,
) -> None:
    source = media.video(tmp_path / "in.mp4", "322x182", 0.8)
    options = TranscodeOptions(
        container, video_codec, audio_codec, preset="ultrafast", max_width=160, audio_bitrate=64_000
    )
    plan = plan_transcode(await provider.probe(source), options)
    seen: list[float] = []
    output = await provider.transcode(plan, source, folder, lambda done, _: seen.append(done))
    video, sound = describe(output.path)["streams"]
    assert (video["codec_name"], sound["codec_name"]) == ({"h265": "hevc"}.get(video_codec, video_codec), audio_codec)
    assert (video["width"], video["height"]) == (output.width, output.height) == (160, 90)
    assert output.duration == pytest.approx(0.8, abs=0.1)
    assert names(folder) == [f"video.{container}"]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    if (container, video_codec) == ("mp4", "h265"):
        assert video["codec_tag_string"] == "hvc1"


async def test_a_failed_transcode_leaves_nothing(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", "160x90", 6, "-movflags", "+faststart")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    plan = plan_transcode(await provider.probe(cut), TranscodeOptions("mp4"))
    with pytest.raises(RenditorError):
        await provider.transcode(plan, cut, folder, lambda *_: None)
    assert names(folder) == []

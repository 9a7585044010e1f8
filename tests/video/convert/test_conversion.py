"""Single files from single files, on real media."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from renditor.errors import RenditorError
from renditor.ffmpeg.probe import Chapter
from renditor.models import Output
from renditor.testing import media
from renditor.video.convert.clip import Clip
from renditor.video.convert.containers import CONTAINERS, VIDEO_CODECS
from renditor.video.convert.conversion import ffmetadata
from renditor.video.convert.transcode import TranscodeOptions, plan_transcode
from renditor.video.ffmpeg import FFmpegVideo
from tests.video.films import SECONDS, beginnings, blinks, film, frames, loudness
from tests.video.probes import probe, video
from tests.video.runs import Describe, names


async def convert(provider: FFmpegVideo, source: Path, folder: Path, options: TranscodeOptions) -> Output:
    plan = plan_transcode(await provider.probe(source), options)
    return await provider.transcode(plan, source, folder, lambda *_: None)


@pytest.mark.parametrize("codec", VIDEO_CODECS)
@pytest.mark.parametrize("preset", ["ultrafast", "medium", "veryslow"])
def test_presets_are_told_in_the_words_of_the_encoder(provider: FFmpegVideo, codec: str, preset: str) -> None:
    made = plan_transcode(probe(video()), TranscodeOptions("mkv", video_codec=codec, preset=preset))
    (command,) = provider.transcode_commands(made, Path("in.mp4"))
    given = command.argv
    name = "-cpu-used" if codec == "vp9" else "-preset"
    told = given[given.index(name) + 1]
    assert told == preset if codec in ("h264", "h265") else told.isdigit()


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


# --- what goes along ---


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"))


@pytest.mark.parametrize("container", CONTAINERS)
async def test_languages_captions_and_chapters_go_along(
    provider: FFmpegVideo, describe: Describe, source: Path, folder: Path, container: str
) -> None:
    options = TranscodeOptions(container, max_width=80, preset="ultrafast", audio_bitrate=32_000)
    output = await convert(provider, source, folder, options)
    found = describe(output.path, "-show_chapters")
    streams = [one for one in found["streams"] if one["codec_type"] != "data" and one["codec_name"] != "bin_data"]
    assert [one["codec_type"] for one in streams] == ["video", "audio", "audio", "subtitle"]
    german = "deu" if container == "mp4" else "ger"
    assert [one["tags"]["language"] for one in streams[1:]] == ["eng", german, "eng"]
    assert streams[3]["codec_name"] == CONTAINERS[container].text
    assert [one["disposition"]["default"] for one in streams[1:3]] == [1, 0]
    assert [(one["start_time"], one["end_time"], one["tags"]["title"]) for one in found["chapters"]] == [
        ("0.000000", "3.000000", "Dusk"), ("3.000000", "7.000000", "Dawn"),
    ]  # fmt: skip
    media.ffmpeg("-i", output.path, "-map", "0:s:0", folder / "words.srt")
    text = (folder / "words.srt").read_text()
    assert "00:00:01,000 --> 00:00:03,000\n<b>Good</b> evening" in text
    assert output.metadata["copied"] == []


async def test_what_complies_is_copied(provider: FFmpegVideo, describe: Describe, source: Path, folder: Path) -> None:
    output = await convert(provider, source, folder, TranscodeOptions("mp4"))
    assert output.metadata["copied"] == ["video", "audio"]
    assert np.array_equal(frames(output.path), frames(source))
    assert b"x264 - core" not in output.path.read_bytes()
    assert output.path.read_bytes().index(b"moov") < output.path.read_bytes().index(b"mdat")
    assert len(describe(output.path, "-show_chapters")["chapters"]) == 2


async def test_titles_are_their_authors_words(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path
) -> None:
    picture = media.video(tmp_path / "in.mp4", "64x36", 0.4, "-metadata", "comment=secret")
    title = 'Director\'s "cut"; 100 % = a,b'
    tagged = ("-metadata:s:a:0", f"title={title}", "-metadata:s:a:0", "handler_name=phone 7")
    media.ffmpeg("-i", picture, "-c", "copy", *tagged, tmp_path / "in.mkv")
    output = await convert(provider, tmp_path / "in.mkv", folder, TranscodeOptions("mkv", crf=40))
    found = describe(output.path, "-show_format")
    assert found["streams"][1]["tags"]["title"] == title
    assert "secret" not in str(found)


async def test_captions_that_are_damaged_stop_nothing(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path
) -> None:
    picture = media.video(tmp_path / "in.mp4", "64x36", 0.4)
    (tmp_path / "empty.srt").write_text("1\n00:00:00,000 --> 00:00:00,100\n \n")
    media.ffmpeg("-i", picture, "-i", tmp_path / "empty.srt", "-c", "copy", "-c:s", "srt", tmp_path / "in.mkv")
    output = await convert(provider, tmp_path / "in.mkv", folder, TranscodeOptions("mkv", crf=40))
    assert [one["codec_type"] for one in describe(output.path)["streams"]] == ["video", "audio"]
    assert [note for note in output.metadata["notes"] if "left out" in note]


def test_titles_of_chapters_are_escaped() -> None:
    text = ffmetadata([Chapter(0, 1.5, "a=b;c#d\\e"), Chapter(1.5, 2, "")])
    assert "START=0\nEND=1500\ntitle=a\\=b\\;c\\#d\\\\e\n" in text


# --- a part ---


@pytest.mark.parametrize("container", ["mkv", "ts", "avi"])
async def test_a_part_is_cut_on_the_frame(
    provider: FFmpegVideo, source: Path, tmp_path: Path, folder: Path, container: str
) -> None:
    given = source
    if container != "mkv":
        given, filters = tmp_path / f"in.{container}", ("-bsf:v", "h264_mp4toannexb")
        media.ffmpeg("-i", source, "-map", "0:v", "-map", "0:a:0", "-c:v", "copy", *filters, "-c:a", "mp3", given)
    options = TranscodeOptions("mp4", preset="ultrafast", crf=18, clip=Clip(2.04, 4.6))
    whole = frames((await convert(provider, given, folder, replace(options, clip=Clip()))).path).astype(int)
    output = await convert(provider, given, folder, options)
    part = frames(output.path).astype(int)
    assert len(part) == 64
    assert output.duration == pytest.approx(2.56, abs=0.05)
    for number in (0, 30, 63):
        errors = [float(np.abs(part[number] - whole[51 + number + shift]).mean()) for shift in range(-3, 4)]
        assert int(np.argmin(errors)) == 3, errors


async def test_sound_captions_and_chapters_of_a_part(
    provider: FFmpegVideo, describe: Describe, source: Path, tmp_path: Path, folder: Path
) -> None:
    clip = Clip(2, 5.5)
    cut = await convert(provider, source, folder, TranscodeOptions("mkv", crf=40, max_width=80, clip=clip))
    found = describe(cut.path, "-show_chapters")["chapters"]
    assert [(one["start_time"], one["end_time"], one["tags"]["title"]) for one in found] == [
        ("0.000000", "1.000000", "Dusk"), ("1.000000", "3.500000", "Dawn"),
    ]  # fmt: skip
    media.ffmpeg("-i", cut.path, "-map", "0:s:0", tmp_path / "words.srt")
    text = (tmp_path / "words.srt").read_text()
    assert "00:00:00,000 --> 00:00:01,000\n<b>Good</b> evening" in text
    assert "00:00:02,000 --> 00:00:03,500\nGood night" in text


async def test_sound_of_a_part_stays_with_its_pictures(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    options = TranscodeOptions("mp4", max_width=80, clip=Clip(0.76, 3.8))
    output = await convert(provider, blinks(tmp_path), folder, options)
    assert beginnings(frames(output.path).mean(axis=(1, 2)), 25) == [0.24, 2.24]
    assert beginnings(loudness(output.path), 8000) == pytest.approx([0.24, 2.24], abs=0.02)


async def test_the_rest_from_a_moment_on(provider: FFmpegVideo, source: Path, folder: Path) -> None:
    output = await convert(provider, source, folder, TranscodeOptions("mp4", max_width=80, clip=Clip(6.2)))
    assert len(frames(output.path)) == round((SECONDS - 6.2) * 25)

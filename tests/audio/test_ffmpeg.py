"""The audio provider on real media; every result is read back with ffprobe."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from renditor.audio.base import FORMATS, AudioProvider, audio_format
from renditor.audio.ffmpeg import FFmpegAudio
from renditor.errors import CorruptMedia, NoSuchStream, RenditorError, UnsupportedMedia
from renditor.ffmpeg.binaries import Binaries, Binary
from renditor.ffmpeg.run import Toolbox
from renditor.models import Output
from renditor.testing import media

ALL = tuple(FORMATS.values())


@pytest.fixture(scope="session")
def provider(toolbox: Toolbox) -> FFmpegAudio:
    return FFmpegAudio(toolbox)


def describe(binaries: Binaries, path: Path) -> dict[str, Any]:
    command = [
        str(binaries.require("ffprobe").path),
        "-v",
        "error",
        "-print_format",
        "json",
        "-show_streams",
        "-show_format",
    ]
    found: dict[str, Any] = json.loads(subprocess.run([*command, str(path)], capture_output=True, check=True).stdout)
    return found


async def make(provider: AudioProvider, source: Path, folder: Path, *containers: str) -> dict[str, Output]:
    formats = tuple(FORMATS[name] for name in containers) or ALL
    outputs = await provider.run(formats, source, folder, lambda *_: None)
    return {output.path.suffix: output for output in outputs}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_song_in_three_formats(provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path) -> None:
    source = media.song(tmp_path / "in.wav", 3, "-ar", "44100")
    seen: list[tuple[float, str]] = []
    outputs = await provider.run(ALL, source, folder, lambda done, stage: seen.append((done, stage)))
    assert _names(folder) == ["audio.m4a", "audio.mp3", "audio.opus"]
    expected = {
        ".mp3": ("mp3", "44100", "audio/mpeg"),
        ".m4a": ("aac", "44100", "audio/mp4"),
        ".opus": ("opus", "48000", "audio/ogg"),
    }
    for output in outputs:
        (stream,) = describe(binaries, output.path)["streams"]
        codec, rate, content_type = expected[output.path.suffix]
        assert (stream["codec_name"], stream["sample_rate"], stream["channels"]) == (codec, rate, 2)
        assert output.duration == pytest.approx(3.0, abs=0.05)
        assert (output.kind, output.content_type, output.bytes) == ("audio", content_type, output.path.stat().st_size)
    content = (folder / "audio.m4a").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    fractions = [done for done, _ in seen]
    assert fractions == sorted(fractions)
    assert seen[-1] == (1.0, "completed")


async def test_the_wanted_rate_and_bits(
    provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path
) -> None:
    source = media.song(tmp_path / "in.flac", 3)
    wanted = (audio_format("mp3", 64_000, 22_050), audio_format("opus", 32_000, 44_100))
    mp3, opus = await provider.run(wanted, source, folder, lambda *_: None)
    assert (mp3.metadata["sample_rate"], opus.metadata["sample_rate"]) == (22_050, 48_000)
    assert mp3.bytes == pytest.approx(64_000 / 8 * 3, rel=0.1)
    assert opus.bytes < mp3.bytes


async def test_cover_and_tags_are_kept_where_they_can_be(
    provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path
) -> None:
    media.photo(tmp_path / "cover.jpg", 1400, 1400, orientation=6)
    media.song(tmp_path / "plain.mp3", 1)
    tags = ("-metadata", "title=Song; -y 'x'", "-metadata", "artist=Me", "-metadata", "location=+52+13/")
    both = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic")
    media.ffmpeg("-i", tmp_path / "plain.mp3", "-i", tmp_path / "cover.jpg", *both, *tags, tmp_path / "in.mp3")
    assert b"Example Camera" in (tmp_path / "in.mp3").read_bytes()
    made = await make(provider, tmp_path / "in.mp3", folder)
    for suffix in (".mp3", ".m4a"):
        found = describe(binaries, made[suffix].path)
        (picture,) = [stream for stream in found["streams"] if stream["codec_type"] == "video"]
        assert picture["disposition"]["attached_pic"] == 1
        assert (picture["width"], picture["height"]) == (1000, 1000)
        assert (found["format"]["tags"]["title"], found["format"]["tags"]["artist"]) == ("Song; -y 'x'", "Me")
    opus = describe(binaries, made[".opus"].path)
    assert [stream["codec_type"] for stream in opus["streams"]] == ["audio"]
    assert opus["streams"][0]["tags"]["title"] == "Song; -y 'x'"
    for output in made.values():
        content = output.path.read_bytes()
        assert b"Example Camera" not in content
        assert b"+52+13" not in content


async def test_a_damaged_cover_does_not_stop_the_music(
    provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path
) -> None:
    media.photo(tmp_path / "cover.jpg", 200, 200)
    media.song(tmp_path / "plain.mp3", 1)
    both = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic")
    media.ffmpeg("-i", tmp_path / "plain.mp3", "-i", tmp_path / "cover.jpg", *both, tmp_path / "in.mp3")
    content = bytearray((tmp_path / "in.mp3").read_bytes())
    start = content.index(b"\xff\xd8\xff")
    content[start + 2 : start + 1500] = b"\x11" * 1498
    (tmp_path / "in.mp3").write_bytes(content)
    made = await make(provider, tmp_path / "in.mp3", folder, "mp3")
    assert made[".mp3"].duration == pytest.approx(1.0, abs=0.1)


async def test_the_sound_of_a_video(provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "64x36", 2, "-ac", "6")
    made = await make(provider, source, folder)
    for output in made.values():
        (stream,) = describe(binaries, output.path)["streams"]
        assert (stream["codec_type"], stream["channels"]) == ("audio", 2)


@pytest.mark.parametrize("name", ["in.mkv", "in.mp4", "in.mov"])
@pytest.mark.parametrize(("begins", "ends"), [(1.5, 4), (0, 2)])
async def test_sound_that_is_shorter_than_its_video(
    provider: FFmpegAudio, tmp_path: Path, folder: Path, name: str, begins: float, ends: float
) -> None:
    """Matroska does not say how long a stream is: the length of the whole file is not what the sound has to last."""
    video, tone = (media.video(tmp_path / f"{part}.mp4", "64x36", 4) for part in ("video", "tone"))
    cut = f"atrim={begins}:{ends}"
    media.ffmpeg("-i", video, "-i", tone, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-af", cut, tmp_path / name)
    made = await make(provider, tmp_path / name, folder, "m4a")
    assert made[".m4a"].duration == pytest.approx(ends - begins, abs=0.1)


async def test_the_shorter_of_two_tracks(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    long, short = media.song(tmp_path / "long.m4a", 4), media.song(tmp_path / "short.m4a", 1)
    chosen = ("-disposition:a:0", "default", "-disposition:a:1", "0")
    media.ffmpeg("-i", short, "-i", long, "-map", "0", "-map", "1", "-c", "copy", *chosen, tmp_path / "in.mka")
    made = await make(provider, tmp_path / "in.mka", folder, "mp3")
    assert made[".mp3"].duration == pytest.approx(1, abs=0.1)


async def test_a_video_without_sound(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "64x36", 1, sound=False)
    with pytest.raises(NoSuchStream, match="no sound"):
        await make(provider, source, folder)
    assert _names(folder) == []


async def test_silence_is_music_too(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    media.ffmpeg("-f", "lavfi", "-i", "anullsrc=r=44100:d=2", tmp_path / "in.wav")
    made = await make(provider, tmp_path / "in.wav", folder)
    assert all(output.duration == pytest.approx(2.0, abs=0.05) for output in made.values())
    assert all(output.bytes > 300 for output in made.values())


async def test_an_empty_stream_is_an_error_and_no_file(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    header = media.song(tmp_path / "full.wav", 1).read_bytes()[:78]
    (tmp_path / "in.wav").write_bytes(header)
    with pytest.raises((NoSuchStream, CorruptMedia)):
        await make(provider, tmp_path / "in.wav", folder)
    assert _names(folder) == []


async def test_a_file_that_ends_early(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    whole = media.song(tmp_path / "whole.m4a", 8, "-movflags", "+faststart").read_bytes()
    (tmp_path / "cut.m4a").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptMedia, match="incomplete"):
        await make(provider, tmp_path / "cut.m4a", folder)
    assert _names(folder) == []


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("in.ogg", ("-c:a", "libvorbis")),
        ("in.aac", ()),
        ("in.mka", ("-c:a", "flac", "-ar", "96000")),
        ("low.wav", ("-ar", "8000", "-ac", "1")),
        ("in.aiff", ()),
    ],
)
async def test_kinds_of_sources(
    provider: FFmpegAudio, tmp_path: Path, folder: Path, name: str, options: tuple[str, ...]
) -> None:
    made = await make(provider, media.song(tmp_path / name, 1, *options), folder)
    assert all(output.duration == pytest.approx(1.0, abs=0.1) for output in made.values())


async def test_text_is_no_song(provider: FFmpegAudio, tmp_path: Path) -> None:
    (tmp_path / "in.mp3").write_text("#EXTM3U\nhttp://127.0.0.1/a.mp3\n")
    with pytest.raises(UnsupportedMedia):
        await provider.probe(tmp_path / "in.mp3")


async def test_a_missing_encoder_is_named_before_work(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    ffmpeg = toolbox.binaries.require("ffmpeg")
    poor = Binaries(Binary(ffmpeg.path, ffmpeg.version, ffmpeg.sha256), toolbox.binaries.ffprobe)
    provider = FFmpegAudio(Toolbox(toolbox._launcher, poor, toolbox.settings))
    with pytest.raises(RenditorError, match="libmp3lame"):
        await make(provider, media.song(tmp_path / "in.wav", 0.2), folder)


async def test_the_commands_are_those_of_the_run(provider: FFmpegAudio, tmp_path: Path) -> None:
    source = media.song(tmp_path / "in.wav", 0.2)
    (command,) = provider.commands(ALL, await provider.probe(source), source)
    assert command.stage == "encoding"
    assert f"file:{source}" in command.argv
    assert {"audio.mp3", "audio.m4a", "audio.opus"} <= set(command.argv)


@pytest.mark.parametrize(
    "name",
    ["bigbuckbunny.mp4", "exo_bear_with_picture.flac", "exo_bear-vbr-no-seek-table.mp3", "exo_bear_vorbis_gap.ogg",
     "exo_sample_dthd.mp4", "mp4p_sine-3s-xhe-aac-44khz-mono.mp4", "mp4p_amr_nb_1f.3gp", "vhs_aacWithId3.aac"],
)  # fmt: skip
async def test_samples(provider: FFmpegAudio, shared_media: Path, folder: Path, name: str) -> None:
    source = await provider.probe(shared_media / name)
    for output in (await make(provider, shared_media / name, folder, "m4a", "opus")).values():
        assert output.duration == pytest.approx(source.duration, abs=0.1)

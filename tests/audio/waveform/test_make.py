"""Waveforms of real files, decoded in the sandbox."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from renditor.audio.ffmpeg import FFmpegAudio
from renditor.audio.waveform.plan import SET, DataFile, PictureFile, WaveformPlan
from renditor.errors import CorruptMedia, NoSuchStream, RenditorError, UnsupportedMedia
from renditor.ffmpeg.run import Toolbox
from renditor.testing import media

from . import reference

STEREO = "aevalsrc=0.7*sin(2*PI*330*t)*sin(t)|0.4*sin(2*PI*220*t):d={}:s={}"


@pytest.fixture(scope="module")
def provider(toolbox: Toolbox) -> FFmpegAudio:
    return FFmpegAudio(toolbox)


async def data(provider: FFmpegAudio, source: Path, folder: Path, *, zoom: int = 256, split: bool = False) -> bytes:
    """The binary file, 16 bit."""
    plan = WaveformPlan((DataFile("a.dat", zoom, 16),), split=split)
    return ((await provider.waveform(plan, source, folder, lambda *_: None)).path / "a.dat").read_bytes()


def numbers(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """By point, (minimum, maximum) of the only channel."""
    return np.frombuffer(content[24:], "<i2").reshape(-1, 2)


def listed(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def pcm(source: Path, folder: Path, *options: str) -> bytes:
    media.ffmpeg("-i", source, *options, "-f", "s16le", folder / "pcm")
    return (folder / "pcm").read_bytes()


@pytest.mark.parametrize("name", ["in.wav", "in.mp3", "in.m4a", "in.opus", "in.ogg", "in.flac"])
@pytest.mark.parametrize("split", [False, True])
async def test_equal_to_the_reference(
    provider: FFmpegAudio, tmp_path: Path, folder: Path, name: str, split: bool
) -> None:
    rate = 48_000 if name == "in.opus" else 44_100
    media.ffmpeg("-f", "lavfi", "-i", STEREO.format(2.5, rate), tmp_path / name)
    moments = reference.moments(pcm(tmp_path / name, tmp_path), 2)
    expected = reference.dat(reference.points(moments, 100, split=split), rate, 100, 16)
    assert await data(provider, tmp_path / name, folder, zoom=100, split=split) == expected


async def test_a_set(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    media.ffmpeg("-f", "lavfi", "-i", STEREO.format(4, 48_000), tmp_path / "in.flac")
    seen: list[tuple[float, str]] = []
    output = await provider.waveform(SET, tmp_path / "in.flac", folder, lambda *told: seen.append(told))
    assert listed(folder) == {"waveform"}
    names = {"waveform.json", "waveform.svg", "waveform.png"} | {f"waveform-{z}.dat" for z in (256, 1024, 4096)}
    assert listed(output.path) == names
    moments = reference.moments(pcm(tmp_path / "in.flac", tmp_path), 2)
    for zoom in (256, 1024, 4096):
        points = reference.points(moments, zoom, split=False)
        assert (output.path / f"waveform-{zoom}.dat").read_bytes() == reference.dat(points, 48_000, zoom, 8)
        if zoom == 1024:
            assert (output.path / "waveform.json").read_bytes() == reference.json(points, 48_000, zoom, 8)
    assert (output.kind, output.name, output.duration) == ("waveform", "waveform", 4.0)
    assert output.bytes == sum(path.stat().st_size for path in output.path.iterdir())
    assert output.metadata["files"][0] == {
        "name": "waveform.json",
        "samples_per_pixel": 1024,
        "bits": 8,
        "length": -(-4 * 48_000 // 1024),
    }
    fractions = [done for done, _ in seen]
    assert fractions == sorted(fractions)
    assert (seen[0][1], seen[-1]) == ("reading", (1.0, "completed"))
    assert len(fractions) > 5


async def test_mono(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    media.ffmpeg("-f", "lavfi", "-i", "sine=d=1:r=22050", tmp_path / "in.wav")
    moments = reference.moments(pcm(tmp_path / "in.wav", tmp_path), 1)
    expected = reference.dat(reference.points(moments, 256, split=True), 22_050, 256, 16)
    assert await data(provider, tmp_path / "in.wav", folder) == expected
    assert await data(provider, tmp_path / "in.wav", folder, split=True) == expected


async def test_surround_is_what_its_stereo_is(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    parts = "|".join(f"0.{3 + place}*sin({200 + 90 * place}*t)" for place in range(6))
    media.ffmpeg("-f", "lavfi", "-i", f"aevalsrc={parts}:d=1:c=5.1:s=48000", tmp_path / "in.flac")
    moments = reference.moments(pcm(tmp_path / "in.flac", tmp_path, "-ac", "2"), 2)
    expected = reference.dat(reference.points(moments, 256, split=True), 48_000, 256, 16)
    assert await data(provider, tmp_path / "in.flac", folder, split=True) == expected


async def test_silence(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    media.ffmpeg("-f", "lavfi", "-i", "anullsrc=r=44100:d=2", tmp_path / "in.wav")
    output = await provider.waveform(SET, tmp_path / "in.wav", folder, lambda *_: None)
    told = json.loads((output.path / "waveform.json").read_bytes())
    assert told["data"] == [0] * 2 * -(-88_200 // 1024)


async def test_a_hundredth_of_a_second(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    media.ffmpeg("-f", "lavfi", "-i", "sine=d=0.01:r=44100", tmp_path / "in.wav")
    output = await provider.waveform(SET, tmp_path / "in.wav", folder, lambda *_: None)
    assert json.loads((output.path / "waveform.json").read_bytes())["length"] == 1
    assert struct.unpack("<I", (output.path / "waveform-256.dat").read_bytes()[16:20]) == (2,)
    assert output.duration == pytest.approx(0.01)


async def test_sound_that_begins_later_than_its_video_stands_at_its_time(
    provider: FFmpegAudio, tmp_path: Path, folder: Path
) -> None:
    picture, tone = (media.video(tmp_path / f"{part}.mp4", "64x36", 3) for part in ("picture", "tone"))
    both = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-af", "atrim=1")
    media.ffmpeg("-i", picture, "-i", tone, *both, tmp_path / "in.mkv")
    heights = numbers(await data(provider, tmp_path / "in.mkv", folder, zoom=441))[:, 1]
    assert len(heights) == pytest.approx(300, abs=5)
    assert heights[:95].max() == 0
    assert heights[105:290].min() > 1000


async def test_a_gap_is_silence(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    media.ffmpeg("-f", "lavfi", "-i", "sine=d=3:r=44100", "-af", "aselect='not(between(t,1,2))'", tmp_path / "in.mka")
    heights = numbers(await data(provider, tmp_path / "in.mka", folder, zoom=441))[:, 1]
    assert len(heights) == pytest.approx(300, abs=5)
    assert heights[110:190].max() < heights[:90].min() / 4


async def test_a_short_sound_has_points_for_its_picture(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    """Half a second of a slow beat: 86 points of 256 samples would be blocks of 20 px."""
    media.ffmpeg("-f", "lavfi", "-i", "aevalsrc=sin(2*PI*2*t):d=0.5:s=44100", tmp_path / "in.wav")
    plan = WaveformPlan((PictureFile("a.svg", 800, 100), DataFile("a.dat", 256)))
    output = await provider.waveform(plan, tmp_path / "in.wav", folder, lambda *_: None)
    assert (output.path / "a.svg").read_text().count("h1v") > 400
    assert struct.unpack("<i", (output.path / "a.dat").read_bytes()[12:16]) == (256,)


async def _refused(provider: FFmpegAudio, source: Path, folder: Path) -> RenditorError:
    with pytest.raises(RenditorError) as caught:
        await provider.waveform(SET, source, folder, lambda *_: None)
    assert listed(folder) == set()
    return caught.value


async def test_what_has_no_sound(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    mute = media.video(tmp_path / "in.mp4", "64x36", 1, sound=False)
    assert isinstance(await _refused(provider, mute, folder), NoSuchStream)
    (tmp_path / "in.mp3").write_text("#EXTM3U\nhttp://127.0.0.1/a.mp3\n")
    assert isinstance(await _refused(provider, tmp_path / "in.mp3", folder), UnsupportedMedia)
    empty = media.song(tmp_path / "full.wav", 1).read_bytes()[:78]
    (tmp_path / "in.wav").write_bytes(empty)
    assert isinstance(await _refused(provider, tmp_path / "in.wav", folder), NoSuchStream | CorruptMedia)


async def test_damage_is_no_silence(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    whole = media.song(tmp_path / "whole.m4a", 8, "-movflags", "+faststart").read_bytes()
    (tmp_path / "cut.m4a").write_bytes(whole[: len(whole) // 2])
    assert isinstance(await _refused(provider, tmp_path / "cut.m4a", folder), CorruptMedia)
    noise = bytearray(media.song(tmp_path / "whole.mp3", 8).read_bytes())
    start = len(noise) // 8
    noise[start:-start] = bytes(byte ^ 0x55 for byte in noise[start:-start])
    (tmp_path / "in.mp3").write_bytes(noise)
    assert isinstance(await _refused(provider, tmp_path / "in.mp3", folder), CorruptMedia)


@pytest.mark.parametrize(
    "name",
    ["bigbuckbunny.mp4", "exo_bear.opus", "exo_bear-vbr-no-seek-table.mp3", "exo_bear_with_picture.flac",
     "exo_sample.flv", "exo_sample_ac3_aac.mp4", "exo_video_desks.3gp", "mp4p_sine-3s-xhe-aac-44khz-mono.mp4"],
)  # fmt: skip
async def test_samples(provider: FFmpegAudio, shared_media: Path, folder: Path, name: str) -> None:
    """Two are so quiet that 8 bits show nothing of them."""
    heights = numbers(await data(provider, shared_media / name, folder))
    probe = await provider.probe(shared_media / name)
    assert probe.main_audio
    assert len(heights) * 256 / probe.main_audio.sample_rate == pytest.approx(probe.duration, abs=0.15)
    assert heights[:, 0].min() < 0 < heights[:, 1].max()

"""The video provider on real media: everything it says is read back by others (ffprobe, m3u8, libvips)."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import m3u8
import psutil
import pytest
import pyvips

from renditor.errors import CorruptMedia, NoSuchStream, RenditorError
from renditor.ffmpeg.binaries import Binaries
from renditor.ffmpeg.run import Toolbox
from renditor.models import Output
from renditor.testing import media
from renditor.video.base import VideoSettings
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.frames import FrameOptions
from renditor.video.plan import VideoPlan
from renditor.video.transcode import TranscodeOptions, plan_transcode

BT709 = ("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-colorspace", "bt709")
Describe = Callable[..., dict[str, Any]]


@dataclass
class Made:
    """A finished run."""

    plan: VideoPlan
    folder: Path
    outputs: dict[str, Output]
    progress: list[tuple[float, str]]


@pytest.fixture(scope="session")
def provider(toolbox: Toolbox) -> FFmpegVideo:
    return FFmpegVideo(toolbox, VideoSettings(tier="instant"))


@pytest.fixture(scope="session")
def describe(binaries: Binaries) -> Describe:
    """ffprobe of a result, outside our code."""

    def run(path: Path, *more: str) -> dict[str, Any]:
        command = [str(binaries.require("ffprobe").path), "-v", "error", "-print_format", "json", "-show_streams"]
        out = subprocess.run([*command, *more, str(path)], capture_output=True, check=True).stdout
        found: dict[str, Any] = json.loads(out)
        return found

    return run


async def make(provider: FFmpegVideo, source: Path, folder: Path) -> Made:
    plan = provider.plan(await provider.probe(source))
    seen: list[tuple[float, str]] = []
    outputs = await provider.run(plan, source, folder, lambda done, stage: seen.append((done, stage)))
    return Made(plan, folder, {output.kind: output for output in outputs}, seen)


def pixel(path: Path, across: float, down: float) -> list[float]:
    """The colour at a place given in shares of width and height."""
    picture = pyvips.Image.new_from_file(str(path))
    return [float(value) for value in picture.getpoint(int(picture.width * across), int(picture.height * down))[:3]]


def corners(path: Path) -> list[int]:
    """Which colour of ``media.QUADRANTS`` each quarter shows: top left, top right, bottom left, bottom right."""
    found = []
    for down in (0.25, 0.75):
        for across in (0.25, 0.75):
            colour = pixel(path, across, down)
            distances = [max(abs(a - b) for a, b in zip(colour, one, strict=True)) for one in media.QUADRANTS]
            best = min(range(4), key=distances.__getitem__)
            assert distances[best] < 14, (colour, media.QUADRANTS)
            found.append(best)
    return found


def quadrants(path: Path, size: tuple[int, int], *options: str, seconds: float = 1) -> Path:
    """A still video of four coloured quarters, coded with known colours."""
    still = path.with_suffix(".png")
    media.quadrants(*size).write_to_file(str(still))
    media.ffmpeg("-loop", "1", "-i", still, "-t", str(seconds), "-r", "25", *options, path)
    return path


@pytest.fixture(scope="session")
def ladder(provider: FFmpegVideo, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """13 s of 480p at 29.97 frames a second with 5.1 sound: two rungs, three segments."""
    place = tmp_path_factory.mktemp("ladder")
    source = media.video(
        place / "in.mp4", "854x480", 13, "-ac", "6", "-metadata:s:a:0", "language=fra", rate="30000/1001"
    )
    folder = place / "job"
    folder.mkdir()
    return asyncio.run(make(provider, source, folder))


# --- the set ---


def test_the_master_playlist(ladder: Made) -> None:
    root = ladder.outputs["hls"].path
    master = m3u8.load(str(root / "master.m3u8"))
    assert master.is_independent_segments
    assert [p.stream_info.resolution for p in master.playlists] == [(640, 360), (854, 480)]
    for playlist in master.playlists:
        info = playlist.stream_info
        assert info.codecs.startswith("avc1.64")
        assert info.codecs.endswith(",mp4a.40.2")
        assert info.frame_rate == pytest.approx(29.97)
        assert (info.audio, info.video_range) == ("audio", "SDR")
        video = m3u8.load(str(root / playlist.uri))
        sound = m3u8.load(str(root / "audio" / "index.m3u8"))
        peaks = [_peak(root / playlist.uri, video), _peak(root / "audio" / "x", sound)]
        assert max(peaks[0]) + max(peaks[1]) <= info.bandwidth
        average = (sum(_bits(root / playlist.uri, video)) + sum(_bits(root / "audio" / "x", sound))) / 13
        assert info.average_bandwidth == pytest.approx(average, rel=0.01)
        assert info.average_bandwidth <= info.bandwidth
    (track,) = master.media
    assert (track.type, track.default, track.autoselect, track.language, track.channels) == (
        "AUDIO", "YES", "YES", "fr", "2",
    )  # fmt: skip
    assert [one.iframe_stream_info.resolution for one in master.iframe_playlists] == [(640, 360), (854, 480)]


def _bits(playlist: Path, loaded: m3u8.M3U8) -> list[int]:
    return [(playlist.parent / segment.uri).stat().st_size * 8 for segment in loaded.segments]


def _peak(playlist: Path, loaded: m3u8.M3U8) -> list[float]:
    durations = [segment.duration for segment in loaded.segments]
    return [bits / one for bits, one in zip(_bits(playlist, loaded), durations, strict=True) if one > 3]


def test_segments_lie_at_the_same_times_and_exist(ladder: Made) -> None:
    root = ladder.outputs["hls"].path
    loaded = [m3u8.load(str(root / rung.name / "index.m3u8")) for rung in ladder.plan.rungs]
    durations = [[segment.duration for segment in playlist.segments] for playlist in loaded]
    assert durations[0] == durations[1]
    assert durations[0] == pytest.approx([6.006, 6.006, 1.001], abs=0.002)
    assert all(round(one) <= loaded[0].target_duration for one in durations[0])
    assert loaded[0].is_endlist
    names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_/") for name in names)
    assert {"master.m3u8", "manifest.mpd", "480p/init.mp4", "480p/3.m4s", "audio/1.m4s", "360p/iframe.m3u8"} <= names


def test_key_frames_come_every_two_seconds_in_every_rung(ladder: Made, describe: Describe, tmp_path: Path) -> None:
    found = []
    for rung in ladder.plan.rungs:
        root = ladder.outputs["hls"].path / rung.name
        joined = tmp_path / f"{rung.name}.mp4"
        parts = ["init.mp4", "1.m4s", "2.m4s", "3.m4s"]
        joined.write_bytes(b"".join((root / part).read_bytes() for part in parts))
        packets = describe(joined, "-show_packets")["packets"]
        assert len(packets) == 390
        found.append([float(packet["pts_time"]) for packet in packets if "K" in packet["flags"]])
    assert found[0] == found[1]
    assert found[0] == pytest.approx([2.002 * number for number in range(7)], abs=0.002)


def test_a_key_frame_playlist_names_each_of_them(ladder: Made) -> None:
    root = ladder.outputs["hls"].path / "480p"
    playlist = m3u8.load(str(root / "iframe.m3u8"))
    assert playlist.is_i_frames_only
    assert len(playlist.segments) == 7
    for segment in playlist.segments:
        length, offset = map(int, segment.byterange.split("@"))
        data = (root / segment.uri).read_bytes()[offset : offset + length]
        assert data[4:8] == b"moof"
        assert len(data) == length


def test_the_manifest_for_dash(ladder: Made) -> None:
    text = (ladder.outputs["hls"].path / "manifest.mpd").read_text()
    assert 'type="static"' in text
    assert 'frameRate="30000/1001"' in text
    assert 'lang="fr"' in text
    assert text.count("<Representation") == 3
    assert "http://" not in text.replace("http://www.w3.org", "").replace("http://dashif", "")


def test_each_rung_is_what_players_expect(ladder: Made, describe: Describe, tmp_path: Path) -> None:
    for rung in ladder.plan.rungs:
        root = ladder.outputs["hls"].path / rung.name
        joined = tmp_path / "joined.mp4"
        joined.write_bytes((root / "init.mp4").read_bytes() + (root / "3.m4s").read_bytes())
        (stream,) = describe(joined)["streams"]
        assert (stream["codec_name"], stream["profile"], stream["level"] <= 42) == ("h264", "High", True)
        assert (stream["width"], stream["height"]) == (rung.width, rung.height)
        assert stream["pix_fmt"] == "yuv420p"
        assert stream["color_space"] == stream["color_transfer"] == stream["color_primaries"] == "bt709"
        assert stream["color_range"] == "tv"


def test_the_mp4(ladder: Made, describe: Describe) -> None:
    output = ladder.outputs["mp4"]
    found = describe(output.path, "-show_format")
    video, sound = found["streams"]
    assert (video["codec_name"], video["width"], video["height"], video["nb_frames"]) == ("h264", 854, 480, "390")
    assert (sound["codec_name"], sound["channels"], sound["sample_rate"]) == ("aac", 2, "44100")
    assert float(found["format"]["duration"]) == pytest.approx(13.013, abs=0.05)
    assert abs(float(video["start_time"])) < 0.001
    assert set(found["format"]["tags"]) <= {"major_brand", "minor_version", "compatible_brands"}
    content = output.path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert (output.width, output.height, output.content_type) == (854, 480, "video/mp4")


def test_the_poster(ladder: Made) -> None:
    output = ladder.outputs["poster"]
    picture = pyvips.Image.new_from_file(str(output.path))
    assert (picture.width, picture.height) == (output.width, output.height) == (854, 480)
    assert 40 < picture.avg() < 215


def test_progress_follows_the_encoder(ladder: Made) -> None:
    fractions = [done for done, _ in ladder.progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    encoding = [done for done, stage in ladder.progress if stage == "encoding"]
    assert len(encoding) >= 3
    assert encoding[0] < 0.6
    assert list(dict.fromkeys(stage for _, stage in ladder.progress)) == [
        "encoding", "packaging", "remuxing", "poster", "verifying", "completed",
    ]  # fmt: skip


def test_nothing_else_stays(ladder: Made) -> None:
    assert {path.name for path in ladder.folder.iterdir()} == {"hls", "video.mp4", "poster.jpg"}
    size = sum(path.stat().st_size for path in ladder.outputs["hls"].path.rglob("*") if path.is_file())
    assert ladder.outputs["hls"].bytes == size


# --- kinds of sources ---


async def read_back(provider: FFmpegVideo, source: Path, folder: Path, describe: Describe) -> tuple[Made, list[Any]]:
    made = await make(provider, source, folder)
    return made, describe(made.outputs["mp4"].path)["streams"]


async def test_a_rotated_phone_video(provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path) -> None:
    flat = quadrants(tmp_path / "flat.mp4", (854, 480), *BT709, seconds=0.4)
    media.ffmpeg("-display_rotation", "-90", "-i", flat, "-c", "copy", tmp_path / "phone.mp4")
    made, (video,) = await read_back(provider, tmp_path / "phone.mp4", folder, describe)
    assert [(rung.name, rung.width, rung.height) for rung in made.plan.rungs] == [
        ("480p", 480, 854),
        ("360p", 360, 640),
    ]
    assert (video["width"], video["height"]) == (480, 854)
    assert "side_data_list" not in video
    # Turned by a quarter to the right: the lower left corner comes to the upper left.
    assert corners(made.outputs["poster"].path) == [2, 0, 3, 1]


@pytest.mark.parametrize(
    "coding",
    [
        BT709,
        ("-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "-colorspace", "smpte170m"),
        ("-vf", "scale=out_color_matrix=bt709:out_range=pc,format=yuv444p", *BT709[2:], "-color_range", "pc"),
        ("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p10le", "-colorspace", "bt709"),
    ],
    ids=["709", "601", "full-444", "10-bit"],
)  # fmt: skip
async def test_colours_stay_what_they_were(
    provider: FFmpegVideo, tmp_path: Path, folder: Path, coding: tuple[str, ...]
) -> None:
    source = quadrants(tmp_path / "in.mp4", (640, 360), *coding, "-c:v", "libx264", "-qp", "8", seconds=0.4)
    made = await make(provider, source, folder)
    assert corners(made.outputs["poster"].path) == [0, 1, 2, 3]
    picture = await provider.frame(source, tmp_path, 0.1)
    assert corners(picture) == [0, 1, 2, 3]
    still = tmp_path / "shown.png"
    media.ffmpeg("-i", made.outputs["mp4"].path, "-frames:v", "1", still)
    assert corners(still) == [0, 1, 2, 3]


async def test_an_odd_size_without_sound(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path
) -> None:
    source = media.video(tmp_path / "odd.mkv", "161x121", 1, "-pix_fmt", "yuv444p", sound=False)
    made, (video,) = await read_back(provider, source, folder, describe)
    assert (video["width"], video["height"], video["pix_fmt"]) == (160, 120, "yuv420p")
    master = m3u8.load(str(made.outputs["hls"].path / "master.m3u8"))
    assert master.media == []
    assert master.playlists[0].stream_info.codecs.startswith("avc1.")
    assert not (made.outputs["hls"].path / "audio").exists()


async def test_pixels_that_are_not_square(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path
) -> None:
    source = quadrants(tmp_path / "in.mp4", (360, 288), "-vf", "setsar=64/45", "-pix_fmt", "yuv420p", seconds=0.4)
    _, (video,) = await read_back(provider, source, folder, describe)
    assert (video["width"], video["height"], video["sample_aspect_ratio"]) == (512, 288, "1:1")


async def test_hdr_becomes_ordinary(provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path) -> None:
    # Mid grey of an HDR10 video (PQ code 0.46 is about 100 nits): flat conversion shows 0.46, tone mapping more.
    colours = (
        "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display="
        "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    )
    media.ffmpeg(
        "-f", "lavfi", "-i", "color=gray:s=320x180:d=0.4", "-vf", "format=yuv420p10le",
        "-c:v", "libx265", "-x265-params", colours, "-tag:v", "hvc1", tmp_path / "hdr.mp4",
    )  # fmt: skip
    made, (video,) = await read_back(provider, tmp_path / "hdr.mp4", folder, describe)
    assert made.plan.colour.dynamic == "pq"
    assert (video["color_transfer"], video["pix_fmt"]) == ("bt709", "yuv420p")
    assert "side_data_list" not in video
    shown = pixel(made.outputs["poster"].path, 0.5, 0.5)
    assert max(shown) - min(shown) < 8
    assert 150 < shown[0] < 230


async def test_sound_that_comes_late_stays_late(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path
) -> None:
    picture = media.video(tmp_path / "v.mp4", "160x90", 3, sound=False)
    tone = media.song(tmp_path / "a.wav", 2)
    both = ("-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "aac")
    media.ffmpeg("-i", picture, "-itsoffset", "1", "-i", tone, *both, tmp_path / "late.mkv")
    made, (_, sound) = await read_back(provider, tmp_path / "late.mkv", folder, describe)
    assert float(sound["duration"]) == pytest.approx(3.0, abs=0.1)
    media.ffmpeg(
        "-i", made.outputs["mp4"].path, "-t", "0.9", "-f", "f32le", "-c:a", "pcm_f32le", tmp_path / "start.raw"
    )
    assert max(memoryview((tmp_path / "start.raw").read_bytes()).cast("f")) < 0.01


async def test_a_black_beginning_is_not_the_poster(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    graph = "color=black:s=160x90:d=3:r=25[a];testsrc2=s=160x90:d=1:r=25[b];[a][b]concat"
    media.ffmpeg("-filter_complex", graph, "-pix_fmt", "yuv420p", tmp_path / "in.mp4")
    made = await make(provider, tmp_path / "in.mp4", folder)
    assert pyvips.Image.new_from_file(str(made.outputs["poster"].path)).avg() > 60


async def test_three_frames(provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "short.mp4", "160x90", 0.12)
    _, (video, _) = await read_back(provider, source, folder, describe)
    assert video["nb_frames"] == "3"


async def test_interlaced_video_is_deinterlaced(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path
) -> None:
    options = ("-vf", "interlace", "-flags", "+ildct+ilme", "-c:v", "mpeg2video")
    source = media.video(tmp_path / "tv.ts", "320x288", 1, *options, rate="50", sound=False)
    made, (video,) = await read_back(provider, source, folder, describe)
    assert made.plan.deinterlace
    assert (video["field_order"], video["r_frame_rate"]) == ("progressive", "25/1")


async def test_a_gap_of_an_hour_costs_nothing(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    """Ten frames that lie 400 s apart: repeated at 25 frames a second they would be 100 000."""
    stretch = ("-vf", "setpts=N*400/TB", "-fps_mode", "passthrough")
    source = media.video(tmp_path / "gap.mp4", "160x90", 10, *stretch, rate="1", sound=False)
    before = _spent(provider)
    made = await make(provider, source, folder)
    assert made.plan.variable
    assert made.outputs["hls"].bytes < 200_000
    assert _spent(provider) - before < 5


def _spent(provider: FFmpegVideo) -> float:
    """CPU seconds of all programs so far."""
    process = provider._toolbox._launcher._process
    assert process
    times = psutil.Process(process.pid).cpu_times()
    return float(times.children_user + times.children_system)


# --- what fails leaves nothing ---


async def test_a_file_that_ends_early_is_no_video(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", "160x90", 6, "-movflags", "+faststart")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(CorruptMedia, match="damaged or incomplete"):
        await make(provider, cut, folder)
    assert _names(folder) == []


async def test_noise_in_the_middle_is_told(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    content = bytearray(media.video(tmp_path / "whole.mp4", "160x90", 4, "-movflags", "+faststart").read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes((number * 73 + 41) % 256 for number in range(third))
    (tmp_path / "noise.mp4").write_bytes(content)
    with pytest.raises(CorruptMedia):
        await make(provider, tmp_path / "noise.mp4", folder)
    assert _names(folder) == []


async def test_sound_alone_is_no_video(provider: FFmpegVideo, tmp_path: Path) -> None:
    found = await provider.probe(media.song(tmp_path / "song.mp3", 1))
    assert found.media_type == "audio"
    with pytest.raises(NoSuchStream):
        provider.plan(found)


async def test_cancelling_kills_and_clears(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "long.mp4", "640x360", 30)
    plan = provider.plan(await provider.probe(source))
    running = asyncio.Event()
    task = asyncio.create_task(provider.run(plan, source, folder, lambda *_: running.set()))
    await asyncio.wait_for(running.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _names(folder) == []
    assert not [one for one in psutil.Process().children(recursive=True) if "ffmpeg" in one.name()]


async def test_a_run_after_a_killed_one_succeeds(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    (folder / "work").mkdir()
    (folder / "work" / "360p.mp4").write_text("half")
    (folder / "hls").mkdir()
    (folder / "hls" / "99.m4s").write_text("old")
    await make(provider, media.video(tmp_path / "in.mp4", "160x90", 0.4), folder)
    assert "99.m4s" not in _names(folder / "hls")


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what would be done ---


async def test_the_commands_are_those_of_the_run(provider: FFmpegVideo, tmp_path: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "160x90", 0.4)
    plan = provider.plan(await provider.probe(source))
    commands = provider.commands(plan, source)
    assert [command.stage for command in commands] == ["encoding", "packaging", "remuxing", "poster", "poster"]
    encoding = commands[0].argv
    assert f"file:{source}" in encoding
    assert encoding[encoding.index("-protocol_whitelist") + 1] == "file"
    assert "-nostdin" in encoding
    assert provider.commands(VideoPlan.from_json(plan.to_json()), source) == commands
    assert _names(tmp_path) == ["in.mp4"]


# --- single frames ---


@pytest.fixture(scope="session")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Brightness grows with time: 0 at the beginning, about 10 more in each tenth of a second."""
    path = tmp_path_factory.mktemp("counted") / "in.mp4"
    graph = "color=black:s=320x180:d=2:r=25,geq=lum='16+4*N':cb=128:cr=128"
    media.ffmpeg("-f", "lavfi", "-i", graph, "-pix_fmt", "yuv420p", "-g", "50", "-qp", "4", path)
    return path


@pytest.mark.parametrize(("at", "frame"), [(0.0, 0), (1.0, 25), (1.99, 49), (2.0, 49), (9999.0, 49)])
async def test_the_frame_at_a_moment(provider: FFmpegVideo, counted: Path, folder: Path, at: float, frame: int) -> None:
    path = await provider.frame(counted, folder, at)
    shown = pixel(path, 0.5, 0.5)[0]
    assert shown == pytest.approx(min(255, frame * 4 * 255 / 219), abs=5)
    assert pyvips.Image.new_from_file(str(path)).width == 320
    assert _names(folder) == ["frame.png"]


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
async def test_thumbnails(provider: FFmpegVideo, counted: Path, folder: Path, kind: str) -> None:
    probe = await provider.probe(counted)
    output = await provider.thumbnail(probe, counted, folder, FrameOptions(at=1, width=100, height=100, format=kind))
    picture = pyvips.Image.new_from_file(str(output.path))
    assert (picture.width, picture.height) == (output.width, output.height) == (100, 56)
    assert picture.get("vips-loader").startswith({"jpg": "jpeg"}.get(kind, kind))
    assert output.content_type == {"jpg": "image/jpeg"}.get(kind, f"image/{kind}")


# --- one file into another ---


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
    assert _names(folder) == [f"video.{container}"]
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
    assert _names(folder) == []


# --- the samples ---


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("bigbuckbunny.mp4", (1280, 720)),
        ("exo_video_desks.3gp", (384, 288)),
        ("mp4p_minimal.mp4", (320, 240)),
        ("mp4p_h264_white_frame_sar_16_9.mp4", (1138, 480)),
    ],
)
async def test_samples(
    provider: FFmpegVideo, shared_media: Path, folder: Path, name: str, size: tuple[int, int]
) -> None:
    made = await make(provider, shared_media / name, folder)
    poster = pyvips.Image.new_from_file(str(made.outputs["poster"].path))
    assert (poster.width, poster.height) == size
    assert (made.outputs["mp4"].width, made.outputs["mp4"].height) == size


async def test_hdr_samples_are_tone_mapped(
    provider: FFmpegVideo, shared_media: Path, tmp_path: Path, folder: Path
) -> None:
    source = shared_media / "exo_sample_with_colr_mdcv_and_clli.mp4"
    shown = pyvips.Image.new_from_file(str(await provider.frame(source, folder, 0)))
    media.ffmpeg("-i", source, "-frames:v", "1", tmp_path / "flat.png")
    flat = pyvips.Image.new_from_file(str(tmp_path / "flat.png"))
    # Untreated PQ looks grey: its colours lie close together.
    assert shown.colourspace("lch")[1].avg() > 1.3 * flat.colourspace("lch")[1].avg()


async def test_a_real_phone_video_stands_upright(provider: FFmpegVideo, shared_media: Path, folder: Path) -> None:
    picture = await provider.frame(shared_media / "exo_h265_with_metadata_track.mp4", folder, 0)
    shown = pyvips.Image.new_from_file(str(picture))
    assert (shown.width, shown.height) == (1080, 1920)

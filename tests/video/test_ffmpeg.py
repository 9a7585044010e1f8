"""The video provider on real media of many kinds; results are read back by ffprobe and libvips."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import m3u8
import psutil
import pytest
import pyvips

from renditor.errors import CorruptMedia, NoSuchStream, Unavailable
from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video.base import VideoSettings
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.plan import VideoPlan
from renditor.video.plan import plan as make_plan
from tests.video.runs import BT709, Describe, Made, corners, make, names, pixel, quadrants

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
        ("-c:v", "libx264rgb"),
    ],
    ids=["709", "601", "full-444", "10-bit", "rgb"],
)  # fmt: skip
async def test_colours_stay_what_they_were(
    provider: FFmpegVideo, tmp_path: Path, folder: Path, coding: tuple[str, ...]
) -> None:
    source = quadrants(tmp_path / "in.mp4", (640, 360), "-c:v", "libx264", "-qp", "8", *coding, seconds=0.4)
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
    assert made.plan.moving.colour.dynamic == "pq"
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
    assert made.plan.moving.deinterlace
    assert (video["field_order"], video["r_frame_rate"]) == ("progressive", "25/1")


async def test_a_gap_of_an_hour_costs_nothing(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    """Ten frames that lie 400 s apart: repeated at 25 frames a second they would be 100 000."""
    stretch = ("-vf", "setpts=N*400/TB", "-fps_mode", "passthrough")
    source = media.video(tmp_path / "gap.mp4", "160x90", 10, *stretch, rate="1", sound=False)
    before = _spent(provider)
    made = await make(provider, source, folder)
    assert made.plan.moving.variable
    assert made.outputs["hls"].bytes < 200_000
    assert _spent(provider) - before < 5


def _spent(provider: FFmpegVideo) -> float:
    """CPU seconds of all programs so far."""
    process = provider._toolbox._launcher._process
    assert process
    times = psutil.Process(process.pid).cpu_times()
    return float(times.children_user + times.children_system)


# --- what fails leaves nothing ---


@pytest.mark.parametrize("missing", ["packager", "ffprobe"])
async def test_a_missing_program_is_named_before_work(
    toolbox: Toolbox, tmp_path: Path, folder: Path, missing: Literal["packager", "ffprobe"]
) -> None:
    poor = Toolbox(toolbox._launcher, replace(toolbox.binaries, **{missing: None}), toolbox.settings)
    source = media.video(tmp_path / "in.mp4", "64x36", 0.2)
    plan = make_plan(await toolbox.probe(source))
    with pytest.raises(Unavailable) as caught:
        await FFmpegVideo(poor, VideoSettings()).run(plan, source, folder, lambda *_: None)
    assert caught.value.error_code == f"no-{missing}"
    assert names(folder) == []


async def test_an_ffmpeg_without_x264_is_told_before_work(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    ffmpeg = toolbox.binaries.require("ffmpeg")
    other = replace(ffmpeg, capabilities=replace(ffmpeg.capabilities, encoders=frozenset({"aac", "mjpeg"})))
    poor = Toolbox(toolbox._launcher, replace(toolbox.binaries, ffmpeg=other), toolbox.settings)
    source = media.video(tmp_path / "in.mp4", "64x36", 0.2)
    with pytest.raises(Unavailable, match="libx264"):
        await make(FFmpegVideo(poor, VideoSettings()), source, folder)
    picture = await FFmpegVideo(poor, VideoSettings()).frame(source, folder, 0)
    assert picture.suffix == ".jpg"  # nor has it a PNG encoder


async def test_a_file_that_ends_early_is_no_video(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", "160x90", 6, "-movflags", "+faststart")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(CorruptMedia, match="damaged or incomplete"):
        await make(provider, cut, folder)
    assert names(folder) == []


async def test_noise_in_the_middle_is_told(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    content = bytearray(media.video(tmp_path / "whole.mp4", "160x90", 4, "-movflags", "+faststart").read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes((number * 73 + 41) % 256 for number in range(third))
    (tmp_path / "noise.mp4").write_bytes(content)
    with pytest.raises(CorruptMedia):
        await make(provider, tmp_path / "noise.mp4", folder)
    assert names(folder) == []


async def test_sound_alone_is_no_video(provider: FFmpegVideo, tmp_path: Path) -> None:
    found = await provider.probe(media.song(tmp_path / "song.mp3", 1))
    assert found.media_type == "audio"
    with pytest.raises(NoSuchStream):
        provider.plan(found, outputs=("mp4",))


async def test_cancelling_kills_and_clears(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "long.mp4", "640x360", 30)
    plan = provider.plan(await provider.probe(source))
    running = asyncio.Event()
    task = asyncio.create_task(provider.run(plan, source, folder, lambda *_: running.set()))
    await asyncio.wait_for(running.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(folder) == []
    assert not [one for one in psutil.Process().children(recursive=True) if "ffmpeg" in one.name()]


async def test_a_run_after_a_killed_one_succeeds(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    (folder / "work").mkdir()
    (folder / "work" / "360p.mp4").write_text("half")
    (folder / "hls").mkdir()
    (folder / "hls" / "99.m4s").write_text("old")
    await make(provider, media.video(tmp_path / "in.mp4", "160x90", 0.4), folder)
    assert "99.m4s" not in names(folder / "hls")


# --- what would be done ---


async def test_the_commands_are_those_of_the_run(provider: FFmpegVideo, tmp_path: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "160x90", 0.4)
    plan = provider.plan(await provider.probe(source))
    commands = provider.commands(plan, source)
    assert [command.stage for command in commands] == [
        "encoding", "packaging", "remuxing", "poster", "poster", "tiles", "sheets", "preview",
    ]  # fmt: skip
    encoding = commands[0].argv
    assert f"file:{source}" in encoding
    assert encoding[encoding.index("-protocol_whitelist") + 1] == "file"
    assert "-nostdin" in encoding
    assert provider.commands(VideoPlan.from_json(plan.to_json()), source) == commands
    assert names(tmp_path) == ["in.mp4"]


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

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.workspace import workspace
from renditor.models import Output
from renditor.testing import media
from renditor.video.pictures import preview
from renditor.video.pictures.checks import check_preview, read_webp
from renditor.video.pictures.preview import pieces
from tests.video.footage import footage
from tests.video.runs import BT709, corners, quadrants
from tests.video.similarity import ssim


@given(st.floats(0.01, 30_000))
def test_pieces_lie_within_the_video_one_after_the_other(duration: float) -> None:
    shown = pieces(duration)
    ends = [0.0]
    for start, seconds in shown:
        assert start >= ends[-1]
        ends.append(start + seconds)
    assert ends[-1] <= duration + 0.001
    assert sum(seconds for _, seconds in shown) == pytest.approx(min(4.0, duration))


def test_where_the_pieces_lie() -> None:
    assert pieces(0.1) == [(0.0, 0.1)]
    assert pieces(6) == [(0.0, 4.0)]
    assert pieces(80) == [(9.5, 1.0), (29.5, 1.0), (49.5, 1.0), (69.5, 1.0)]


# --- on real media ---


async def make(toolbox: Toolbox, source: Path, folder: Path) -> Output:
    async with workspace(folder, (preview.NAME,)):
        output = await preview.make(toolbox, await footage(toolbox, source), folder)
        await check_preview(output, folder, toolbox)
    return output


def page(output: Output, number: int) -> pyvips.Image:
    return pyvips.Image.new_from_file(str(output.path), page=number)


async def test_pieces_of_the_whole_video(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "400x224", 8, "-g", "50", sound=False)
    output = await make(toolbox, source, folder)
    assert (output.width, output.height, output.duration) == (320, 180, 4.0)
    found = read_webp(output.path.read_bytes())
    assert found.frames == (100,) * 40
    assert found.loops == 0
    for number, moment in ((0, 0.5), (10, 2.5), (20, 4.5), (39, 7.4)):
        frame = tmp_path / f"{number}.png"
        media.ffmpeg("-ss", str(moment), "-i", source, "-frames:v", "1", frame)
        assert ssim(page(output, number), frame) > 0.8


@pytest.mark.parametrize(("seconds", "frames"), [(0.04, 1), (0.2, 2), (3, 30), (5, 40)])
async def test_short_videos(toolbox: Toolbox, tmp_path: Path, folder: Path, seconds: float, frames: int) -> None:
    source = media.video(tmp_path / "in.mp4", "160x90", seconds, sound=False)
    output = await make(toolbox, source, folder)
    assert len(read_webp(output.path.read_bytes()).frames) == frames
    assert (output.width, output.height) == (160, 90)  # nothing is enlarged


async def test_pictures_that_end_before_the_sound(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    song = media.song(tmp_path / "song.m4a", 60)
    short = media.video(tmp_path / "short.mp4", "160x90", 2, sound=False)
    media.ffmpeg("-i", short, "-i", song, "-c", "copy", tmp_path / "in.mp4")
    output = await make(toolbox, tmp_path / "in.mp4", folder)
    assert output.duration == pytest.approx(2.0, abs=0.1)


async def test_a_phone_held_upright_and_its_colours(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    flat = quadrants(tmp_path / "flat.mp4", (640, 360), *BT709, "-qp", "4")
    media.ffmpeg("-display_rotation", "-90", "-i", flat, "-c", "copy", tmp_path / "phone.mp4")
    output = await make(toolbox, tmp_path / "phone.mp4", folder)
    assert (output.width, output.height) == (180, 320)
    assert corners(output.path) == [2, 0, 3, 1]
    assert read_webp(output.path.read_bytes()).frames == (0,)  # it never moves


async def test_even_noise_is_small(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    noise = "nullsrc=s=320x320:r=10:d=4,geq=random(1)*255:random(2)*255:random(3)*255"
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "10", "-pix_fmt", "yuv420p")
    media.ffmpeg("-f", "lavfi", "-i", noise, *coding, tmp_path / "in.mp4")
    output = await make(toolbox, tmp_path / "in.mp4", folder)
    assert output.bytes <= preview.LARGEST


async def test_the_commands_are_those_of_the_run(toolbox: Toolbox, tmp_path: Path) -> None:
    known = replace(await footage(toolbox, media.video(tmp_path / "in.mp4", "160x90", 1)), duration=80.0)
    (command,) = preview.commands(toolbox, known)
    assert command.argv.count("-ss") == 4
    assert command.argv[-1] == "preview.webp"

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import BadRequest, CorruptMedia, NoSuchStream
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.workspace import workspace
from renditor.models import Output
from renditor.testing import media
from renditor.video.colour import Colour
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.pictures import storyboard
from renditor.video.pictures.checks import check_storyboard, parse_cues
from renditor.video.pictures.sampling import Footage
from renditor.video.pictures.storyboard import Cue, StoryboardOptions, Tiles, cues, sheets, tiles, webvtt
from tests.video.footage import footage
from tests.video.runs import corners, names, pixel, quadrants
from tests.video.similarity import ssim

DEFAULT = StoryboardOptions()
# An ordinary picture as HDR10 would hold it: its white at 100 nits.
TO_PQ = (
    "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,"
    "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709,"
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt2020:t=smpte2084:m=bt2020nc:r=tv,format=yuv420p10le"
)
SDR = Colour("sdr", "bt709", full_range=False)


def film(length: float, width: int = 1280, height: int = 720) -> Footage:
    return Footage(Path("in.mp4"), 0, width, height, SDR, length, length)


@pytest.mark.parametrize(
    ("length", "interval", "most"),
    [(0.1, 2, 1), (2.0, 2, 1), (60, 2, 30), (400, 2, 200), (401, 4, 101), (3600, 18, 200), (21_600, 108, 200)],
)
def test_the_interval_follows_from_the_length(length: float, interval: float, most: int) -> None:
    wanted = tiles(film(length), DEFAULT)
    assert (wanted.interval, wanted.most) == (interval, most)


@pytest.mark.parametrize(
    ("size", "width", "tile"),
    [
        ((1280, 720), None, (192, 108)),
        ((720, 1280), None, (108, 192)),
        ((1000, 1000), None, (192, 192)),
        ((64, 36), None, (64, 36)),  # nothing is enlarged
        ((1280, 720), 320, (320, 180)),
        ((720, 1280), 160, (160, 284)),
        ((100, 5000), 100, (4, 178)),
        ((8192, 2), None, (192, 2)),
    ],
)
def test_tiles_have_the_shape_of_the_video(size: tuple[int, int], width: int | None, tile: tuple[int, int]) -> None:
    wanted = tiles(film(10, *size), StoryboardOptions(width=width))
    assert (wanted.width, wanted.height) == tile


@pytest.mark.parametrize(
    "wrong",
    [{"interval": 0.05}, {"interval": 4000}, {"width": 8}, {"width": 700}, {"columns": 0}, {"columns": 21}],
)
def test_what_is_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        StoryboardOptions(**wrong)


def test_what_would_be_too_much() -> None:
    with pytest.raises(BadRequest, match="21,600 tiles") as told:
        tiles(film(21_600), StoryboardOptions(interval=1))
    assert "22 seconds" in str(told.value.hint)
    with pytest.raises(BadRequest, match="wider"):
        tiles(film(60), StoryboardOptions(width=640, columns=10))


@given(st.integers(1, 1000), st.integers(2, 640), st.integers(2, 1138), st.none() | st.integers(1, 6))
def test_all_tiles_fit_on_few_sheets(count: int, width: int, height: int, columns: int | None) -> None:
    wanted = Tiles(1000.0, 1.0, width, height, columns)
    layout = sheets(wanted, count)
    assert layout.columns * width <= 4096
    assert layout.rows * height <= 4096
    assert (layout.sheets - 1) * layout.columns * layout.rows < count <= layout.sheets * layout.columns * layout.rows
    if columns is None:
        assert (
            layout.columns * layout.rows - count / layout.sheets < layout.columns + layout.rows
        )  # little is left over


@pytest.mark.parametrize(("count", "layout"), [(1, (1, 1, 1)), (12, (6, 2, 1)), (100, (10, 10, 1)), (200, (10, 10, 2))])
def test_layouts(count: int, layout: tuple[int, int, int]) -> None:
    found = sheets(tiles(film(60), DEFAULT), count)
    assert (found.columns, found.rows, found.sheets) == layout


def test_cues_begin_with_their_frames() -> None:
    wanted = tiles(film(9.5), StoryboardOptions(columns=2))
    found = cues(wanted, sheets(wanted, 3), [0.04, 4.004, 6.006])
    assert [(cue.start, cue.end) for cue in found] == [(0, 4004), (4004, 6006), (6006, 9500)]
    assert [(cue.x, cue.y) for cue in found] == [(0, 0), (192, 0), (0, 108)]
    assert webvtt(found[:1]) == "WEBVTT\n\n00:00:00.000 --> 00:00:04.004\nstoryboard-1.jpg#xywh=0,0,192,108\n"


@given(st.lists(st.floats(0, 30_000), min_size=1, max_size=300, unique=True), st.floats(0.001, 25_000))
def test_every_moment_has_one_tile(times: list[float], length: float) -> None:
    """Also of files whose frames lie behind their end, or closer than a millisecond."""
    wanted = tiles(film(length), DEFAULT)
    found = parse_cues(webvtt(cues(wanted, sheets(wanted, len(times)), sorted(times))))
    assert found[0].start == 0
    assert found[-1].end == max(1, round(length * 1000))
    assert all(one.end == other.start for one, other in pairwise(found))
    assert all(cue.start < cue.end for cue in found)


@given(st.text())
def test_other_text_holds_no_cues(text: str) -> None:
    with pytest.raises(ValueError, match="no "):
        parse_cues(text)


# --- on real media ---


async def make(toolbox: Toolbox, source: Path, folder: Path, options: StoryboardOptions = DEFAULT) -> Output:
    async with workspace(folder, (storyboard.FOLDER,)):
        output = await storyboard.make(toolbox, await footage(toolbox, source), options, folder)
        await check_storyboard(output, folder, toolbox)
    return output


def tile(output: Output, cue: Cue) -> pyvips.Image:
    """What a player shows for a cue."""
    sheet = pyvips.Image.new_from_file(str(output.path / cue.name))
    return sheet.crop(cue.x, cue.y, cue.width, cue.height)


def read_cues(output: Output) -> list[Cue]:
    return parse_cues((output.path / "storyboard.vtt").read_text())


async def test_each_tile_shows_its_moment(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "320x180", 8, "-g", "25", "-sc_threshold", "0")
    output = await make(toolbox, source, folder, StoryboardOptions(interval=1, columns=3))
    found = read_cues(output)
    assert [cue.start for cue in found] == [second * 1000 for second in range(8)]
    assert output.metadata == {
        "interval": 1.0,
        "tiles": 8,
        "tile_width": 192,
        "tile_height": 108,
        "columns": 3,
        "rows": 3,
        "sheets": 1,
    }
    frames = []
    for second in range(8):
        frames.append(tmp_path / f"{second}.png")
        media.ffmpeg("-ss", str(second), "-i", source, "-frames:v", "1", frames[-1])
    for number, cue in enumerate(found):
        shown = tile(output, cue)
        alike = [ssim(shown, frame) for frame in frames]
        assert alike.index(max(alike)) == number
        assert alike[number] > 0.8


async def test_many_tiles_lie_on_several_sheets(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "64x36", 8, "-g", "1", rate="15")
    output = await make(toolbox, source, folder, StoryboardOptions(interval=0.1, columns=4))
    assert (output.metadata["tiles"], output.metadata["sheets"]) == (80, 2)
    assert {cue.name for cue in read_cues(output)} == {"storyboard-1.jpg", "storyboard-2.jpg"}


async def test_few_key_frames_of_a_short_video(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    """It is decoded whole: two tiles would say little of it."""
    source = media.video(tmp_path / "in.mp4", "320x180", 8, "-g", "125", "-keyint_min", "125", "-sc_threshold", "0")
    output = await make(toolbox, source, folder, StoryboardOptions(interval=1))
    assert [cue.start for cue in read_cues(output)] == [second * 1000 for second in range(8)]


async def test_few_key_frames_of_a_long_video(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    """The cue says honestly from when to when the tile is the last key frame."""
    long = ("-g", "250", "-keyint_min", "250", "-sc_threshold", "0", "-preset", "ultrafast")
    source = media.video(tmp_path / "in.mp4", "64x36", 150, *long, rate="5", sound=False)
    output = await make(toolbox, source, folder)
    assert [(cue.start, cue.end) for cue in read_cues(output)] == [
        (0, 50_000),
        (50_000, 100_000),
        (100_000, 150_000),
    ]


async def test_a_tenth_of_a_second(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    output = await make(toolbox, media.video(tmp_path / "in.mp4", "320x180", 0.1, sound=False), folder)
    (cue,) = read_cues(output)
    assert (cue.start, cue.end) == (0, round((output.duration or 0) * 1000))
    assert 100 <= cue.end <= 120


async def test_sound_that_goes_on_after_the_pictures(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    song = media.song(tmp_path / "song.m4a", 6)
    short = media.video(tmp_path / "short.mp4", "320x180", 3, "-g", "25", sound=False)
    media.ffmpeg("-i", short, "-i", song, "-c", "copy", tmp_path / "in.mp4")
    output = await make(toolbox, tmp_path / "in.mp4", folder)
    assert read_cues(output)[-1].end == pytest.approx(6000, abs=60)


async def test_a_phone_held_upright(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    flat = quadrants(tmp_path / "flat.mp4", (320, 180), "-pix_fmt", "yuv420p", "-qp", "4")
    media.ffmpeg("-display_rotation", "-90", "-i", flat, "-c", "copy", tmp_path / "phone.mp4")
    output = await make(toolbox, tmp_path / "phone.mp4", folder)
    sheet = output.path / "storyboard-1.jpg"
    assert (output.width, output.height) == (108, 192)
    assert corners(sheet) == [2, 0, 3, 1]  # turned by 90 degrees clockwise


async def test_pixels_that_are_not_square(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    source = quadrants(tmp_path / "in.mp4", (360, 288), "-pix_fmt", "yuv420p", "-vf", "setsar=64/45", "-qp", "4")
    output = await make(toolbox, source, folder)
    assert (output.width, output.height) == (192, 108)


async def test_hdr_has_ordinary_colours(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    colours = "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    still = tmp_path / "still.png"
    media.quadrants(320, 180).write_to_file(str(still))
    source = tmp_path / "hdr.mp4"
    hevc = ("-c:v", "libx265", "-x265-params", colours, "-tag:v", "hvc1")
    media.ffmpeg("-loop", "1", "-t", "1", "-i", still, "-vf", TO_PQ, *hevc, source)
    output = await make(toolbox, source, folder)
    for place, colour in zip(((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)), media.QUADRANTS, strict=True):
        shown = pixel(output.path / "storyboard-1.jpg", *place)
        # Tone-mapping darkens what was at the top of SDR; which colour it is, and that it is one, must not change.
        assert shown.index(max(shown)) == colour.index(max(colour))
        assert max(shown) - min(shown) > 60
        assert max(shown) > 90


async def test_interlaced_pictures_show_no_comb(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    """Bright in one field and dark in the other: a comb, were both shown."""
    graph = "color=black:s=320x180:d=2:r=50,geq=lum='if(mod(N,2),200,40)':cb=128:cr=128,tinterlace=interleave_top"
    source = tmp_path / "in.mp4"
    media.ffmpeg(
        *("-f", "lavfi", "-i", graph, "-c:v", "libx264", "-flags", "+ilme+ildct", "-pix_fmt", "yuv420p", source)
    )
    output = await make(toolbox, source, folder)
    shown = pyvips.Image.new_from_file(str(output.path / "storyboard-1.jpg"))
    assert shown.deviate() < 3
    assert min(abs(shown.avg() - (level - 16) * 255 / 219) for level in (40, 200)) < 6


async def test_a_stream_that_has_no_key_frame(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    """Cut out of a stream that refreshes in stripes: nothing is marked as a key frame."""
    whole = tmp_path / "whole.ts"
    coding = ("-x264-params", "intra-refresh=1:keyint=25:bframes=0", "-an")
    media.video(whole, "160x90", 4, *coding, sound=False)
    packets = whole.read_bytes()
    source = tmp_path / "in.ts"
    source.write_bytes(packets[: 188 * 3] + packets[len(packets) // 188 // 2 * 188 :])
    output = await make(toolbox, source, folder)
    assert output.metadata["tiles"] >= 1


async def test_what_cannot_be_decoded(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "160x90", 1, sound=False)
    content = bytearray(source.read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    known = await footage(toolbox, source)
    content[start:end] = bytes(end - start)
    source.write_bytes(content)
    with pytest.raises(CorruptMedia):
        async with workspace(folder, (storyboard.FOLDER,)):
            await storyboard.make(toolbox, known, DEFAULT, folder)
    assert names(folder) == []


async def test_a_file_that_lies_about_its_length(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    """More key frames than it said it would have do not become more tiles."""
    source = media.video(tmp_path / "in.mp4", "160x90", 8, "-g", "5", sound=False)
    known = await footage(toolbox, source)
    lying = Footage(known.path, known.stream, known.width, known.height, known.colour, duration=2.0, length=2.0)
    async with workspace(folder, (storyboard.FOLDER,)):
        output = await storyboard.make(toolbox, lying, StoryboardOptions(interval=0.5), folder)
        await check_storyboard(output, folder, toolbox)
    assert output.metadata["tiles"] == 4


def test_the_commands_are_those_of_the_run(toolbox: Toolbox) -> None:
    first, second = storyboard.commands(toolbox, film(60), DEFAULT)
    assert "nokey" in first.argv
    assert "storyboard/storyboard-%d.jpg" in second.argv
    assert any("tile=10x3" in argument for argument in second.argv)


@pytest.mark.parametrize(
    ("name", "count", "size"),
    [
        ("exo_sample_with_colr_mdcv_and_clli.mp4", 1, (192, 108)),  # HDR10
        ("exo_h265_with_metadata_track.mp4", 1, (108, 192)),  # a phone
        ("exo_video_desks.3gp", 3, (192, 144)),
        ("exo_sample.avi", 2, (192, 80)),
        ("exo_roadtrip-vp92-10bit.webm", 2, (192, 108)),
        ("tc_av1_video.mkv", 3, (192, 108)),
    ],
)
async def test_samples(
    toolbox: Toolbox, shared_media: Path, folder: Path, name: str, count: int, size: tuple[int, int]
) -> None:
    output = await make(toolbox, shared_media / name, folder)
    assert output.metadata["tiles"] == count
    assert (output.width, output.height) == size


async def test_progress_goes_up_to_the_end(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "160x90", 3, "-g", "25")
    told: list[tuple[float, str]] = []
    found = await provider.probe(source)
    await provider.stills.storyboard(found, source, folder, DEFAULT, lambda *now: told.append(now))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (1.0, "completed")
    assert list(dict.fromkeys(stage for _, stage in told)) == ["reading", "verifying", "completed"]
    assert names(folder) == ["storyboard"]


async def test_sound_has_no_storyboard(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    source = media.song(tmp_path / "song.mp3", 1)
    found = await provider.probe(source)
    with pytest.raises(NoSuchStream):
        await provider.stills.storyboard(found, source, folder, DEFAULT, lambda *_: None)
    with pytest.raises(NoSuchStream):
        provider.stills.storyboard_plan(found, source, DEFAULT)

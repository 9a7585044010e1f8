from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from renditor.errors import BadRequest, NoSuchStream
from renditor.ffmpeg.binaries import Binaries
from renditor.ffmpeg.run import Toolbox
from renditor.sandbox.launcher import Launcher
from renditor.testing import media
from renditor.video.base import VideoSettings
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.pictures.frames import FrameOptions, parse_time, seeking, starts
from tests.video.probes import audio, probe, video
from tests.video.runs import BT709, corners, names, pixel, quadrants


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 1),
        ("0", 0),
        ("1.5", 1.5),
        ("00:00:01", 1),
        ("01:02", 62),
        ("1:00:00.25", 3600.25),
        ("100:00:00", 360000),
        ("90", 90),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1:2:3:4", "abc", "00:00:60", "1e3", "nan", "1,5", "::1"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_time(text)


@pytest.mark.parametrize("wrong", [{"format": "gif"}, {"at": -1}, {"width": 0}, {"height": -5}])
def test_what_cannot_be_asked_for(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        FrameOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (None, None, (1280, 720)),
        (320, None, (320, 180)),
        (None, 180, (320, 180)),
        (320, 320, (320, 180)),
        (5000, 5000, (1280, 720)),
    ],
)
def test_the_shape_is_kept(width: int | None, height: int | None, size: tuple[int, int]) -> None:
    assert FrameOptions(width=width, height=height).size(video()) == size


def test_reading_begins_at_the_moment() -> None:
    assert starts(FrameOptions(at=3), probe())[0] == (3, False)


def test_past_the_end_the_last_frame_is_looked_for_from_near_to_far() -> None:
    assert starts(FrameOptions(at=10), probe()) == [(9.5, True), (5.0, True), (0.0, True)]
    assert starts(FrameOptions(at=99), probe(video(duration=0.1))) == [(0.0, True)]


def test_the_end_of_a_late_picture() -> None:
    assert starts(FrameOptions(at=11), probe(video(start=2.0), start=0.0))[0] == (11, False)


def test_sound_has_no_frames() -> None:
    with pytest.raises(NoSuchStream):
        starts(FrameOptions(), probe(audio=(audio(),), video=None))


# --- on real media ---


@pytest.fixture(scope="session")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Brightness grows with time: 0 at the beginning, about 10 more in each tenth of a second."""
    path = tmp_path_factory.mktemp("counted") / "in.mp4"
    graph = "color=black:s=320x180:d=2:r=25,geq=lum='16+4*N':cb=128:cr=128"
    media.ffmpeg("-f", "lavfi", "-i", graph, "-pix_fmt", "yuv420p", "-g", "50", "-qp", "4", path)
    return path


@pytest.mark.parametrize(
    ("at", "frame"), [(0.0, 0), (0.99, 24), (1.0, 25), (1.03, 25), (1.99, 49), (2.0, 49), (9999.0, 49)]
)
async def test_the_frame_at_a_moment(provider: FFmpegVideo, counted: Path, folder: Path, at: float, frame: int) -> None:
    path = await provider.frame(counted, folder, at)
    shown = pixel(path, 0.5, 0.5)[0]
    assert shown == pytest.approx(min(255, frame * 4 * 255 / 219), abs=5)
    assert pyvips.Image.new_from_file(str(path)).width == 320
    assert names(folder) == ["frame.png"]


@pytest.mark.parametrize(("at", "brightness"), [(0.5, 0), (2.0, 128), (7.9, 128), (8.0, 255), (8.9, 255)])
async def test_a_frame_is_shown_until_the_next_one(
    provider: FFmpegVideo, tmp_path: Path, folder: Path, at: float, brightness: int
) -> None:
    """A screen recording: black at 0, grey from 1 to 8, white from then on."""
    graph = "color=black:s=64x36:r=1:d=3,geq=lum='16+110*N':cb=128:cr=128,setpts='if(eq(N,2),8,N)/TB'"
    source = tmp_path / "slides.mp4"
    media.ffmpeg("-f", "lavfi", "-i", graph, "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-qp", "4", source)
    path = await provider.frame(source, folder, at)
    assert pixel(path, 0.5, 0.5)[0] == pytest.approx(brightness, abs=6)


async def test_a_frame_far_from_the_next_key_frame(
    provider: FFmpegVideo, counted: Path, tmp_path: Path, folder: Path
) -> None:
    """A transport stream has no index: a seek alone would lead behind the only key frame."""
    source = tmp_path / "in.ts"
    media.ffmpeg("-stream_loop", "2", "-i", counted, "-c:v", "libx264", "-g", "250", "-qp", "4", source)
    path = await provider.frame(source, folder, 5.2)
    assert pixel(path, 0.5, 0.5)[0] == pytest.approx(30 * 4 * 255 / 219, abs=5)


async def test_pictures_that_come_late_cost_no_memory(
    launcher: Launcher, binaries: Binaries, toolbox: Toolbox, tmp_path: Path, folder: Path
) -> None:
    """The first frame stands for all that is before it once, and not for each millisecond."""
    song, video = media.song(tmp_path / "song.m4a", 2), media.video(tmp_path / "video.mp4", "640x360", 1, sound=False)
    source = tmp_path / "late.mkv"
    media.ffmpeg("-i", song, "-itsoffset", "600", "-i", video, "-map", "0", "-map", "1", "-c", "copy", source)
    small = toolbox.settings.model_copy(update={"memory": 1024**3})
    provider = FFmpegVideo(Toolbox(launcher, binaries, small), VideoSettings())
    await provider.frame(source, folder, 60)
    assert names(folder) == ["frame.png"]


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
async def test_thumbnails(provider: FFmpegVideo, counted: Path, folder: Path, kind: str) -> None:
    probe = await provider.probe(counted)
    output = await provider.stills.frame(probe, counted, folder, FrameOptions(at=1, width=100, height=100, format=kind))
    picture = pyvips.Image.new_from_file(str(output.path))
    assert (picture.width, picture.height) == (output.width, output.height) == (100, 56)
    assert picture.get("vips-loader").startswith({"jpg": "jpeg"}.get(kind, kind))
    assert output.content_type == {"jpg": "image/jpeg"}.get(kind, f"image/{kind}")


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
@pytest.mark.parametrize("options", [BT709, ("-vf", "scale=out_color_matrix=bt601,format=yuv420p")])
async def test_colours(
    provider: FFmpegVideo, tmp_path: Path, folder: Path, kind: str, options: tuple[str, ...]
) -> None:
    """JPEG and WebP have their own idea of colours, and a source without any note is what players take it for."""
    source = quadrants(tmp_path / "in.mp4", (320, 180), "-qp", "8", *options)
    output = await provider.stills.frame(await provider.probe(source), source, folder, FrameOptions(format=kind))
    assert corners(output.path) == [0, 1, 2, 3]


# --- frames that carry their number: six bars, each black or white ---


@pytest.fixture(scope="session")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 frames in 2 s, a key frame every second, B-frames between."""
    path = tmp_path_factory.mktemp("numbered") / "in.mp4"
    graph = "color=black:s=192x108:d=2:r=25,geq=lum='16+219*mod(floor(N/pow(2,floor(X/32))),2)':cb=128:cr=128"
    media.ffmpeg("-f", "lavfi", "-i", graph, "-pix_fmt", "yuv420p", "-g", "25", "-bf", "2", "-qp", "10", path)
    return path


def number(path: Path) -> int:
    return sum(2**bit for bit in range(6) if pixel(path, (bit + 0.5) / 6, 0.5)[0] > 127)


X264 = ("-c:v", "libx264", "-qp", "10", "-bf", "2")
VARIANTS = {
    "open.ts": (*X264, "-x264-params", "open-gop=1:keyint=12:min-keyint=12:scenecut=0"),
    "open.mkv": (*X264, "-x264-params", "open-gop=1:keyint=12:min-keyint=12:scenecut=0"),
    "one-key-frame.ts": (*X264, "-g", "250"),
    "b-frames.avi": (*X264, "-g", "12"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-q:v", "1", "-g", "12", "-bf", "2"),
    "fragmented.mp4": (*X264, "-g", "12", "-movflags", "+frag_keyframe+empty_moov"),
    "intra.mov": ("-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj420p"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-lossless", "1", "-deadline", "realtime", "-cpu-used", "8", "-g", "12"),
}


@pytest.mark.parametrize(("name", "options"), VARIANTS.items(), ids=VARIANTS)
@pytest.mark.parametrize(("at", "frame"), [(0.0, 0), (0.5, 12), (1.02, 25), (1.99, 49)])
async def test_the_frame_at_a_moment_of_any_container(
    provider: FFmpegVideo,
    numbered: Path,
    tmp_path: Path,
    folder: Path,
    name: str,
    options: tuple[str, ...],
    *,
    at: float,
    frame: int,
) -> None:
    source = tmp_path / name
    media.ffmpeg("-i", numbered, "-an", *options, source)
    found = number(await provider.frame(source, folder, at))
    # AVI has no times of its own: what they are counted from lies one or two frames off.
    assert frame - (2 if name.endswith(".avi") else 0) <= found <= frame


@pytest.mark.parametrize(("at", "frame"), [(0.0, 15), (0.5, 27), (1.36, 49), (5.0, 49)])
async def test_a_video_cut_by_an_edit_list(
    provider: FFmpegVideo, numbered: Path, tmp_path: Path, folder: Path, at: float, frame: int
) -> None:
    """Frames before the cut are in the file, because others need them, and are never shown."""
    media.ffmpeg("-ss", "0.6", "-i", numbered, "-c", "copy", tmp_path / "in.mp4")
    assert number(await provider.frame(tmp_path / "in.mp4", folder, at)) == frame


async def test_a_moment_after_the_pictures_while_the_sound_goes_on(
    provider: FFmpegVideo, numbered: Path, tmp_path: Path, folder: Path
) -> None:
    song = media.song(tmp_path / "song.m4a", 30)
    media.ffmpeg("-i", numbered, "-i", song, "-c", "copy", tmp_path / "in.mp4")
    assert number(await provider.frame(tmp_path / "in.mp4", folder, 25)) == 49


async def test_a_tenth_of_a_second(provider: FFmpegVideo, numbered: Path, tmp_path: Path, folder: Path) -> None:
    """The command asks for the frame at 1 s unless told otherwise."""
    media.ffmpeg("-i", numbered, "-t", "0.1", "-qp", "10", tmp_path / "in.mp4")
    assert number(await provider.frame(tmp_path / "in.mp4", folder, 1.0)) == 2


@pytest.mark.parametrize(("form", "begin"), [("mp4", "7200"), ("mpegts", "7188.0")])
def test_reading_begins_near_the_moment_wherever_it_is(form: str, begin: str) -> None:
    """What it costs does not grow with the time."""
    described = probe(video(duration=9000.0), format=form)
    assert seeking(FrameOptions(at=7200), described, 7200, last=False)[-1] == begin

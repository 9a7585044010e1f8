from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from renditor.errors import BadRequest, NoSuchStream
from renditor.testing import media
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.frames import FrameOptions, parse_time, starts
from tests.video.probes import audio, probe, video
from tests.video.runs import names, pixel


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


@pytest.mark.parametrize(("at", "frame"), [(0.0, 0), (1.0, 25), (1.99, 49), (2.0, 49), (9999.0, 49)])
async def test_the_frame_at_a_moment(provider: FFmpegVideo, counted: Path, folder: Path, at: float, frame: int) -> None:
    path = await provider.frame(counted, folder, at)
    shown = pixel(path, 0.5, 0.5)[0]
    assert shown == pytest.approx(min(255, frame * 4 * 255 / 219), abs=5)
    assert pyvips.Image.new_from_file(str(path)).width == 320
    assert names(folder) == ["frame.png"]


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
async def test_thumbnails(provider: FFmpegVideo, counted: Path, folder: Path, kind: str) -> None:
    probe = await provider.probe(counted)
    output = await provider.thumbnail(probe, counted, folder, FrameOptions(at=1, width=100, height=100, format=kind))
    picture = pyvips.Image.new_from_file(str(output.path))
    assert (picture.width, picture.height) == (output.width, output.height) == (100, 56)
    assert picture.get("vips-loader").startswith({"jpg": "jpeg"}.get(kind, kind))
    assert output.content_type == {"jpg": "image/jpeg"}.get(kind, f"image/{kind}")

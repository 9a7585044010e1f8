from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import CorruptMedia
from renditor.ffmpeg.run import Toolbox
from renditor.models import Output
from renditor.testing import media
from renditor.video.pictures import poster
from renditor.video.pictures.checks import jpeg_size
from renditor.video.pictures.poster import Look, choose
from renditor.video.pictures.sampling import Footage
from tests.video.similarity import ssim

ORDINARY = Look(brightness=116, contrast=130, entropy=0.94, blur=4.6, saturation=26)


@pytest.mark.parametrize(
    "fault",
    [
        {"brightness": 17.0, "contrast": 4.0},  # black with noise
        {"brightness": 233.0},
        {"brightness": 24.0, "contrast": 0.0, "entropy": 0.2},  # white text on black
        {"contrast": 9.0},  # nearly faded out
        {"blur": 11.0},
        {"blur": None, "contrast": 40.0},  # a wash of colour
        {"entropy": 0.1},
    ],
)
def test_each_fault_loses_to_an_ordinary_frame(fault: dict[str, float]) -> None:
    assert replace(ORDINARY, **fault).score < ORDINARY.score / 3


@pytest.mark.parametrize("merit", [{"blur": 4.6}, {"saturation": 26.0}, {"contrast": 90.0}, {"entropy": 0.94}])
def test_more_is_better(merit: dict[str, float]) -> None:
    worse = replace(ORDINARY, blur=6.0, saturation=10.0, contrast=60.0, entropy=0.7)
    assert replace(worse, **merit).score > worse.score


@given(
    st.builds(
        Look,
        brightness=st.floats(0, 255),
        contrast=st.floats(0, 255),
        entropy=st.floats(0, 1),
        blur=st.none() | st.floats(0, 1000),
        saturation=st.floats(0, 181),
    )
)
def test_scores_lie_between_0_and_1(look: Look) -> None:
    assert 0 < look.score <= 1


def test_the_first_of_equals_away_from_the_ends() -> None:
    assert choose({9.9: ORDINARY, 4.0: ORDINARY, 6.0: ORDINARY, 0.0: ORDINARY}, 10)[0] == 4.0
    assert choose({0.0: ORDINARY, 5.0: replace(ORDINARY, blur=9.0)}, 10)[0] == 0.0
    with pytest.raises(ValueError, match="empty"):
        choose({}, 10)


CREDITS = ",".join(
    f"{drawn}:enable='gt(t,3)'"
    for drawn in (
        "drawbox=t=fill:color=black",
        "drawgrid=w=400:h=20:t=2:color=white",
        "drawbox=w=100:h=180:t=fill:color=black",
    )
)

# --- on real media: 8 s of a moving picture, with a fault in part of them ---


def clip(path: Path, fault: str, *options: str, seconds: float = 8) -> Path:
    """A moving picture, a key frame each second; ``fault`` are filters that spoil some of it."""
    source = f"testsrc2=size=320x180:rate=25:duration={seconds},format=yuv420p,{fault}"
    keys = ("-g", "25", "-keyint_min", "25", "-sc_threshold", "0")
    media.ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", *keys, *options, path)
    return path


def frame(source: Path, moment: float, path: Path) -> Path:
    """The first frame from ``moment`` seconds on, decoded from the beginning."""
    media.ffmpeg("-i", source, "-vf", f"select='gte(t,{moment}-0.001)'", "-frames:v", "1", path)
    return path


async def take(toolbox: Toolbox, source: Path, folder: Path) -> Output:
    probe = await toolbox.probe(source)
    assert probe.video is not None
    footage = Footage.of_source(source, probe, probe.video)
    (folder / "work").mkdir()
    return await poster.make(toolbox, footage, footage, folder)


@pytest.mark.parametrize(
    ("fault", "first", "last"),
    [
        ("drawbox=t=fill:color=black:enable='lt(t,5)'", 5, 8),  # a lead-in
        ("drawbox=t=fill:color=black:enable='gt(t,2.5)'", 0, 2.5),
        ("drawbox=t=fill:color=white:enable='not(between(t,3,5))'", 3, 5),
        ("gblur=sigma=6:enable='not(between(t,3.5,4.5))'", 3.5, 4.5),
        ("fade=in:d=6", 5, 8),
        ("fade=out:d=7:st=1", 0, 2.5),
        ("hue=s=0:enable='lt(t,5)'", 5, 8),
        # Credits: lines of light on black.
        (CREDITS, 0, 3),
        # Flashes on most key frames.
        ("drawbox=t=fill:color=white:enable='lt(mod(n,25),1)*not(between(t,3.5,4.5))'", 3.5, 4.5),
    ],
)
async def test_faults_are_avoided(
    toolbox: Toolbox, tmp_path: Path, folder: Path, fault: str, first: float, last: float
) -> None:
    source = clip(tmp_path / "in.mp4", fault)
    output = await take(toolbox, source, folder)
    moment = output.metadata["at"]
    assert first <= moment <= last
    this, later = (frame(source, moment + after, tmp_path / f"{after}.png") for after in (0, 0.04))
    assert ssim(output.path, this) > max(0.93, ssim(output.path, later))
    assert jpeg_size(output.path.read_bytes()) == (output.width, output.height) == (320, 180)


async def test_a_short_video_whose_only_key_frame_is_black(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    black = "drawbox=t=fill:color=black:enable='lt(t,0.8)'"
    source = clip(tmp_path / "in.mp4", black, "-g", "250", "-keyint_min", "250", seconds=2)
    output = await take(toolbox, source, folder)
    assert 0.8 <= output.metadata["at"] < 2
    assert pyvips.Image.new_from_file(str(output.path)).avg() > 60


@pytest.mark.parametrize(
    "fault", ["drawbox=t=fill:color=black", "drawbox=t=fill:color=white", "gblur=sigma=40:steps=6"]
)
async def test_where_all_is_bad_there_is_a_poster_still(
    toolbox: Toolbox, tmp_path: Path, folder: Path, fault: str
) -> None:
    output = await take(toolbox, clip(tmp_path / "in.mp4", fault, seconds=1), folder)
    assert jpeg_size(output.path.read_bytes()) == (320, 180)


async def test_the_least_bad_of_all(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    """Night: everything is nearly black, and one scene a little less so."""
    night = "lutyuv=y='16+(val-16)*0.03',lutyuv=y='16+(val-16)*3':enable='between(t,4,6)'"
    output = await take(toolbox, clip(tmp_path / "in.mp4", night), folder)
    assert 4 <= output.metadata["at"] <= 6


async def test_the_same_video_has_the_same_poster(toolbox: Toolbox, tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4", "null")
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        made.append(await take(toolbox, source, tmp_path / name))
    assert made[0].path.read_bytes() == made[1].path.read_bytes()
    assert made[0].metadata == made[1].metadata


async def test_what_cannot_be_decoded_has_none(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    source = clip(tmp_path / "in.mp4", "null", seconds=2)
    probe = await toolbox.probe(source)
    assert probe.video is not None
    content = bytearray(source.read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    source.write_bytes(content)
    footage = Footage.of_source(source, probe, probe.video)
    (folder / "work").mkdir()
    with pytest.raises(CorruptMedia):
        await poster.make(toolbox, footage, footage, folder)

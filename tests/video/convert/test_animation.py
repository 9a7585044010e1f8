from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from renditor.testing import media
from renditor.video.convert.animation import ANIMATED
from tests.video.runs import BT709, corners, quadrants
from tests.video.similarity import ssim


@pytest.mark.parametrize("kind", ANIMATED)
def test_frames_times_and_repetition(tmp_path: Path, kind: str) -> None:
    form = ANIMATED[kind]
    source = media.video(tmp_path / "in.mp4", "320x180", 2, sound=False)
    path = tmp_path / f"out.{kind}"
    media.ffmpeg(
        "-i", source, "-filter_complex", f"[0:v]fps=10,{form.filters}[out]", "-map", "[out]", *form.arguments(), path
    )
    picture = pyvips.Image.new_from_file(str(path), n=-1)
    assert picture.get("n-pages") == 20
    assert set(picture.get("delay")) == {100}
    assert picture.get("loop") == 0
    media.ffmpeg("-ss", "1", "-i", source, "-frames:v", "1", tmp_path / "frame.png")
    assert ssim(pyvips.Image.new_from_file(str(path), page=10).flatten(), tmp_path / "frame.png") > 0.75


@pytest.mark.parametrize("kind", ANIMATED)
def test_colours(tmp_path: Path, kind: str) -> None:
    form = ANIMATED[kind]
    source = quadrants(tmp_path / "in.mp4", (320, 180), *BT709, "-qp", "4", seconds=0.2)
    path = tmp_path / f"out.{kind}"
    media.ffmpeg("-i", source, "-filter_complex", f"[0:v]{form.filters}[out]", "-map", "[out]", *form.arguments(), path)
    assert corners(path) == [0, 1, 2, 3]


def test_less_quality_is_smaller(tmp_path: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "320x180", 1, sound=False)
    sizes = []
    for quality in (80, 20):
        path = tmp_path / f"{quality}.webp"
        media.ffmpeg("-i", source, *ANIMATED["webp"].arguments(quality), path)
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0] * 0.7

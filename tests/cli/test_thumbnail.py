"""renditor thumbnail."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from tests.cli.conftest import Run


@pytest.mark.parametrize(("at", "name"), [("1", "frame.jpg"), ("00:00:01", "frame.png"), ("3600", "frame.webp")])
def test_a_frame_by_seconds_by_clock_and_past_the_end(run: Run, samples: Path, at: str, name: str) -> None:
    done = run("thumbnail", samples / "clip.mp4", name, "--at", at, "--width", "160", "--json")
    assert done.status == 0, done.err
    assert (done.json["width"], done.json["height"]) == (160, 90)
    picture = pyvips.Image.new_from_file(name)
    assert (picture.width, picture.height) == (160, 90)
    assert picture.avg() > 20  # not black


def test_a_dry_run(run: Run, samples: Path) -> None:
    shown = run("thumbnail", samples / "clip.mp4", "x.webp", "--width", "100", "--dry-run", "--json").json
    assert shown["plan"] == {"at": 1.0, "format": "webp", "width": 100, "height": 56}
    assert shown["commands"][0]["stage"] == "frame"
    assert "libwebp" in shown["commands"][0]["argv"]
    assert list(Path().iterdir()) == []


def test_wrong_moments_and_names(run: Run, samples: Path) -> None:
    clip = samples / "clip.mp4"
    for arguments, said in (
        (("x.jpg", "--at", "soon"), "soon"),
        (("x.tiff",), "tiff"),
        (("x.jpg", "--at", "0:99"), "0:99"),
        (("x.jpg", "--width", "0"), "'--width'"),
    ):
        done = run("thumbnail", clip, *arguments)
        assert done.status == 2
        assert said in done.error
    assert "is a picture" in run("thumbnail", samples / "photo.jpg", "x.jpg").error
    assert run("thumbnail", samples / "song.mp3", "x.jpg").status == 1
    assert list(Path().iterdir()) == []

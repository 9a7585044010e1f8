"""``renditor waveform``."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import pyvips

from .conftest import Run


def test_data(process: Run, run: Run, samples: Path) -> None:
    done = process("waveform", samples / "song.mp3", "song.json", "--samples-per-pixel", "1024", "--json")
    assert done.status == 0, done.err
    written = json.loads(Path("song.json").read_bytes())
    assert (written["version"], written["channels"], written["samples_per_pixel"], written["bits"]) == (2, 1, 1024, 8)
    told = {"path": str(Path("song.json").absolute()), "samples_per_pixel": 1024, "length": written["length"]}
    assert done.json.items() >= told.items()
    assert done.json["bytes"] == Path("song.json").stat().st_size
    assert done.json["duration"] == pytest.approx(2, abs=0.05)
    done = run("waveform", samples / "song.mp3", "song.dat", "--bits", "16", "--split-channels")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("song.dat: ")
    assert struct.unpack("<iIiiIi", Path("song.dat").read_bytes()[:24])[:4] == (2, 0, 44100, 256)
    assert Path("song.dat").read_bytes()[20:24] == b"\2\0\0\0"
    assert run("waveform", samples / "song.mp3", "old.dat", "--format-version", "1").status == 0
    assert Path("old.dat").read_bytes()[:8] == struct.pack("<iI", 1, 1)


@pytest.mark.parametrize("name", ["song.png", "song.svg"])
def test_picture_of_the_sound_of_a_video(run: Run, samples: Path, name: str) -> None:
    size = ("--width", "300", "--height", "60")
    done = run("waveform", samples / "clip.mp4", name, *size, "--colour", "#ff0000", "--json")
    assert done.status == 0, done.err
    assert done.json.items() >= {"width": 300, "height": 60}.items()
    picture = pyvips.Image.new_from_file(name)
    assert (picture.width, picture.height) == (300, 60)
    assert picture(150, 30) == [255, 0, 0, 255]


def test_dry_run(run: Run, samples: Path) -> None:
    done = run("waveform", samples / "song.mp3", "song.dat", "--dry-run", "--json")
    assert done.status == 0, done.err
    assert done.json["plan"]["files"][0]["samples_per_pixel"] == 256
    assert done.json["commands"][0]["argv"][-1] == "pipe:1"
    assert list(Path().iterdir()) == []


def test_no_sound_is_an_error_and_no_file(run: Run, samples: Path) -> None:
    for source, said in (("mute.mp4", "no sound"), ("photo.jpg", "is a picture"), ("fake.jpg", "accepted type")):
        done = run("waveform", samples / source, "out.png")
        assert done.status == 1
        assert said in done.error
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("out.gif",), ".gif"),
        (("out",), "not known"),
        (("out.png", "--bits", "8"), "--bits is not for .png"),
        (("out.json", "--width", "100"), "--width is not for .json"),
        (("out.json", "--format-version", "1"), "--format-version is not for .json"),
        (("out.dat", "--bits", "12"), "8 or 16"),
        (("out.dat", "--samples-per-pixel", "1"), "between 2"),
        (("out.dat", "--format-version", "1", "--split-channels"), "one channel"),
        (("out.svg", "--colour", "red"), "colour"),
        (("out.svg", "--width", "9000"), "width"),
    ],
)
def test_wrong_options(run: Run, samples: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run("waveform", samples / "song.mp3", *arguments)
    assert done.status == 2
    assert said in done.error
    assert list(Path().iterdir()) == []

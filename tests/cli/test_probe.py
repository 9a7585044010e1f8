"""renditor probe."""

from __future__ import annotations

from pathlib import Path

import pytest

from renditor.testing import media
from tests.cli.conftest import Run


def test_a_photo_is_described_as_displayed(run: Run, samples: Path) -> None:
    done = run("probe", samples / "photo.jpg", "--json")
    assert done.status == 0
    assert done.err == ""
    expected = {"media_type": "image", "format": "jpg", "width": 480, "height": 640, "rotation": 90, "duration": None}
    assert done.json.items() >= expected.items()
    assert done.json["bytes"] == (samples / "photo.jpg").stat().st_size


def test_a_video_and_a_song(run: Run, samples: Path) -> None:
    video = run("probe", samples / "clip.mp4", "--json").json
    expected = {
        "media_type": "video",
        "width": 320,
        "height": 180,
        "frame_rate": 25.0,
        "video_codec": "h264",
        "audio_codec": "aac",
    }
    assert video.items() >= expected.items()
    assert video["duration"] == pytest.approx(2, abs=0.05)
    song = run("probe", samples / "song.mp3", "--json").json
    assert (
        song.items() >= {"media_type": "audio", "audio_codec": "mp3", "channels": 2, "width": None, "hdr": None}.items()
    )


def test_the_same_fields_for_every_type(run: Run, samples: Path) -> None:
    """Scripts need not ask first what a file is."""
    common = {"media_type", "format", "duration", "bytes", "bitrate", "width", "height", "rotation", "frame_rate"}
    common |= {"video_codec", "audio_codec", "channels", "hdr"}
    for name in ("photo.jpg", "clip.mp4", "song.mp3"):
        assert common <= run("probe", samples / name, "--json").json.keys()


def test_text_for_people(run: Run, samples: Path) -> None:
    done = run("probe", samples / "clip.mp4")
    assert done.status == 0
    assert "video codec" in done.out
    assert "0:02.0 (2" in done.out
    assert "null" not in done.out
    assert "None" not in done.out


def test_tags_of_a_file_cannot_command_the_terminal(run: Run) -> None:
    media.song(Path("evil.mp3"), 1, "-metadata", "title=\x1b]0;owned\x07 song")
    done = run("probe", "evil.mp3")
    assert "song" in done.out
    assert "\x1b" not in done.out
    assert "\x07" not in done.out


def test_files_that_are_no_media(run: Run, samples: Path) -> None:
    done = run("probe", samples / "fake.jpg")
    assert done.status == 1
    assert "not of an accepted type" in done.error
    Path("empty.mp4").touch()
    assert "empty" in run("probe", "empty.mp4").error
    Path("cut.jpg").write_bytes((samples / "photo.jpg").read_bytes()[:2000])
    done = run("probe", "cut.jpg")
    assert done.status == 1
    assert done.error


def test_nothing_is_made_where_one_stands(process: Run, samples: Path) -> None:
    assert process("probe", samples / "photo.jpg").status == 0
    assert list(Path().iterdir()) == []

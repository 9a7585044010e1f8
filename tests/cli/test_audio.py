"""renditor audio and renditor extract-audio."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("name", "codec", "rate"), [("out.mp3", "mp3", 22_050), ("out.m4a", "aac", 22_050), ("out.opus", "opus", 48_000)]
)
def test_each_format(run: Run, samples: Path, name: str, codec: str, rate: int) -> None:
    done = run("audio", samples / "song.mp3", name, "--bitrate", "96k", "--sample-rate", "22050", "--json")
    assert done.status == 0, done.err
    assert done.json["bytes"] == Path(name).stat().st_size
    found = run("probe", name, "--json").json
    assert found.items() >= {"media_type": "audio", "audio_codec": codec, "sample_rate": rate}.items()
    assert found["duration"] == pytest.approx(2, abs=0.15)


def test_the_sound_of_a_video(process: Run, run: Run, samples: Path) -> None:
    done = process("extract-audio", samples / "clip.mp4", "sound.mp3")
    assert done.status == 0, done.err
    assert "sound.mp3: mp3, " in done.out
    assert run("probe", "sound.mp3", "--json").json["audio_codec"] == "mp3"


def test_no_sound_is_an_error_and_no_empty_file(run: Run, samples: Path) -> None:
    for source, said in (("mute.mp4", "no sound"), ("photo.jpg", "is a picture"), ("fake.jpg", "accepted type")):
        done = run("extract-audio", samples / source, "sound.mp3")
        assert done.status == 1
        assert said in done.error
    assert list(Path().iterdir()) == []


def test_wrong_options(run: Run, samples: Path) -> None:
    song = samples / "song.mp3"
    for arguments, said in (
        (("out.doc",), ".doc"),
        (("out.mp3", "--bitrate", "loud"), "loud"),
        (("out.mp3", "--sample-rate", "12345"), "12345"),
    ):
        done = run("audio", song, *arguments)
        assert done.status == 2
        assert said in done.error

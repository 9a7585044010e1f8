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


@pytest.mark.parametrize(("name", "codec"), [("out.ogg", "vorbis"), ("out.flac", "flac"), ("out.wav", "pcm_s16le")])
def test_formats_without_a_bit_rate(run: Run, samples: Path, name: str, codec: str) -> None:
    done = run("audio", samples / "song.mp3", name, "--sample-rate", "22050", "--json")
    assert done.status == 0, done.err
    assert run("probe", name, "--json").json["audio_codec"] == codec


def test_every_treatment_at_once(run: Run, samples: Path) -> None:
    treatment = ("--start", "0.5", "--end", "0:02", "--trim-silence", "--loudness", "-20", "--fade-in", "0.1")
    done = run("audio", samples / "song.mp3", "out.flac", *treatment, "--fade-out", "0.2", "--json")
    assert done.status == 0, done.err
    assert done.json["duration"] == pytest.approx(1.5, abs=0.01)
    assert done.json["loudness"]["after"]["integrated"] == pytest.approx(-20, abs=0.3)
    assert done.json["copied"] is False


def test_what_is_not_changed_is_copied(run: Run, samples: Path) -> None:
    done = run("audio", samples / "song.mp3", "out.mp3", "--loudness", "tag")
    assert done.status == 0, done.err
    assert "out.mp3: mp3 (copied), " in done.out
    done = run("extract-audio", samples / "clip.mp4", "out.m4a", "--track", "1", "--json")
    assert done.json["copied"] is True


def test_dry_run_makes_nothing(run: Run, samples: Path) -> None:
    done = run("audio", samples / "song.mp3", "out.m4a", "--loudness", "-16", "--dry-run", "--json")
    assert done.status == 0, done.err
    assert done.json["plan"]["files"][0]["codec"] == "aac"
    assert [command["stage"] for command in done.json["commands"]] == ["listening (2 ch)", "encoding"]
    assert list(Path().iterdir()) == []


def test_wrong_options(run: Run, samples: Path) -> None:
    song = samples / "song.mp3"
    for arguments, said in (
        (("out.doc",), ".doc"),
        (("out.mp3", "--bitrate", "loud"), "loud"),
        (("out.mp3", "--sample-rate", "12345"), "12345"),
        (("out.flac", "--bitrate", "192k"), "FLAC takes no bit rate"),
        (("out.ogg", "--bitrate", "192k"), "Vorbis takes no bit rate"),
        (("out.mp3", "--quality", "5"), "MP3 takes no quality"),
        (("out.mp3", "--loudness", "loud"), "not a loudness"),
        (("out.mp3", "--loudness", "3"), "between -40 and -5"),
        (("out.mp3", "--start", "3", "--end", "2"), "after the start"),
        (("out.mp3", "--start", "60"), "lasts only"),
        (("out.mp3", "--fade-in", "-1"), "fade-in"),
    ):
        done = run("audio", song, *arguments)
        assert done.status == 2, arguments
        assert said in done.error
    done = run("audio", song, "out.mp3", "--track", "2")
    assert (done.status, "no such sound track" in done.error) == (1, True)
    assert list(Path().iterdir()) == []

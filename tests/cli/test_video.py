"""renditor video, and what a dry run shows."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.cli.conftest import Run


def test_a_video_becomes_another(process: Run, run: Run, samples: Path) -> None:
    done = process("video", samples / "clip.mp4", "out.mkv", "--max-resolution", "160x160", "--crf", "30", "--json")
    assert done.status == 0, done.err
    assert done.err == ""
    assert done.json.items() >= {"width": 160, "height": 90, "video_codec": "h264", "audio_codec": "aac"}.items()
    assert done.json["bytes"] == Path("out.mkv").stat().st_size
    found = run("probe", "out.mkv", "--json").json
    assert found.items() >= {"width": 160, "height": 90, "video_codec": "h264", "audio_codec": "aac"}.items()


def test_text_names_the_file_and_what_it_is(run: Run, samples: Path) -> None:
    done = run("video", samples / "mute.mp4", "out.mp4", "--preset", "ultrafast")
    assert done.status == 0
    assert done.out.startswith("out.mp4: h264, 320 x 180 px, 0:01.0, ")


def test_what_complies_is_copied_and_said_so(run: Run, samples: Path) -> None:
    assert run("video", samples / "clip.mp4", "first.mp4", "--preset", "ultrafast").status == 0
    done = run("video", "first.mp4", "second.mkv", "--json").json
    assert done["copied"] == ["video", "audio"]
    assert run("video", "first.mp4", "third.mkv").out.strip().endswith("copied: video, audio")
    assert run("video", "first.mp4", "fourth.mkv", "--crf", "30", "--json").json["copied"] == ["audio"]


def test_a_part(run: Run, samples: Path) -> None:
    done = run("video", samples / "clip.mp4", "out.mp4", "--start", "0.2", "--end", "0:00.6", "--json")
    assert done.status == 0, done.err
    assert abs(done.json["duration"] - 0.4) < 0.05


def test_an_animation(run: Run, samples: Path) -> None:
    done = run("video", samples / "clip.mp4", "out.gif", "--end", "0.4", "--max-resolution", "100x100", "--json")
    assert done.status == 0, done.err
    assert done.json.items() >= {"width": 100, "height": 56, "content_type": "image/gif"}.items()
    assert Path("out.gif").read_bytes()[:6] == b"GIF89a"
    shown = run("video", samples / "clip.mp4", "out.webp", "--dry-run", "--json").json
    assert "libwebp_anim" in shown["commands"][0]["argv"]


def test_a_dry_run_shows_plan_and_commands_and_makes_nothing(run: Run, samples: Path) -> None:
    done = run("video", samples / "clip.mp4", "out.webm", "--dry-run")
    assert done.status == 0
    assert "# plan\n{" in done.out
    command = shlex.split(done.out.splitlines()[-1])
    assert Path(command[0]).name.startswith("ffmpeg")
    assert {"libvpx-vp9", "libopus"} <= set(command)
    shown = run("video", samples / "clip.mp4", "out.webm", "--dry-run", "--json").json
    assert shown["commands"][0]["argv"] == command
    assert shown["plan"]["video_codec"] == "vp9"
    assert list(Path().iterdir()) == []


def test_wrong_options_are_refused_by_name_before_anything_runs(run: Run, samples: Path) -> None:
    clip = samples / "clip.mp4"
    for arguments, said in (
        (("out.webm", "--video-codec", "h264"), "WebM cannot hold H.264"),
        (("out.mp4", "--video-codec", "divx"), "divx"),
        (("out.mp4", "--crf", "99"), "99"),
        (("out.mp4", "--preset", "warp"), "warp"),
        (("out.mp4", "--audio-bitrate", "loud"), "loud"),
        (("out.mp4", "--max-resolution", "big"), "big"),
        (("out.txt",), ".txt"),
        (("out.gif", "--crf", "20"), "An animated GIF takes no --crf"),
        (("out.mp4", "--start", "2", "--end", "1"), "must end after it begins"),
        (("out.mp4", "--start", "soon"), "soon"),
        (("out",), "The format of out is not known"),
    ):
        done = run("video", clip, *arguments)
        assert done.status == 2
        assert said in done.error
    assert list(Path().iterdir()) == []


def test_files_that_are_no_video(run: Run, samples: Path) -> None:
    for name, said in (
        ("photo.jpg", "is a picture"),
        ("song.mp3", "no moving pictures"),
        ("fake.jpg", "accepted type"),
    ):
        done = run("video", samples / name, "out.mp4")
        assert done.status == 1
        assert said in done.error
    assert list(Path().iterdir()) == []

"""renditor storyboard."""

from __future__ import annotations

from pathlib import Path

import pyvips

from tests.cli.conftest import Run


def test_sheets_and_cues(process: Run, samples: Path) -> None:
    done = process("storyboard", samples / "clip.mp4", "board", "--width", "64", "--json")
    assert done.status == 0, done.err
    assert sorted(path.name for path in Path("board").iterdir()) == ["storyboard-1.jpg", "storyboard.vtt"]
    cues = Path("board/storyboard.vtt").read_text()
    assert cues.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert cues.count("#xywh=") == done.json["tiles"]
    assert done.json["vtt"] == str(Path("board/storyboard.vtt").absolute())
    sheet = pyvips.Image.new_from_file("board/storyboard-1.jpg")
    assert (sheet.width, sheet.height) == (64 * done.json["columns"], 36 * done.json["rows"])
    assert done.json["bytes"] == sum(path.stat().st_size for path in Path("board").iterdir())


def test_what_it_says(run: Run, samples: Path) -> None:
    done = run("storyboard", samples / "clip.mp4", "board")
    assert done.status == 0, done.err
    assert done.out.startswith("board/storyboard.vtt: 1 tile of 192 x 108 px on 1 sheet, ")


def test_a_dry_run(run: Run, samples: Path) -> None:
    shown = run("storyboard", samples / "clip.mp4", "board", "--interval", "0.5", "--dry-run", "--json").json
    assert [step["stage"] for step in shown["commands"]] == ["tiles", "sheets"]
    assert shown["plan"]["interval"] == 0.5
    assert list(Path().iterdir()) == []


def test_what_is_wrong_is_said(run: Run, samples: Path) -> None:
    clip = samples / "clip.mp4"
    for arguments, status, said in (
        (("--interval", "0.01"), 2, "interval"),
        (("--width", "5000"), 2, "width"),
        (("--columns", "0"), 2, "columns"),
        (("--columns", "20", "--width", "640"), 2, "wider"),
    ):
        done = run("storyboard", clip, "board", *arguments)
        assert done.status == status
        assert said in done.error
    assert "is a picture" in run("storyboard", samples / "photo.jpg", "board").error
    assert run("storyboard", samples / "song.mp3", "board").status == 1
    Path("full").mkdir()
    Path("full/mine.txt").touch()
    assert "is not empty" in run("storyboard", clip, "full").error
    assert [path.name for path in Path().iterdir()] == ["full"]

"""renditor hls."""

from __future__ import annotations

from pathlib import Path

import m3u8

from tests.cli.conftest import Run


def test_a_stream_with_its_playlists(process: Run, samples: Path) -> None:
    done = process("hls", samples / "clip.mp4", "stream", "--json")
    assert done.status == 0, done.err
    assert [one["resolution"] for one in done.json["variants"]] == ["320x180"]
    master = m3u8.load("stream/master.m3u8")
    assert [playlist.stream_info.resolution for playlist in master.playlists] == [(320, 180)]
    assert Path("stream/manifest.mpd").read_text().startswith("<?xml")
    for playlist in master.playlists:
        media = m3u8.load(f"stream/{playlist.uri}")
        for segment in media.segments:
            assert (Path("stream") / Path(playlist.uri).parent / segment.uri).stat().st_size > 0
    assert [path.name for path in Path().iterdir()] == ["stream"]


def test_a_folder_that_holds_something_is_left_alone(run: Run, samples: Path) -> None:
    Path("stream").mkdir()
    Path("stream/mine.txt").touch()
    done = run("hls", samples / "clip.mp4", "stream")
    assert done.status == 1
    assert "is not empty" in done.error
    assert [path.name for path in Path("stream").iterdir()] == ["mine.txt"]


def test_a_dry_run(run: Run, samples: Path) -> None:
    shown = run("hls", samples / "clip.mp4", "stream", "--dry-run", "--json").json
    assert [step["stage"] for step in shown["commands"]] == ["encoding", "packaging"]
    assert shown["plan"]["rungs"][0]["height"] == 180
    assert list(Path().iterdir()) == []


def test_a_song_is_no_stream(run: Run, samples: Path) -> None:
    done = run("hls", samples / "song.mp3", "stream")
    assert done.status == 1
    assert "no moving pictures" in done.error
    assert list(Path().iterdir()) == []

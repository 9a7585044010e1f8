"""renditor hls."""

from __future__ import annotations

from pathlib import Path

import m3u8
import pytest

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
    assert shown["plan"]["notes"] == ["copy refused: colours other than BT.709 in limited range"]
    assert list(Path().iterdir()) == []


def test_a_song_is_a_stream_of_two_bit_rates(run: Run, samples: Path) -> None:
    done = run("hls", samples / "song.mp3", "stream", "--json")
    assert done.status == 0, done.err
    assert done.json["variants"] == []
    assert [track["bitrate"] for track in done.json["audio"]] == [128_000, 64_000]
    master = m3u8.load("stream/master.m3u8")
    assert {playlist.uri for playlist in master.playlists} == {track["playlist"] for track in done.json["audio"]}
    assert run("hls", "--check", "stream").status == 0


def test_a_stream_of_ours_passes_the_check(run: Run, samples: Path) -> None:
    run("hls", samples / "clip.mp4", "stream")
    done = run("hls", "--check", "stream")
    assert (done.status, done.out) == (0, "stream: 0 errors, 0 warnings in 5 segments\n")
    found = run("hls", "--check", "stream", "--json").json
    assert (found["passed"], found["errors"], found["findings"]) == (True, 0, [])
    assert [stream["form"] for stream in found["streams"]] == ["hls", "dash"]


def test_what_is_wrong_is_told(run: Run, samples: Path) -> None:
    run("hls", samples / "clip.mp4", "stream")
    playlist = Path("stream/180p/index.m3u8")
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST\n", ""))
    Path("stream/notes.txt").touch()
    done = run("hls", "--check", "stream")
    assert done.status == 1
    error, warning, verdict = done.out.splitlines()
    assert error.split()[:3] == ["error", "no-end", "180p/index.m3u8"]
    assert error.endswith("[RFC 8216 4.3.3.4]")
    assert warning.split()[:2] == ["warning", "extra-file"]
    assert verdict == "stream: 1 error, 1 warning in 5 segments"
    found = run("hls", "--check", "stream", "--json")
    assert found.status == 1
    assert found.json["findings"][0] == {
        "severity": "error",
        "code": "no-end",
        "where": "180p/index.m3u8",
        "message": "it is of type VOD and has no EXT-X-ENDLIST",
        "count": 1,
        "reference": "RFC 8216 4.3.3.4",
    }


def test_damaged_pictures_are_told(run: Run, samples: Path) -> None:
    run("hls", samples / "clip.mp4", "stream")
    path = Path("stream/180p/1.m4s")
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 40
    content[start:] = bytes((number * 89 + 7) % 256 for number in range(len(content) - start))
    path.write_bytes(content)
    done = run("hls", "--check", "stream")
    assert done.status == 1
    assert done.out.startswith("error  undecodable  180p/index.m3u8")


def test_wrong_uses_of_the_check(run: Run, samples: Path) -> None:
    assert "is not a folder" in run("hls", "--check", "nothing").error
    assert "no playlist" in run("hls", "--check", ".").error
    assert run("hls", "--check", "here", "there").status == 2
    assert run("hls", samples / "clip.mp4").status == 2
    assert "cannot be asked" in run("hls", "--check", "http://127.0.0.1:1/master.m3u8").error


def test_recipe_and_tier(run: Run, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDITOR_VIDEO__LADDERS", '{"small": [{"short_side": 90, "crf": 30, "maxrate": 200000}]}')
    monkeypatch.setenv("RENDITOR_RECIPES__VIDEO", '{"preview": {"ladder": "small", "tier": "instant"}}')

    def planned(*options: str) -> tuple[str, list[str]]:
        plan = run("hls", samples / "clip.mp4", "stream", "--dry-run", "--json", *options).json["plan"]
        return plan["preset"], [rung["name"] for rung in plan["rungs"]]

    assert planned() == ("faster", ["180p"])
    assert planned("--tier", "best") == ("slow", ["180p"])
    assert planned("--recipe", "preview") == ("veryfast", ["90p"])
    assert planned("--recipe", "preview", "--tier", "standard") == ("faster", ["90p"])
    for wrong in (("--recipe", "other"), ("--tier", "cheap")):
        done = run("hls", samples / "clip.mp4", "stream", *wrong)
        assert done.status == 2
        assert wrong[1] in done.error

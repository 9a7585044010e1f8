"""The tours of README and quick start, typed into a real shell against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from renditor.content.sniff import sniff
from renditor.testing import media
from tests.docs.pages import DOCS, ROOT, blocks
from tests.images.portraits import portrait
from tests.server import RunningServer

README = ROOT / "README.md"
QUICK_START = DOCS / "tutorial" / "QUICK-START.md"
HOW_TOS, LOCAL_HOW_TOS = (
    [page for page in sorted((DOCS / "how-to").glob("*.md")) if any(block.tag == tag for block in blocks(page))]
    for tag in ("tour", "local")
)
BIN = Path(sys.executable).parent


def type_in(script: str, folder: Path, **variables: str) -> str:
    """Run what a reader would type, in ``folder``; the first command that fails ends it. Returns what it printed."""
    env = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"} | variables
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def script_of(page: Path, tag: str) -> str:
    found = [block.text for block in blocks(page) if block.tag == tag]
    assert found, f"{page.name} has no block marked {tag}"
    return "\n".join(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder with the three files of the README, and a logo."""
    portrait(1600, 1200, (0.35, 0.4, 0.4)).jpegsave(str(tmp_path / "photo.jpg"), Q=85)
    media.quadrants(200, 100, alpha=True).pngsave(str(tmp_path / "logo.png"))
    media.video(tmp_path / "talk.mp4", "640x480", 2)
    media.song(tmp_path / "song.mp3", 2)
    return tmp_path


def format_of(path: Path) -> str:
    return sniff(path.read_bytes()).format


def test_tour_of_the_readme(server: RunningServer, folder: Path) -> None:
    said = type_in(script_of(README, "tour"), folder, URL=server.url, KEY=server.key)
    for name, expected in {
        "photo-800.avif": "avif",
        "square.jpg": "jpg",
        "best.webp": "webp",
        "portrait.png": "png",
        "card.jpg": "jpg",
        "poster.jpg": "jpg",
        "second.webp": "webp",
        "start.bin": "mp4",
        "song.opus": "opus",
        "waveform.png": "png",
    }.items():
        assert format_of(folder / name) == expected, name
    assert (folder / "start.bin").stat().st_size == 1000
    assert (folder / "original.mp4").read_bytes() == (folder / "talk.mp4").read_bytes()
    for part in (
        "e_background_removal",
        'alt="A photo"',
        "#EXTM3U",
        '"status":"completed"',
        '"label":"English"',
        "storyboard-1.jpg#xywh=",
        '"status":"cancelled"',
        '"music"',
        '"private"',
    ):
        assert part in said, part


def test_quick_start(server: RunningServer, tmp_path: Path) -> None:
    said = type_in(script_of(QUICK_START, "tour"), tmp_path, URL=server.url, KEY=server.key)
    place = tmp_path / "quick-start"
    for name in (
        "small.avif",
        "square.webp",
        "grey.png",
        "badge.png",
        "title.jpg",
        "poster.jpg",
        "talk-web.mp4",
        "song.opus",
        "waveform.png",
    ):
        assert format_of(place / name) == name.rpartition(".")[2], name
    captions, waveform = '"label":"English"', '"samples_per_pixel":1024'
    for part in (
        "image/avif\nimage/webp\n",
        'alt="A test picture"',
        "#EXTM3U",
        '"status":"completed"',
        captions,
        waveform,
    ):
        assert part in said, part
    assert f'loadSource("{server.url}/main/video/upload/sp_auto/' in (place / "player.html").read_text()
    assert said.endswith("404\n")


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.stem)
def test_tour_of_a_how_to(server: RunningServer, folder: Path, page: Path) -> None:
    """Every file that its commands make is a picture of the format that its name says, and nothing is refused."""
    script = script_of(page, "tour")
    said = type_in(script, folder, URL=server.url, KEY=server.key)
    assert "urn:renditor:problem" not in said
    for name in re.findall(r"-o (\S+)", script):
        assert format_of(folder / name) == name.rpartition(".")[2], name


@pytest.mark.parametrize("page", LOCAL_HOW_TOS, ids=lambda page: page.stem)
def test_local_commands_of_a_how_to(folder: Path, page: Path) -> None:
    before = set(folder.rglob("*"))
    type_in(script_of(page, "local"), folder)
    assert set(folder.rglob("*")) - before


def test_local_commands_of_the_readme(folder: Path) -> None:
    script = script_of(README, "local")
    type_in(script.replace("renditor doctor\n", ""), folder)  # doctor judges this machine, not the page
    for name, expected in {
        "small.avif": "avif",
        "small.webm": "webm",
        "cover.jpg": "jpg",
        "song.m4a": "m4a",
        "talk.mp3": "mp3",
    }.items():
        assert format_of(folder / name) == expected, name
    assert (folder / "stream" / "master.m3u8").read_text().startswith("#EXTM3U")


def test_start_looks_as_shown(server: RunningServer) -> None:
    shown = next(block.text for block in blocks(README) if block.text.startswith("renditor is starting"))
    said = server.log.read_text()
    for line in shown.splitlines():
        words = re.split(r"http|…|rk_", line)[0]
        assert words in said, line


def test_library_sample_of_the_readme_is_the_example() -> None:
    shown = next(block.text for block in blocks(README) if block.language == "python")
    assert shown in (ROOT / "examples" / "ten_lines.py").read_text()

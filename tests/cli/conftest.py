"""Running commands: in this process where only the command counts, as a real process where the process counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from renditor.cli import main
from renditor.testing import media


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """stdout, which must be exactly one JSON object."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def error(self) -> str:
        """The error line; there is one, at most one hint, and never a traceback."""
        lines = self.err.splitlines()
        assert [line.split(":")[0] for line in lines] in (["error"], ["error", "hint"]), self.err
        return lines[0]


Run = Callable[..., Done]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is learned about the programs is kept apart from the user's own cache, and learned once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def temp_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, with a temporary folder that every command leaves empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in [name for name in os.environ if name.startswith("RENDITOR_")]:
        monkeypatch.delenv(name)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """A command in this process."""

    def call(*arguments: str | Path) -> Done:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        sys.stdout.flush()
        captured = capfd.readouterr()
        return Done(status, captured.out, captured.err)

    return call


@pytest.fixture
def process() -> Run:
    """A command as a process of its own."""

    def call(*arguments: str | Path, **env: str) -> Done:
        command = [sys.executable, "-m", "renditor.cli", *map(str, arguments)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | env,
            stdin=subprocess.DEVNULL,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photo.jpg (640 x 480 stored, shown upright as 480 x 640), clip.mp4 (2 s), mute.mp4, song.mp3, fake.jpg (text)."""
    folder = tmp_path_factory.mktemp("samples")
    media.photo(folder / "photo.jpg", 640, 480, orientation=6)
    media.video(folder / "clip.mp4", "320x180", 2)
    media.video(folder / "mute.mp4", "320x180", 1, sound=False)
    media.song(folder / "song.mp3", 2)
    (folder / "fake.jpg").write_text("this is no picture")
    return folder

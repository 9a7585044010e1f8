"""Fixtures of every test that runs the real programs in the sandbox; taken over by the conftest of each room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from renditor.ffmpeg.binaries import Binaries, resolve
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.sandbox.launcher import Launcher


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Binaries:
    return resolve(FFmpegSettings(), tmp_path_factory.mktemp("programs") / "tools.json")


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="session")
def toolbox(launcher: Launcher, binaries: Binaries) -> Toolbox:
    return Toolbox(launcher, binaries, FFmpegSettings())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty job folder."""
    made = tmp_path / "job"
    made.mkdir()
    return made

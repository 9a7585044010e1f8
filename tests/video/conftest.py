from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from renditor.ffmpeg.binaries import Binaries
from renditor.ffmpeg.run import Toolbox
from renditor.video.base import VideoSettings
from renditor.video.ffmpeg import FFmpegVideo
from tests.toolbox import binaries, folder, launcher, toolbox
from tests.video.runs import Describe

__all__ = ["binaries", "describe", "folder", "launcher", "provider", "toolbox"]


@pytest.fixture(scope="session")
def provider(toolbox: Toolbox) -> FFmpegVideo:
    return FFmpegVideo(toolbox, VideoSettings(tier="instant"))


@pytest.fixture(scope="session")
def describe(binaries: Binaries) -> Describe:
    """ffprobe of a result, outside our code."""

    def run(path: Path, *more: str) -> dict[str, Any]:
        command = [str(binaries.require("ffprobe").path), "-v", "error", "-print_format", "json", "-show_streams"]
        out = subprocess.run([*command, *more, str(path)], capture_output=True, check=True).stdout
        found: dict[str, Any] = json.loads(out)
        return found

    return run

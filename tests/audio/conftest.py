from __future__ import annotations

import pytest

from renditor.audio.ffmpeg import FFmpegAudio
from renditor.ffmpeg.run import Toolbox
from tests.toolbox import binaries, folder, launcher, toolbox

__all__ = ["binaries", "folder", "launcher", "provider", "toolbox"]


@pytest.fixture(scope="session")
def provider(toolbox: Toolbox) -> FFmpegAudio:
    return FFmpegAudio(toolbox)

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from renditor.testing import media
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.plan import plan as make_plan
from tests.toolbox import binaries, folder, launcher, toolbox
from tests.video.conftest import provider

__all__ = ["binaries", "folder", "launcher", "provider", "toolbox"]


@pytest.fixture(scope="session")
def ours(provider: FFmpegVideo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rungs, two languages, two segments: made by the real pipeline. Never changed."""
    place = tmp_path_factory.mktemp("ours")
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu")
    plain = media.video(place / "plain.mp4", "480x480", 7)
    media.ffmpeg("-i", plain, "-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy", *languages, place / "in.mp4")

    async def make() -> Path:
        source, job = place / "in.mp4", place / "job"
        job.mkdir()
        plan = make_plan(await provider.probe(source), "instant", ("hls",))
        assert [rung.name for rung in plan.rungs] == ["480p", "360p"]
        (output,) = await provider.run(plan, source, job, lambda *_: None)
        return output.path

    return asyncio.run(make())


@pytest.fixture
def copy(ours: Path, tmp_path: Path) -> Path:
    """The same, to be broken."""
    return Path(shutil.copytree(ours, tmp_path / "set"))

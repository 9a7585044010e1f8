"""Footage of files made for a test."""

from __future__ import annotations

from pathlib import Path

from renditor.ffmpeg.run import Toolbox
from renditor.video.pictures.sampling import Footage


async def footage(toolbox: Toolbox, source: Path) -> Footage:
    """The pictures of a file as the provider would read them."""
    probe = await toolbox.probe(source)
    assert probe.video is not None
    return Footage.of_source(source, probe, probe.video)

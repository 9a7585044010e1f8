"""Running the provider on media made for a test, and looking at the results with the eyes of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from renditor.models import Output
from renditor.testing import media
from renditor.video.base import VideoProvider
from renditor.video.plan import VideoPlan
from renditor.video.plan import plan as make_plan

BT709 = ("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-colorspace", "bt709")
Describe = Callable[..., dict[str, Any]]


@dataclass
class Made:
    """A finished run."""

    plan: VideoPlan
    folder: Path
    outputs: dict[str, Output]
    progress: list[tuple[float, str]]


async def make(provider: VideoProvider, source: Path, folder: Path) -> Made:
    plan = make_plan(await provider.probe(source), "instant")
    seen: list[tuple[float, str]] = []
    outputs = await provider.run(plan, source, folder, lambda done, stage: seen.append((done, stage)))
    return Made(plan, folder, {output.kind: output for output in outputs}, seen)


def pixel(path: Path, across: float, down: float) -> list[float]:
    """The colour at a place given in shares of width and height."""
    picture = pyvips.Image.new_from_file(str(path))
    return [float(value) for value in picture.getpoint(int(picture.width * across), int(picture.height * down))[:3]]


def corners(path: Path) -> list[int]:
    """Which colour of ``media.QUADRANTS`` each quarter shows: top left, top right, bottom left, bottom right."""
    found = []
    for down in (0.25, 0.75):
        for across in (0.25, 0.75):
            colour = pixel(path, across, down)
            distances = [max(abs(a - b) for a, b in zip(colour, one, strict=True)) for one in media.QUADRANTS]
            best = min(range(4), key=distances.__getitem__)
            assert distances[best] < 14, (colour, media.QUADRANTS)
            found.append(best)
    return found


def quadrants(path: Path, size: tuple[int, int], *options: str, seconds: float = 1) -> Path:
    """A still video of four coloured quarters, coded with known colours."""
    still = path.with_suffix(".png")
    media.quadrants(*size).write_to_file(str(still))
    media.ffmpeg("-loop", "1", "-i", still, "-t", str(seconds), "-r", "25", *options, path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())

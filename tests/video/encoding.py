"""The steps of a run one by one, with the files in ``work/`` still there afterwards."""

from __future__ import annotations

from pathlib import Path

from renditor.ffmpeg.run import Toolbox
from renditor.video import commands
from renditor.video.plan import VideoPlan


async def encode(toolbox: Toolbox, plan: VideoPlan, source: Path, folder: Path) -> None:
    """All rungs and sounds into ``work/``."""
    (folder / "work").mkdir(exist_ok=True)
    arguments = commands.encode(plan, toolbox.open(source), threads=2, tone_mapping=True)
    budget = toolbox.budget(plan.length, plan.bitrate)
    await toolbox.ffmpeg(arguments, folder=folder, reads=(source,), budget=budget)


async def remux(toolbox: Toolbox, plan: VideoPlan, folder: Path, name: str = "video.mp4") -> None:
    """The largest rung and the sound into one MP4."""
    files = [commands.rung_file(plan.rungs[0]), *map(commands.track_file, plan.audio)]
    arguments = commands.progressive(plan, [toolbox.open(Path(file)) for file in files], name)
    await toolbox.ffmpeg(arguments, folder=folder, budget=toolbox.budget(plan.length, plan.bitrate))

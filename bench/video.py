"""An adaptive stream of 720p: the encode and the whole command against bare x264, and against the guide's four runs.

    python -m bench.video [--rounds 3] [--seconds 20]

The floor is x264 alone: each rung from frames that have been decoded and scaled before, with the same settings, in one
run after the other, outside of the sandbox and to nowhere. The guide's pipeline decodes and encodes the source once for
each of four fixed sizes. All take turns; what counts is CPU (user + system) of this process and all that it started.
Targets: encode at most 1.15 x of the floor, `renditor hls` 1.35 x of the floor and 0.30 x of the guide's pipeline,
packaging 0.06 x of the encode. The 20 s of frames take 1.2 GB of the system's temporary folder.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from bench._films import FFMPEG, ffmpeg, source_film
from bench._measure import asked, cache, cpu, ratio, table, verdict
from renditor.ffmpeg.binaries import resolve
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.ffmpeg.workspace import WORK
from renditor.sandbox.launcher import Launcher
from renditor.video import commands, verify
from renditor.video.base import VideoSettings
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.plan import VideoPlan
from renditor.video.streams import package

# Width, height and bit rate of the guide's variants.
GUIDE = ((1920, 1080, "5000k"), (1280, 720, "2500k"), (854, 480, "1000k"), (640, 360, "600k"))
TARGETS = (("encode", "floor", 1.15), ("hls", "floor", 1.35), ("hls", "guide", 0.30), ("package", "encode", 0.06))


class Bench:
    """The ways that are compared, in a folder of their own."""

    def __init__(self, toolbox: Toolbox, plan: VideoPlan, source: Path, folder: Path) -> None:
        self._toolbox, self._plan, self._source, self._folder = toolbox, plan, source, folder
        self._frames = [folder / f"{rung.name}.y4m" for rung in plan.rungs]
        for rung, frames in zip(plan.rungs, self._frames, strict=True):
            ffmpeg("-i", source, "-an", "-vf", f"scale={rung.width}:{rung.height}", frames)
        (folder / WORK).mkdir()
        self._count = 0
        # Packaging takes what the encode has made.
        self.ways: dict[str, Callable[[], Awaitable[object]]] = {
            "floor": self._floor,
            "encode": self._encode,
            "package": lambda: package.package(plan, folder, toolbox),
            "verify": self._verify,
            "hls": self._hls,
            "guide": self._guide,
        }

    async def _floor(self) -> None:
        for rung, frames in zip(self._plan.rungs, self._frames, strict=True):
            alone = replace(self._plan, rungs=(rung,), audio=())
            given = commands.encode(alone, [], threads=self._toolbox.settings.threads, tone_mapping=False)
            coding = given[given.index("[v0]") + 1 : given.index("-t")]
            await asyncio.to_thread(ffmpeg, "-i", frames, *coding, "-f", "null", "-")

    async def _encode(self) -> None:
        plan, toolbox = self._plan, self._toolbox
        opened = toolbox.open(self._source)
        arguments = commands.encode(plan, opened, threads=toolbox.settings.threads, tone_mapping=True)
        budget = toolbox.budget(plan.length, plan.bitrate)
        await toolbox.ffmpeg(arguments, folder=self._folder, reads=(self._source,), budget=budget)

    async def _verify(self) -> None:
        encoded = await verify.check_encoded(self._plan, self._folder, self._toolbox)
        await verify.check_set(self._plan, encoded, self._folder, package.FOLDER, self._toolbox)

    async def _hls(self) -> None:
        command = [sys.executable, "-m", "renditor.cli", "hls", str(self._source), str(self._new_folder())]
        await asyncio.to_thread(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))

    async def _guide(self) -> None:
        folder = self._new_folder()
        folder.mkdir()
        for width, height, bitrate in GUIDE:
            name = f"{height}p"
            await asyncio.to_thread(
                ffmpeg,
                *("-i", self._source, "-vf", f"scale={width}:{height}", "-c:v", "libx264", "-b:v", bitrate),
                *("-c:a", "aac", "-b:a", "128k", "-hls_time", "10", "-hls_playlist_type", "vod"),
                *("-hls_segment_filename", folder / f"{name}_%03d.ts", folder / f"{name}.m3u8"),
            )

    def _new_folder(self) -> Path:
        self._count += 1
        return self._folder / f"made-{self._count}"


async def spent(way: Callable[[], Awaitable[object]]) -> float:
    """CPU seconds of one of them."""
    before = cpu(os.getpid())
    await way()
    return cpu(os.getpid()) - before


async def run(rounds: int, seconds: int) -> None:
    launcher = Launcher()
    launcher.start()
    toolbox = Toolbox(launcher, resolve(FFmpegSettings(), cache() / "tools.json"), FFmpegSettings())
    provider = FFmpegVideo(toolbox, VideoSettings())
    try:
        source = source_film(seconds)
        plan = provider.plan(await provider.probe(source), outputs=("hls",))
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(toolbox, plan, source, Path(folder))
            turns = [[await spent(way) for way in bench.ways.values()] for _ in range(rounds)]
    finally:
        launcher.close()
    took = dict(zip(bench.ways, zip(*turns, strict=True), strict=True))
    rungs = ", ".join(rung.name for rung in plan.rungs)
    print(f"{seconds} s of 720p at 25 frames a second; rungs {rungs}; preset {plan.preset}; {Path(FFMPEG).name}\n")
    table(["", "CPU s"], [[name, f"{statistics.median(times):.2f}"] for name, times in took.items()])
    print()
    rows = []
    for mine, theirs, target in TARGETS:
        share = ratio(took[mine], took[theirs])
        rows.append([f"{mine} / {theirs}", f"{share:.3f}", f"{target}", verdict(share, target)])
    table(["", "ratio", "target", ""], rows)


if __name__ == "__main__":
    asyncio.run(run(**asked(__doc__, rounds=3, seconds=20)))

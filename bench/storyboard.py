"""A storyboard, from the source and from an encoded rung, against one decode of the whole source; a poster and preview.

    python -m bench.storyboard [--rounds 7]

The source is a minute of 720p: `bigbuckbunny.mp4` of the folder of samples, repeated by copying its packets; else a
moving test picture. The decode is FFmpeg alone, outside of the sandbox, of the pictures to nowhere. All take turns.
What counts is CPU (user + system) of this process and all that it started, reading back included. Target: at most
0.15 x for storyboards.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench._films import FFMPEG, made, source_film
from bench._measure import asked, cache, cpu, ratio, table, verdict
from renditor.ffmpeg.binaries import resolve
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.ffmpeg.workspace import workspace
from renditor.models import Output
from renditor.sandbox.launcher import Launcher
from renditor.video.pictures import poster, preview, storyboard
from renditor.video.pictures.checks import check_poster, check_preview, check_storyboard
from renditor.video.pictures.sampling import Footage
from renditor.video.pictures.storyboard import StoryboardOptions

TARGET = 0.15
_SECONDS = 60


def rung(film: Path) -> Path:
    """The smallest rung of its ladder: 360p, a key frame every 2 s."""
    coding = ("-c:v", "libx264", "-preset", "faster", "-crf", "24", "-g", "50", "-sc_threshold", "0")
    return made(f"{film.stem}-360p.mp4", "-i", film, "-an", "-vf", "scale=640:360", *coding)


async def decode(film: Path) -> None:
    """The pictures of the whole source, with two threads as everything here."""
    decoded = ("-threads", "2", "-i", str(film), "-map", "0:v:0", "-f", "null", os.devnull)
    await asyncio.to_thread(subprocess.run, [FFMPEG, "-nostdin", "-v", "error", *decoded], check=True)


class Bench:
    """The ways that are compared, each inside a job folder of its own."""

    def __init__(self, toolbox: Toolbox, film: Footage, small: Footage) -> None:
        self._toolbox = toolbox
        self.ways: dict[str, Callable[[], Awaitable[None]]] = {
            "storyboard of the source": lambda: self._storyboard(film),
            "storyboard of the 360p rung": lambda: self._storyboard(small),
            "poster of the rung": lambda: self._within(
                lambda folder: poster.make(toolbox, small, small, folder), check_poster
            ),
            "preview of the rung": lambda: self._within(
                lambda folder: preview.make(toolbox, small, folder), check_preview
            ),
        }

    async def _storyboard(self, footage: Footage) -> None:
        await self._within(
            lambda folder: storyboard.make(self._toolbox, footage, StoryboardOptions(), folder), check_storyboard
        )

    async def _within(
        self,
        make: Callable[[Path], Awaitable[Output]],
        check: Callable[[Output, Path, Toolbox], Awaitable[None]],
    ) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            async with workspace(folder, ()):
                await check(await make(folder), folder, self._toolbox)


async def spent(work: Callable[[], Awaitable[None]]) -> float:
    """CPU seconds."""
    before = cpu(os.getpid())
    await work()
    return cpu(os.getpid()) - before


async def run(rounds: int) -> None:
    launcher = Launcher()
    launcher.start()
    settings = FFmpegSettings(threads=2)
    toolbox = Toolbox(launcher, resolve(settings, cache() / "tools.json"), settings)
    film = source_film(_SECONDS)
    try:
        bench = Bench(toolbox, *[await _footage(toolbox, path) for path in (film, rung(film))])
        whole: list[float] = []
        taken: dict[str, list[float]] = {name: [] for name in bench.ways}
        for _ in range(rounds):
            whole.append(await spent(lambda: decode(film)))
            for name, work in bench.ways.items():
                taken[name].append(await spent(work))
    finally:
        launcher.close()
    rows = []
    for name, times in taken.items():
        share = ratio(times, whole)
        target = (f"{TARGET:.2f}", verdict(share, TARGET)) if name.startswith("storyboard") else ("", "")
        rows.append([name, f"{statistics.median(times):.2f}", f"{share:.3f}", *target])
    table([f"60 s of 720p (decode: {statistics.median(whole):.2f} s)", "CPU s", "ratio", "target", ""], rows)


async def _footage(toolbox: Toolbox, path: Path) -> Footage:
    probe = await toolbox.probe(path)
    if probe.video is None:
        raise RuntimeError("no pictures")
    return Footage.of_source(path, probe, probe.video)


if __name__ == "__main__":
    asyncio.run(run(**asked(__doc__, rounds=7)))

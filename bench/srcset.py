"""A set of pictures from one decode against the same pictures one by one: 4 widths in JPEG and WebP.

    python -m bench.srcset [--rounds 5]

Both ways take turns in the same sealed decoder; what counts is its CPU (user + system) and that of this process.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Awaitable, Callable

from bench._measure import asked, cpu, photo, ratio, table, verdict
from renditor.images.base import Source
from renditor.images.libvips import LibvipsImages
from renditor.images.settings import ImageSettings
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.pool import DecoderPool, SandboxSettings
from renditor.transformation import parse

WIDTHS = (1600, 1200, 800, 400)
WANTED = [(parse(f"c_limit,w_{width}"), fmt) for width in WIDTHS for fmt in ("jpg", "webp")]
_REPEAT = 3  # in one measurement: the clock of the kernel ticks every 10 ms
PHOTOS = {"12 MP": (4000, 3266, False, 0.45), "55 MP progressive": (8200, 6695, True, 0.20)}


async def spent(work: Callable[[], Awaitable[object]]) -> float:
    """CPU ms of this process and its children."""
    before = cpu(os.getpid())
    await work()
    return (cpu(os.getpid()) - before) * 1000


async def compare(images: LibvipsImages, source: Source, rounds: int) -> tuple[list[float], list[float]]:
    """CPU ms of each round: (together, one by one)."""

    async def together() -> None:
        await images.render_set(source, WANTED)

    async def apart() -> None:
        for transformation, output in WANTED:
            await images.render(source, transformation, output)

    async def repeated(work: Callable[[], Awaitable[None]]) -> None:
        for _ in range(_REPEAT):
            await work()

    await together()
    pairs = [(await spent(lambda: repeated(together)), await spent(lambda: repeated(apart))) for _ in range(rounds)]
    return [pair[0] / _REPEAT for pair in pairs], [pair[1] / _REPEAT for pair in pairs]


async def run(rounds: int) -> None:
    launcher = Launcher()
    launcher.start()
    pool = DecoderPool(launcher, "renditor.images.decoder", SandboxSettings(decoders=1))
    images = LibvipsImages(pool, ImageSettings())
    rows = []
    try:
        for name, (width, height, progressive, target) in PHOTOS.items():
            path = photo(width, height, progressive=progressive)
            mine, theirs = await compare(images, Source(path, "jpg"), rounds)
            share = ratio(mine, theirs)
            ms = [f"{statistics.median(each):.0f}" for each in (mine, theirs)]
            rows.append([name, *ms, f"{share:.2f}", f"{target:.2f}", verdict(share, target)])
    finally:
        await pool.close()
        launcher.close()
    table(["4 widths x 2 formats", "one decode, CPU ms", "8 decodes, CPU ms", "ratio", "target", ""], rows)


if __name__ == "__main__":
    asyncio.run(run(**asked(__doc__, rounds=5)))

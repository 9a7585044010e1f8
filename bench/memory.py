"""Memory of a decoder: the peak of one large picture over idle, and what is left after many pictures.

    python -m bench.memory [--jobs 5000]

The decoder is a sealed process of its own as in a server, but never replaced by a fresh one (a server does that every
``sandbox.recycle_after`` jobs), so that what it loses shows.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench._measure import children, memory, photo, table, verdict
from renditor.images.base import Source
from renditor.images.libvips import LibvipsImages
from renditor.images.settings import ImageSettings
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.pool import DecoderPool, SandboxSettings
from renditor.transformation import Transformation, parse

MB = 1_000_000
LARGE = {"55 MP JPEG to 1024 px": False, "the same, progressive": True}
TARGET = 60
EARLY, GROWTH = 500, 1.3
_TRIMMED = 2.5  # seconds: a decoder gives memory back when it has had nothing to do for one
CHAINS = ("w_{0}", "c_fill,w_{0},h_{0}", "c_pad,w_{0},h_{0},b_red", "w_{0},r_20", "w_{0},e_sepia", "c_crop,w_{0},h_80")
FORMATS = ("jpg", "webp", "png", "avif", "jpg", "webp")


def peak(pid: int) -> int:
    """Bytes: the most that was ever resident since ``forget_peak``."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> int:
    """Returns: bytes resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _status(pid, "VmRSS")


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {name} of {pid}")


def mixed() -> Iterator[tuple[Source, Transformation, str]]:
    """Jobs of all kinds, without end; always the same ones."""
    sources = [Source(photo(width, width * 3 // 4), "jpg") for width in (400, 640, 1000)]
    widths = itertools.cycle(range(40, 360, 7))
    kinds = itertools.cycle(itertools.product(sources, CHAINS, FORMATS))
    for width, (source, chain, output) in zip(widths, kinds, strict=False):
        yield source, parse(chain.format(width)), output


async def large(images: LibvipsImages, pid: int) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, progressive in LARGE.items():
        source = Source(photo(8200, 6695, progressive=progressive), "jpg")
        await asyncio.sleep(_TRIMMED)
        idle = forget_peak(pid)
        await images.render(source, parse("c_limit,w_1024"), "jpg")
        over = (peak(pid) - idle) / MB
        judged = ["", ""] if progressive else [f"{TARGET} MB", verdict(over, TARGET)]
        rows.append([f"{name}: peak over idle", f"{over:.0f} MB", *judged])
    return rows


async def many(images: LibvipsImages, pid: int, jobs: int) -> list[list[object]]:
    early = 0
    for number, (source, transformation, output) in enumerate(itertools.islice(mixed(), jobs), 1):
        await images.render(source, transformation, output)
        if number == EARLY:
            await asyncio.sleep(_TRIMMED)
            early = memory(pid)
    await asyncio.sleep(_TRIMMED)
    late = memory(pid)
    share = late / early
    shown = f"{late / MB:.0f} MB / {early / MB:.0f} MB = {share:.2f}"
    return [[f"after {jobs} mixed jobs / after {EARLY}", shown, f"{GROWTH}", verdict(share, GROWTH)]]


async def run(jobs: int) -> None:
    launcher = Launcher()
    launcher.start()
    pool = DecoderPool(launcher, "renditor.images.decoder", SandboxSettings(decoders=1, recycle_after=10**9))
    images = LibvipsImages(pool, ImageSettings())
    try:
        await images.render(Source(photo(400, 300), "jpg"), parse("w_100"), "jpg")
        (pid,) = children(os.getpid(), "renditor.images.decoder")
        rows = [*await large(images, pid), *await many(images, pid, jobs)]
    finally:
        await pool.close()
        launcher.close()
    table(["memory of a decoder", "", "target", ""], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=5000)
    began = time.monotonic()
    asyncio.run(run(parser.parse_args().jobs))
    print(f"took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

"""CPU of one resize: through a sealed decoder process against libvips called in this process.

    python -m bench.images [--photo FILE.jpg] [--rounds 5] [--repeat 10]

Prints CPU ms per picture (user + system), the median of interleaved rounds, and their ratio: what confinement, own
steps and transport cost on top of ``thumbnail`` + encode. Wall time says little on a shared machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyvips

from renditor.images.base import Source
from renditor.images.libvips import LibvipsImages
from renditor.images.quality import avif_quality
from renditor.images.settings import ImageSettings
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.pool import DecoderPool, SandboxSettings
from renditor.transformation import parse

WIDTH = 800
SETTINGS = ImageSettings()

Encoder = Callable[[pyvips.Image], bytes]
ENCODERS: dict[str, Encoder] = {
    "jpg": lambda image: image.jpegsave_buffer(Q=SETTINGS.quality, optimize_coding=True, keep="none"),
    "webp": lambda image: image.webpsave_buffer(Q=SETTINGS.quality, effort=SETTINGS.webp_effort, keep="none"),
    "avif": lambda image: image.heifsave_buffer(
        Q=avif_quality(SETTINGS.quality), effort=SETTINGS.avif_effort, compression="av1", bitdepth=8, keep="none"
    ),
}


def made_photo(path: Path, width: int, height: int) -> None:
    """A picture with large shapes and film grain: compresses about like a photo (1.3 bits per px)."""
    xyz = pyvips.Image.xyz(width, height)
    shapes = ((xyz[0] * 0.21).sin() * 40 + (xyz[1] * 0.13).cos() * 40 + 128).gaussblur(2)
    grain = pyvips.Image.gaussnoise(width, height, sigma=6, seed=1)
    image = (shapes + grain).bandjoin([shapes * 0.8 + grain, shapes * 0.6 + grain]).cast("uchar")
    image.copy(interpretation="srgb").jpegsave(str(path), Q=88)


def floor(path: Path, encode: Encoder) -> None:
    """The least libvips can do: shrink on load, resize, encode."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        source = pyvips.Source.new_from_descriptor(descriptor)
        encode(pyvips.Image.thumbnail_source(source, WIDTH, size="down", height=100_000))
    finally:
        os.close(descriptor)


def decoder_cpu() -> float:
    """CPU seconds so far of the decoder, our child."""
    times = [
        child.cpu_times()
        for child in psutil.Process().children(recursive=True)
        if "renditor.images.decoder" in child.cmdline()
    ]
    return sum(each.user + each.system for each in times)


async def round_of(images: LibvipsImages, path: Path, fmt: str, repeat: int) -> tuple[float, float]:
    """CPU ms per picture: (floor, decoder and the work of this process for it)."""
    started = time.process_time()
    for _ in range(repeat):
        floor(path, ENCODERS[fmt])
    least = time.process_time() - started
    started, before = time.process_time(), decoder_cpu()
    for _ in range(repeat):
        await images.render(Source(path, "jpg"), parse(f"c_limit,w_{WIDTH}"), fmt)
    ours = decoder_cpu() - before + time.process_time() - started
    return least * 1000 / repeat, ours * 1000 / repeat


async def compare(path: Path, rounds: int, repeat: int) -> None:
    """Print one line per output format."""
    launcher = Launcher()
    launcher.start()
    pool = DecoderPool(launcher, "renditor.images.decoder", SandboxSettings(decoders=1))
    images = LibvipsImages(pool, SETTINGS)
    try:
        for fmt in ENCODERS:
            await round_of(images, path, fmt, 2)
            results = [await round_of(images, path, fmt, repeat) for _ in range(rounds)]
            least, ours = (statistics.median(column) for column in zip(*results, strict=True))
            print(
                f"{fmt:5} libvips in process {least:6.1f} ms   sealed decoder {ours:6.1f} ms   ratio {ours / least:.2f}"
            )
    finally:
        await pool.close()
        launcher.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, help="a JPEG; by default one of 12 megapixels is made")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=10)
    options = parser.parse_args()
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)
    with tempfile.TemporaryDirectory() as folder:
        path = options.photo
        if path is None:
            path = Path(folder, "photo.jpg")
            made_photo(path, 4000, 3000)
        header = pyvips.Image.jpegload(str(path))
        print(f"{header.width} x {header.height} px, {path.stat().st_size / 1e6:.1f} MB, to {WIDTH} px wide")
        asyncio.run(compare(path, options.rounds, options.repeat))


if __name__ == "__main__":
    main()

"""What confinement costs: per start of FFmpeg through the launcher, and per call of a decoder.

Plain ``subprocess`` and the launcher run in turns on the same program; the difference of the medians is the cost.
The job folder is watched, as it is in a job. Targets: at most 5 ms per start of FFmpeg, at most 1 ms per call that does
nothing, also through the broker.
"""

from __future__ import annotations

import asyncio
import functools
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import imageio_ffmpeg

from renditor.sandbox.broker import BrokerClient, serve_broker
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.policy import Limits, Policy
from renditor.sandbox.pool import Decoder, DecoderPool, SandboxSettings

STARTS = 40
CALLS = 500
LIMITS = Limits(memory=4 * 1024**3, cpu_seconds=10, file_size=1024**2, total_size=8 * 1024**2, files=2000)


async def timed(action: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds of one run."""
    started = time.perf_counter()
    await action()
    return (time.perf_counter() - started) * 1000


async def cost_of_start(launcher: Launcher, policy: Policy, argv: list[str]) -> tuple[float, float]:
    """Median milliseconds of a bare and of a confined run."""

    async def bare() -> None:
        subprocess.run(argv, capture_output=True, check=True)  # noqa: ASYNC221 - nothing else runs here

    async def confined() -> None:
        done = await launcher.run(argv, policy=policy, timeout=10)
        assert done.returncode == 0

    pairs = [(await timed(bare), await timed(confined)) for _ in range(STARTS)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


async def main() -> None:
    launcher = Launcher()
    launcher.start()
    with tempfile.TemporaryDirectory() as folder:
        policy = Policy(write=(folder,), limits=LIMITS)
        await launcher.run(["/bin/true"], policy=policy, timeout=10)
        for argv in (["/bin/true"], [imageio_ffmpeg.get_ffmpeg_exe(), "-version"]):
            bare, confined = await cost_of_start(launcher, policy, argv)
            name = Path(argv[0]).name
            print(f"start of {name:24} bare {bare:6.2f} ms, confined {confined:6.2f} ms: {confined - bare:+.2f} ms")

    pool = DecoderPool(launcher, "tests.sandbox.decoder_under_test", SandboxSettings(decoders=1))
    print(f"start of a decoder                {await timed(pool.start):6.1f} ms")
    source = os.open("/dev/null", os.O_RDONLY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "renderer.sock")
        server = asyncio.create_task(serve_broker(pool, path))
        decoders: dict[str, Decoder] = {"pool": pool, "broker": BrokerClient(path)}
        for name, decoder in decoders.items():
            call = functools.partial(decoder.call, {"do": "echo"}, source, timeout=5)
            times = [await timed(call) for _ in range(CALLS)]
            print(f"no-op call through the {name:6}     {statistics.median(times):6.3f} ms")
        server.cancel()
        await asyncio.wait([server])
    await pool.close()
    launcher.close()


if __name__ == "__main__":
    asyncio.run(main())

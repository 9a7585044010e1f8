"""The machine's image decoders."""

from __future__ import annotations

import asyncio

from renditor.processes.life import start, until_stopped
from renditor.sandbox.broker import serve_broker
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.pool import DecoderPool
from renditor.tools import DECODER_MODULE, renderer_socket


def render() -> None:
    """Decode and encode pictures for all web processes and the worker."""
    settings = start()
    launcher = Launcher()
    launcher.start()

    async def run() -> None:
        pool = DecoderPool(launcher, DECODER_MODULE, settings.sandbox)
        await pool.start()
        try:
            await until_stopped(serve_broker(pool, renderer_socket(settings.data)))
        finally:
            await pool.close()

    asyncio.run(run())
    launcher.close()

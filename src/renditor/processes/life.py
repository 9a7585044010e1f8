"""What every process does at its beginning and at its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from renditor import config, observe
from renditor.config import Settings


def start() -> Settings:
    """Read the settings and set up the log. Raises: BadRequest."""
    settings = config.load()
    observe.configure_logs(settings.log.level, settings.log.format)
    return settings


async def until_stopped(work: object) -> None:
    """Wait for ``work`` or for SIGTERM, whatever comes first."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task

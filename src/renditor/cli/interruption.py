"""Ctrl-C, SIGTERM and a closed terminal: work is cancelled, its clean-up runs, and the exit status names the signal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

Result = TypeVar("Result")

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end.

    Raises:
        typer.Exit: 128 + the number of the signal that ended it.
    """
    return asyncio.run(_guarded(work))


async def _guarded(work: Coroutine[Any, Any, Result]) -> Result:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    caught: list[int] = []

    def stop(number: int) -> None:
        if not caught:  # a second Ctrl-C must not interrupt the clean-up
            task.cancel()
        caught.append(number)

    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_IGN:  # nohup, or a background job of a script
            continue
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if caught:
            raise typer.Exit(128 + caught[0]) from None
        raise

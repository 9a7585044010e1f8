"""What runs in the worker processes of the tests. What their jobs do they write to a journal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from renditor.jobs.base import JobContext, JobSettings, Json
from renditor.jobs.dbos import DbosEngine

# A template process imports the engine once (over a second); workers are forked from it in milliseconds.
_template = multiprocessing.get_context("forkserver")
_template.set_forkserver_preload(["renditor.jobs.dbos"])


def start(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """A process of its own: it can be killed, stopped, and fence itself."""
    process = _template.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def note(event: str, job_id: str = "-") -> None:
    """Written to the current folder, which is the data folder."""
    line = json.dumps({"event": event, "job": job_id, "pid": os.getpid(), "at": time.time()})
    with open("journal", "a", encoding="utf-8") as journal:
        journal.write(line + "\n")


def publish(job_id: str) -> None:
    Path(f"{job_id}.part").write_text("made", encoding="ascii")
    Path(f"{job_id}.part").rename(f"{job_id}.out")
    note("end", job_id)


async def write(context: JobContext, payload: Json) -> Any:
    """Make a file slowly, in one step; it appears at once and whole, so doing it again changes nothing."""

    async def make() -> str:
        note("begin", context.job_id)
        try:
            await asyncio.sleep(payload["seconds"])
        except asyncio.CancelledError:
            note("interrupted", context.job_id)
            raise
        publish(context.job_id)
        return "made"

    async def prepare() -> None:
        note("prepared", context.job_id)

    await context.step(prepare)
    return await context.step(make)


async def stubborn(context: JobContext, payload: Json) -> None:
    """Its step does not let itself be interrupted."""

    async def step() -> None:
        note("begin", context.job_id)
        until = time.monotonic() + payload["seconds"]
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(left)

    await context.step(step)


async def blocking(context: JobContext, payload: Json) -> None:
    """Its step holds up the whole loop."""

    async def step() -> None:
        note("begin", context.job_id)
        time.sleep(payload["seconds"])  # noqa: ASYNC251 - the mistake under test

    await context.step(step)


async def poison(context: JobContext, payload: Json) -> None:
    async def die() -> None:
        note("poisoned", context.job_id)
        os.kill(os.getpid(), signal.SIGKILL)

    await context.step(die)


async def tree(context: JobContext, payload: Json) -> Any:
    return await context.fan_out("write", [{"seconds": payload["seconds"]}] * payload["parts"])


def work(settings: str, folder: Path) -> None:
    """A worker: ``settings`` as JSON."""
    os.chdir(folder)
    engine = DbosEngine(JobSettings.model_validate_json(settings), folder)
    for job in (write, stubborn, blocking, poison, tree):
        engine.register(job.__name__, job)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    engine.start_worker()
    note("ready")
    signal.sigwait({signal.SIGTERM})
    engine.stop()
    os._exit(0)

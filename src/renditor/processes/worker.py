"""Runs jobs."""

from __future__ import annotations

import asyncio
import os

from renditor import app
from renditor.processes.life import start, until_stopped


def work_for_server() -> None:
    """Runs the jobs of a server, beside its renderer."""
    _work("worker")


def work_alone() -> None:
    """Runs jobs without a server around it (``renditor worker``): with decoders of its own."""
    _work("embedded")


def _work(role: app.Role) -> None:
    settings = start()
    built = app.build(settings, role)
    built.jobs.start_worker()

    async def run() -> None:
        await until_stopped(asyncio.Event().wait())
        await built.close()
        # Ends here: the interpreter's own end would wait for threads whose work is given up, such as a slow disk's.
        os._exit(0)

    asyncio.run(run())

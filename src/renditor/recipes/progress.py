"""Tells the catalog how far a job is, and the job when it is wanted no more."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Any, Self

from renditor.catalog import Catalog, jobs
from renditor.errors import RenditorError
from renditor.recipes.recipe import JobGone

# Written to the catalog at most this often (seconds): a row for each frame would be all the database does.
_PROGRESS_EVERY = 0.5
_PUBLISHING = 0.97  # the share of a job's progress that is done when its outputs are made


class Progress:
    """Carries a provider's progress to the catalog, at most twice a second, and never backwards.

    When the job's row is no longer ours to write (cancelled, asset deleted), it cancels the task that does the work.
    """

    def __init__(self, catalog: Catalog, job_id: str) -> None:
        self._catalog = catalog
        self._job_id = job_id
        self._fraction, self._stage = 0.0, "starting"
        self._gone = False
        self._writer: asyncio.Task[None] | None = None
        self._owner: asyncio.Task[Any] | None = None

    def report(self, fraction: float, stage: str) -> None:
        """``fraction`` 0..1 of the provider's work."""
        self._fraction = max(self._fraction, min(1.0, fraction) * _PUBLISHING)
        self._stage = stage

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        self._writer = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer:
            self._writer.cancel()
            try:
                await asyncio.wait([self._writer])
            except asyncio.CancelledError:  # its own, that came when the work was just over
                if not self._gone:
                    raise
        if self._gone and self._owner:
            self._owner.uncancel()
            raise JobGone

    async def _write(self) -> None:
        written: tuple[int, str] | None = None
        while True:
            now = (int(self._fraction * 100), self._stage)
            # Also without news every few seconds: a touched row tells the reconciler that someone works on it.
            with contextlib.suppress(RenditorError):
                write = partial(jobs.progress, job_id=self._job_id, percent=now[0], stage=now[1])
                active = await self._catalog.write(write)
                if not active and self._owner:
                    self._gone = True
                    self._owner.cancel()
                    return
            written = now
            waited = 0.0
            while written == (int(self._fraction * 100), self._stage) and waited < 5:  # seconds
                await asyncio.sleep(_PROGRESS_EVERY)
                waited += _PROGRESS_EVERY

"""Tells the catalog how far a job is, and the job when it is wanted no more."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Self

from renditor.catalog import jobs
from renditor.catalog.base import Catalog
from renditor.errors import RenditorError
from renditor.models import OnProgress
from renditor.recipes.recipe import JobGone

# Written to the catalog at most this often (seconds): a row for each frame would be all the database does.
_PROGRESS_EVERY = 0.5
# Without news, too, every so many seconds: a touched row tells the reconciler that someone works on it, and one that
# cannot be touched tells us that nobody wants it.
_TOUCH_EVERY = 2.0
_STORED_FROM = 0.97  # the share of a job's progress that is done when its outputs are made

# What a job is at before its provider says something, and when its outputs go into the storage.
STARTING: Final = "starting"
STORING: Final = "storing"


class Progress:
    """Carries a provider's progress to the catalog, at most twice a second, and never backwards.

    When the job's row is no longer ours to write (cancelled, asset deleted), it cancels the task that does the work.
    """

    def __init__(self, catalog: Catalog, job_id: str) -> None:
        self._catalog = catalog
        self._job_id = job_id
        self._fraction, self._stage = 0.0, STARTING
        self._gone = False
        self._writer: asyncio.Task[None] | None = None
        self._owner: asyncio.Task[Any] | None = None

    def report(self, fraction: float, stage: str) -> None:
        """``fraction`` 0..1 of the provider's work."""
        self._fraction = max(self._fraction, min(1.0, fraction) * _STORED_FROM)
        self._stage = stage

    def stored(self, share: float) -> None:
        """``share`` 0..1 of the outputs is stored."""
        self._fraction = max(self._fraction, _STORED_FROM + min(1.0, share) * (1 - _STORED_FROM))
        self._stage = STORING

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
        while True:
            now = self._now()
            with contextlib.suppress(RenditorError):
                write = partial(jobs.progress, job_id=self._job_id, percent=now[0], stage=now[1])
                active = await self._catalog.write(write)
                if not active and self._owner:
                    self._gone = True
                    self._owner.cancel()
                    return
            waited = 0.0
            while waited == 0 or (self._now() == now and waited < _TOUCH_EVERY):
                await asyncio.sleep(_PROGRESS_EVERY)
                waited += _PROGRESS_EVERY

    def _now(self) -> tuple[int, str]:
        """Percent and stage as they are shown: 100 is for what is done."""
        return min(99, int(self._fraction * 100)), self._stage


def parts(on_progress: OnProgress, weights: Sequence[float]) -> list[OnProgress]:
    """For steps that follow each other, each with a progress of its own: what to call, so that together they fill one.

    Args:
        on_progress: takes the whole.
        weights: how long each step takes, against the others.
    """
    total = sum(weights) or 1.0
    ends = list(itertools.accumulate(weight / total for weight in weights))

    def part(begin: float, end: float) -> OnProgress:
        return lambda fraction, stage: on_progress(begin + (end - begin) * min(1.0, fraction), stage)

    return [part(begin, end) for begin, end in itertools.pairwise([0.0, *ends])]

"""Attempts run side by side, but one that is suspected of killing its worker runs alone.

A worker that dies takes all its jobs along, and each of them counts one death. Alone, the guilty one is found out and
the others are cleared.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Solitude:
    """Shared by all attempts of one worker, in one event loop."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._running = 0
        self._alone = False
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def turn(self, *, alone: bool) -> AsyncIterator[None]:
        """For the length of an attempt. ``alone``: once all others have ended, and nothing begins beside it."""
        async with self._changed:
            await (self._wait_for_solitude() if alone else self._changed.wait_for(self._may_join))
            self._running += 1
            self._alone = alone
        try:
            yield
        finally:
            async with self._changed:
                self._running -= 1
                self._alone = False
                self._changed.notify_all()

    def _may_join(self) -> bool:
        return not self._alone and not self._waiting

    async def _wait_for_solitude(self) -> None:
        self._waiting += 1
        try:
            await self._changed.wait_for(lambda: self._running == 0)
        finally:
            self._waiting -= 1
            self._changed.notify_all()

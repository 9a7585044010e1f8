"""How often pictures are delivered, and when last: counted in memory, written once a minute."""

from __future__ import annotations

import asyncio
from functools import partial

from renditor.catalog import pictures
from renditor.catalog.base import Catalog
from renditor.errors import RenditorError

# Seconds between writes. A crash loses so much of what was counted: pictures seem a little less used than they are.
EVERY = 60.0
# Pictures counted at most before they are written.
_MOST = 20_000


class Usage:
    """Counts deliveries of one process. Cheap: one addition for each."""

    def __init__(self, catalog: Catalog, every: float = EVERY) -> None:
        self._catalog = catalog
        self._every = every
        self._counts: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def note(self, rendition_id: str) -> None:
        """Count one delivery."""
        counts = self._counts
        counts[rendition_id] = counts.get(rendition_id, 0) + 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._begin)
        elif len(counts) >= _MOST and (self._writing is None or self._writing.done()):
            self._begin()

    async def flush(self) -> None:
        """Write what was counted. What cannot be written is counted again next time."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await self._catalog.write(partial(pictures.note_uses, uses=counts))
        except RenditorError:
            for name, count in counts.items():
                if len(self._counts) < _MOST:
                    self._counts[name] = self._counts.get(name, 0) + count

    async def settled(self) -> None:
        """Write what was counted now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None:
            await self._writing
        await self.flush()

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self.flush())

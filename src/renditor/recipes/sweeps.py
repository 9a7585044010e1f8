"""Sweeps: run by every worker, safe to repeat and to run at once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from renditor import observe
from renditor.catalog import jobs, trash
from renditor.catalog.base import Catalog
from renditor.errors import RenditorError
from renditor.models import now_ms
from renditor.sandbox.folders import clear
from renditor.storage.base import Storage

_REMOVE_AGAIN_MS = 60_000
# Folders that no unfinished job owns are removed when nothing happened in them for this long: pictures of a frame are
# made beside the jobs, in folders that live for a second.
_IDLE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Sweeps:
    """Removes from storage and disk what nobody knows any more."""

    catalog: Catalog
    storage: Storage
    work: Path

    async def sweep(self) -> None:
        """Remove what the catalog has given up from storage, and job folders that no job uses any more."""
        await self.empty_trash()
        wanted = await self.catalog.read(jobs.unfinished_ids)
        await asyncio.to_thread(self._sweep_folders, wanted)

    async def empty_trash(self) -> None:
        """Remove objects that the catalog has given up; what fails is tried again later, and holds nothing up."""
        for key in await self.catalog.read(trash.due):
            try:
                await self._remove(key)
            except (RenditorError, OSError) as error:
                observe.log().warning("object_not_removed", key=key, error_type=type(error).__name__)
                later = now_ms() + _REMOVE_AGAIN_MS
                await self.catalog.write(partial(trash.throw, keys=[key], not_before=later))
            else:
                await self.catalog.write(partial(trash.forget, key=key))

    async def empty_all_trash(self) -> None:
        """``empty_trash`` until nothing more can be removed now."""
        left = await self.catalog.read(trash.count_due)
        while left:
            await self.empty_trash()
            before, left = left, await self.catalog.read(trash.count_due)
            if left >= before:
                return

    async def _remove(self, key: str) -> None:
        if key.endswith("/"):
            async for item in self.storage.list(key):
                await self.storage.delete(item.key)
        else:
            await self.storage.delete(key)

    def _sweep_folders(self, wanted: set[str]) -> None:
        for folder in self.work.iterdir():
            job_id, _, _ = folder.name.partition("-")
            with contextlib.suppress(OSError):  # it may go while we look
                idle = time.time() - folder.stat().st_mtime
                if job_id not in wanted and idle > _IDLE_SECONDS:
                    clear(folder)

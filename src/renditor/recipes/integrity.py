"""Whether stored originals are still what was uploaded: read back, hashed, compared with what ingest wrote down."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from renditor import observe
from renditor.catalog import jobs, originals
from renditor.catalog.base import Catalog
from renditor.catalog.originals import Original
from renditor.errors import NotFound
from renditor.jobs.base import JobEngine
from renditor.models import Note, Notes, Principal, now_ms
from renditor.recipes.settings import IntegritySettings
from renditor.storage.base import Storage

# Seconds between looks for something to read back, and between looks whether the jobs are done.
_EVERY: Final = 10.0
_PAUSE: Final = 1.0
_DAY_MS: Final = 86_400_000
# Whoever finds it, nobody has asked for it.
_FINDER: Final = ""

Fault = Literal["changed", "missing"]


@dataclass(frozen=True, slots=True)
class Damage:
    """An original that is not what was uploaded, and whose it is."""

    key: str
    fault: Fault
    assets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Integrity:
    """Reads originals back. ``note``: prepares entries of the audit log."""

    catalog: Catalog
    storage: Storage
    note: Notes
    settings: IntegritySettings

    def register(self, engine: JobEngine) -> None:
        """Have workers read back slowly, for ever."""
        if self.settings.bytes_per_second:
            engine.schedule("integrity", _EVERY, self.verify_due)

    async def verify_due(self) -> None:
        """Read back what is due, slowly, and only while no job waits: those who wait for a job come first."""
        before = now_ms() - round(self.settings.every_days * _DAY_MS)
        while True:
            await self._wait_for_jobs(0)
            found = await self.catalog.read(partial(originals.to_verify, before=before))
            if found is None:
                return
            await self.verify(found, self._wait_for_jobs)

    async def all(self) -> AsyncIterator[tuple[Original, Damage | None]]:
        """Read everything back, at once and as fast as it goes."""
        key = ""
        while found := await self.catalog.read(partial(originals.following, key=key)):
            for one in found:
                yield one, await self.verify(one)
            key = found[-1].key

    async def verify(
        self, original: Original, after_chunk: Callable[[int], Awaitable[None]] | None = None
    ) -> Damage | None:
        """Read an original back, and write down what was found. None: it is whole, or gone meanwhile.

        Args:
            original: which.
            after_chunk: awaited after each piece, with its size in bytes.

        Raises: Unavailable: storage does not answer, which says nothing about the original.
        """
        fault = await self._compare(original, after_chunk)
        if fault is not None:
            return await self._mark(original, fault)
        note = await self._noted(original, "original.restored")

        def work(connection: Any) -> None:
            if originals.verified(connection, original.key, now_ms()):
                note(connection)

        await self.catalog.write(work)
        return None

    async def _noted(self, original: Original, action: str, **facts: Any) -> Note:
        finder = Principal(_FINDER, original.tenant, kind="program")
        return await self.note(finder, action, original.key, sha256=original.sha256, bytes=original.bytes, **facts)

    async def _compare(self, original: Original, after_chunk: Callable[[int], Awaitable[None]] | None) -> Fault | None:
        digest, size = hashlib.sha256(), 0
        try:
            async for chunk in self.storage.open(original.key):
                await asyncio.to_thread(digest.update, chunk)
                size += len(chunk)
                if after_chunk is not None:
                    await after_chunk(len(chunk))
        except NotFound:
            return "missing"
        return None if (size, digest.hexdigest()) == (original.bytes, original.sha256) else "changed"

    async def _mark(self, original: Original, fault: Fault) -> Damage | None:
        note = await self._noted(original, "original.corrupt", fault=fault)

        def work(connection: Any) -> list[str] | None:
            owned = originals.corrupt(connection, original.key, now_ms())
            if owned is not None:
                note(connection)
            return owned

        found = await self.catalog.write(work)
        if found is not None:
            observe.CORRUPT_ORIGINALS.labels(fault).inc()
            observe.log().error("original_corrupt", key=original.key, fault=fault, assets=found)
        known = await self.catalog.read(partial(originals.damaged, key=original.key))
        return None if known is None else Damage(original.key, fault, tuple(known))

    async def _wait_for_jobs(self, size: int) -> None:
        """Keep to the rate after so many bytes, and let jobs go first."""
        await asyncio.sleep(size / self.settings.bytes_per_second)
        while await self.catalog.read(jobs.any_unfinished):  # noqa: ASYNC110 - other processes end them
            await asyncio.sleep(_PAUSE)

"""How much is kept of pictures: those unused for longest go first; what nobody knows goes too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from renditor import observe
from renditor.catalog import pictures
from renditor.catalog.base import Catalog
from renditor.catalog.pictures import Total
from renditor.jobs.base import JobEngine
from renditor.models import now_ms
from renditor.storage.base import Storage
from renditor.storage.keys import PICTURES

# Seconds between looks at the sum of all pictures, and between searches for objects that nobody knows: a search lists
# the whole storage.
_EVICT_EVERY = 60.0
_SEARCH_EVERY = 24 * 3600.0
# An object that is younger may be waiting for its row; ms.
_SETTLED_MS = 3_600_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Quota:
    """``most``: bytes of stored pictures to keep; None: no limit."""

    catalog: Catalog
    storage: Storage
    most: int | None

    def register(self, engine: JobEngine) -> None:
        """Have workers keep to the limit and look for lost objects."""
        if self.most is not None:
            engine.schedule("evict", _EVICT_EVERY, self._evict)
        engine.schedule("orphans", _SEARCH_EVERY, self._search)

    async def _evict(self) -> None:
        if self.most is not None:
            await self.evict(self.most)

    async def _search(self) -> None:
        await self.remove_unknown()

    async def evict(self, most: int, *, dry_run: bool = False) -> Total:
        """Forget the pictures unused for longest until no more than ``most`` bytes are left.

        Pinned ones stay, and do not count.

        Their objects go to the trash. Returns: what was dropped, or would be.
        """
        gone = Total()
        excess = (await self.catalog.read(pictures.evictable)).bytes - most
        if dry_run:
            found = await self.catalog.read(partial(pictures.least_used, excess=excess, limit=None))
            return Total(len(found), sum(item.bytes for item in found))
        while excess > 0:
            found = await self.catalog.read(partial(pictures.least_used, excess=excess, limit=_AT_ONCE))
            if not found:
                break
            dropped = await self.catalog.write(partial(pictures.evict, items=found))
            gone = Total(gone.count + dropped.count, gone.bytes + dropped.bytes)
            excess = (await self.catalog.read(pictures.evictable)).bytes - most
        if gone.count:
            observe.EVICTIONS.inc(gone.count)
            observe.log().info("pictures_evicted", pictures=gone.count, bytes=gone.bytes)
        return gone

    async def remove_unknown(self, *, dry_run: bool = False) -> Total:
        """Remove stored pictures that nothing refers to: processes that died have left them. Returns: what it found."""
        found = Total()
        batch: dict[str, int] = {}
        async for item in self.storage.list(PICTURES):
            if item.modified_at < now_ms() - _SETTLED_MS:
                batch[item.key] = item.bytes
            if len(batch) >= _AT_ONCE:
                found = _sum(found, await self._remove_unknown(batch, dry_run=dry_run))
                batch = {}
        return _sum(found, await self._remove_unknown(batch, dry_run=dry_run))

    async def _remove_unknown(self, batch: dict[str, int], *, dry_run: bool) -> Total:
        unknown = await self.catalog.read(partial(pictures.unknown, keys=list(batch)))
        if not dry_run:
            for key in unknown:
                await self.storage.delete(key)
        return Total(len(unknown), sum(batch[key] for key in unknown))


def _sum(one: Total, other: Total) -> Total:
    return Total(one.count + other.count, one.bytes + other.bytes)

"""Making pictures that are not stored yet, and finding those that are."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from renditor import observe
from renditor.catalog import pictures
from renditor.catalog.assets import resource_type
from renditor.catalog.base import Catalog
from renditor.catalog.current import Current
from renditor.deliver.flight import Flights
from renditor.deliver.memory import Memory, Stored
from renditor.errors import InvalidTransformation, NotFound
from renditor.images.base import RemoteURL, Rendered, Source
from renditor.images.insight import Insight
from renditor.models import Asset, Rendition, new_id, now_ms
from renditor.routing import MediaRouter
from renditor.storage import keys
from renditor.storage.base import Storage
from renditor.transformation import Transformation
from renditor.transformation.operations import START

# Up to this size a stored picture is read in one piece; bytes.
_AT_ONCE = 1024 * 1024
# A picture whose row is younger and whose object is not there may be on its way from another machine.
_BEING_STORED_MS = 60_000

# Brings the picture to render to this machine, with what is known about it; the folder is ours to use.
Checkout = Callable[[Path], Awaitable[Source]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One concrete picture: what is asked for, with nothing left to choose.

    ``digest`` stands for all that decides its bytes; ``name`` is its name among the renditions of the asset.
    """

    asset: Asset
    transformation: Transformation
    output: str
    name: str
    digest: str
    source: Checkout


@dataclass(frozen=True, slots=True)
class Kept:
    """Where pictures are kept: their rows, their objects, and what of them is in memory."""

    catalog: Catalog
    storage: Storage
    memory: Memory
    current: Current


class Renderer:
    """Finds pictures, or makes them: each once.

    Args:
        kept: where pictures are kept.
        most: stored pictures of one asset at most.
        work: folder for short-lived copies.
        locks: see ``Flights``.
    """

    def __init__(self, kept: Kept, router: MediaRouter, most: int, work: Path, locks: Path) -> None:
        self._kept = kept
        self._router = router
        self._most = most
        self._work = work
        self._flights: Flights[Stored | RemoteURL] = Flights(locks)
        self._making: Counter[str] = Counter()

    async def settled(self) -> None:
        """Wait until what is being made is stored."""
        await self._flights.settled()

    async def stored(self, wanted: Wanted) -> Stored | None:
        """The picture if it is stored. One too large for memory has no ``content``: it is there to be read."""
        memory = self._kept.memory
        held = memory.get(wanted.digest, wanted.asset)
        if held is not None and held.content is not None:
            return held
        found = await self._load(held.rendition, wanted) if held is not None else None
        if found is None:
            memory.drop(wanted.digest)  # it was dropped or swapped by another process
            row = await self._row(wanted)
            found = await self._load(row, wanted) if row is not None else None
        if found is not None:
            memory.put(wanted.digest, found)
        return found

    async def made(self, wanted: Wanted) -> Stored | RemoteURL:
        """The picture, rendered now, or by whoever else renders it already.

        Raises: InvalidTransformation, NotFound (deleted meanwhile), and what rendering may raise.
        """
        return await self._flights.once(wanted.digest, lambda flight: self._make(wanted, flight))

    async def _make(self, wanted: Wanted, flight: asyncio.Future[Stored | RemoteURL]) -> None:
        """Render and answer, then store: a picture that cannot be stored is still a picture."""
        found = await self.stored(wanted)  # another process may have been first
        if found is not None:
            flight.set_result(found)
            return
        lost = await self._row(wanted)
        async with self._place(wanted.asset):
            rendered = await self._render(wanted)
            if isinstance(rendered, RemoteURL):
                flight.set_result(rendered)
                return
            asset = await self._unchanged(wanted.asset)
            stored = Stored(rendition_of(wanted, rendered), asset.stamp, rendered.content, kept=False)
            self._kept.memory.put(wanted.digest, stored)
            flight.set_result(stored)
            if lost is not None and now_ms() - lost.created_at < _BEING_STORED_MS:
                return
            if lost is not None:  # in a power cut: stored pictures are not synced to the disk
                await self._kept.catalog.write(partial(pictures.drop, item=lost))
            await self._keep(wanted, stored, rendered.content)

    async def _row(self, wanted: Wanted) -> Rendition | None:
        row = await self._kept.current.picture(wanted.asset.id, wanted.name)
        return row if row is not None and row.digest == wanted.digest else None

    @contextlib.asynccontextmanager
    async def _place(self, asset: Asset) -> AsyncIterator[None]:
        """Room for one more picture of the asset, counting those on their way. Raises: InvalidTransformation."""
        self._making[asset.id] += 1
        try:
            if await self._kept.current.count(asset.id) + self._making[asset.id] > self._most:
                raise too_many(self._most)
            yield
        finally:
            self._making[asset.id] -= 1
            if not self._making[asset.id]:
                del self._making[asset.id]

    async def _render(self, wanted: Wanted) -> Rendered | RemoteURL:
        began = time.monotonic()
        asset = wanted.asset
        folder = self._work / f"picture-{new_id()}"
        try:
            source = await wanted.source(folder)
            provider = self._router.images(asset.route if asset.media_type == "image" else None)
            rendered = await provider.render(source, wanted.transformation.without(START), wanted.output)
        finally:
            if folder.exists():
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        observe.RENDERS.labels(wanted.output).inc()
        observe.RENDER_SECONDS.observe(time.monotonic() - began)
        return rendered

    async def _unchanged(self, asset: Asset) -> Asset:
        """The asset as it is now. Raises: NotFound: it was deleted, replaced or made private while we rendered."""
        now = await self._kept.current.get((asset.tenant, resource_type(asset.media_type), asset.public_id))
        if now is None or now.id != asset.id or now.visibility != asset.visibility:
            raise NotFound
        return now

    async def _keep(self, wanted: Wanted, stored: Stored, content: bytes) -> None:
        kept, item = self._kept, stored.rendition
        if not await kept.catalog.write(partial(pictures.keep, item=item, most=self._most)):
            kept.memory.drop(wanted.digest)
            return
        try:
            await kept.storage.write(item.key, content, durable=False)
            await self._still_wanted(wanted, stored)
        except BaseException:
            kept.memory.drop(wanted.digest)
            await asyncio.shield(kept.catalog.write(partial(pictures.drop, item=item)))
            raise
        stored.kept = True

    async def _still_wanted(self, wanted: Wanted, stored: Stored) -> None:
        """Raises: NotFound: dropped while its object was written; the trash may have been emptied before that."""
        asset = await self._unchanged(wanted.asset)
        if asset.stamp != stored.stamp and await self._kept.current.picture(asset.id, wanted.name) != stored.rendition:
            raise NotFound

    async def _load(self, rendition: Rendition, wanted: Wanted) -> Stored | None:
        """None: the object is not there, or not whole."""
        storage = self._kept.storage
        stored = Stored(rendition, wanted.asset.stamp)
        if rendition.bytes > _AT_ONCE:
            stat = await storage.stat(rendition.key)
            return stored if stat is not None and stat.bytes == rendition.bytes else None
        try:
            stored.content = b"".join([chunk async for chunk in storage.open(rendition.key)])
        except NotFound:
            return None
        return stored if len(stored.content) == rendition.bytes else None


def too_many(most: int) -> InvalidTransformation:
    """An asset may have so many stored pictures and no more."""
    return InvalidTransformation(
        f"An asset has at most {most} renditions.",
        code="too-many-renditions",
        hint="The limit is RENDITOR_DELIVERY__MAX_RENDITIONS_PER_ASSET.",
    )


def original(asset: Asset, storage: Storage) -> Checkout:
    """The original of a picture, with what is known about it."""

    async def source(folder: Path) -> Source:
        path = await storage.checkout(asset.source, folder)
        return Source(path, asset.format, Insight.from_json(asset.metadata), tags=asset.tags)

    return source


def rendition_of(wanted: Wanted, rendered: Rendered) -> Rendition:
    """The row of a picture that was just made."""
    object_id = new_id()
    return Rendition(
        id=object_id,
        asset_id=wanted.asset.id,
        kind="image",
        name=wanted.name,
        key=keys.picture(wanted.asset.id, object_id, wanted.output),
        content_type=rendered.content_type,
        bytes=len(rendered.content),
        created_at=now_ms(),
        width=rendered.width,
        height=rendered.height,
        metadata={"transformation": str(wanted.transformation)},
        digest=wanted.digest,
        used_at=now_ms(),
    )

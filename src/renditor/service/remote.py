"""Pictures of other sites: fetched when somebody first asks for them, kept for a while, rendered like any other."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from renditor.catalog import assets, keys
from renditor.catalog.base import Catalog
from renditor.content.sniff import declares_svg
from renditor.deliver.flow import Deliver
from renditor.deliver.responses import Request, Response
from renditor.errors import Forbidden, NotFound, TooLarge, Unprocessable, UnsupportedMedia
from renditor.ingest import Ingest, UploadOptions
from renditor.jobs.base import JobEngine
from renditor.models import DEFAULT_TENANT, Allowance, Asset, Principal, now_ms
from renditor.outbound.client import OutboundClient

# Owns what was fetched. No key and no token can be of this owner: theirs hold no control characters.
FETCHER = "fetch\x1f"
_SWEEP_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Remote:
    """``/{tenant}/image/fetch/...``. ``under_way``: what is being fetched, for all who ask meanwhile."""

    deliver: Deliver
    ingest: Ingest
    outbound: OutboundClient
    catalog: Catalog
    under_way: dict[tuple[str, str], asyncio.Future[None]] = field(default_factory=dict)

    async def answer(self, tenant: str, tail: str, request: Request) -> Response:
        """The picture that ``tail``, the path behind ``fetch/``, asks for. Raises: as ``Deliver.fetched``."""
        return await self.deliver.fetched(tenant, tail, request, self._bring)

    def register(self, engine: JobEngine) -> None:
        """Make the sweep known to an engine that will run it."""
        engine.schedule("fetched", _SWEEP_SECONDS, self.sweep)

    async def sweep(self) -> None:
        """Forget what was kept for long enough; who asks for it again has it fetched again."""
        before = now_ms() - self.deliver.settings.fetch_ttl * 1000
        for asset in await self.catalog.read(lambda c: assets.older_than(c, FETCHER, before)):
            await self._forget(asset)

    async def _forget(self, asset: Asset) -> None:
        note = await self.ingest.note(_fetcher(asset.tenant), "asset.expire", asset.id)

        def work(connection: Any) -> None:
            assets.remove(connection, assets.get(connection, asset.id))
            note(connection)

        with contextlib.suppress(NotFound):  # another worker was first
            await self.catalog.write(work)

    async def _bring(self, tenant: str, public_id: str, url: str) -> None:
        place = tenant, public_id
        task = self.under_way.get(place)
        if task is None:
            task = asyncio.ensure_future(self._fetch(tenant, public_id, url))
            self.under_way[place] = task
            task.add_done_callback(partial(self._landed, place))
        # Shielded: a visitor who goes away must not take the picture from the others who wait for it.
        await asyncio.shield(task)

    def _landed(self, place: tuple[str, str], task: asyncio.Future[None]) -> None:
        del self.under_way[place]
        if not task.cancelled():
            task.exception()  # seen, even when every visitor has gone away

    async def _fetch(self, tenant: str, public_id: str, url: str) -> None:
        # The signature does not cover the tenant: with invented ones, one URL would be fetched and kept any number of
        # times.
        if tenant != DEFAULT_TENANT and not await self.catalog.read(lambda c: keys.has_tenant(c, tenant)):
            raise NotFound
        fetcher = _fetcher(tenant)
        try:
            async with self.outbound.fetch(url, limit=self.ingest.limits.image) as found:
                svg = declares_svg(urlsplit(found.url).path, found.content_type)
                options = UploadOptions(public_id=public_id, visibility="private", overwrite=True, svg=svg)
                await self.ingest.upload(fetcher, found.chunks, lambda: options, found.length)
        except (Unprocessable, UnsupportedMedia, TooLarge, Forbidden):
            raise NotFound("Resource not found - it cannot be fetched, or is no picture.") from None


def _fetcher(tenant: str) -> Principal:
    pictures = Allowance(FETCHER, media_types=frozenset({"image"}))
    return Principal(FETCHER, tenant, frozenset({"write"}), kind="program", allowance=pictures)

"""Pictures made before anybody asks for them: all of a set from one decode, kept where delivery looks for them.

Used by jobs, in whatever loop they run: nothing here belongs to the loop that answers requests.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from renditor import observe
from renditor.catalog import assets, pictures
from renditor.catalog.base import Catalog
from renditor.catalog.current import Name
from renditor.deliver import hints, layers
from renditor.deliver.layers import Found
from renditor.deliver.pictures import Pictures, named_format
from renditor.deliver.rendering import Wanted, original, rendition_of, too_many
from renditor.images.base import ImageInfo, Rendered
from renditor.images.codecs.formats import pick_format
from renditor.images.insight import Insight
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.walk import facts_of, results
from renditor.models import Asset, OnProgress, new_id
from renditor.routing import MediaRouter
from renditor.storage.base import Storage
from renditor.transformation import Transformation
from renditor.transformation.operations import START

# One ``Accept`` for each answer that ``f_auto`` may give.
_CLIENTS = ("image/avif,image/webp", "image/webp", "")
# Pictures rendered in one go: what is made of them is stored before the next go begins.
_AT_ONCE = 24


@dataclass(frozen=True, slots=True)
class Ahead:
    """``work``: a folder for short-lived copies."""

    catalog: Catalog
    storage: Storage
    router: MediaRouter
    pictures: Pictures
    work: Path

    async def check(self, asset: Asset, chains: Iterable[Transformation]) -> int:
        """How many pictures ``make`` would make.

        Raises:
            InvalidTransformation: one of them cannot be applied, or the asset would have too many pictures.
            NotFound: a layer is not there.
        """
        return len(await self._missing(asset, chains))

    async def make(self, asset: Asset, chains: Iterable[Transformation], on_progress: OnProgress) -> int:
        """Make and store the pictures that visitors of these transformations will get, as far as they are not stored
        yet. They are never evicted. A chain with ``f_auto`` stands for a picture in each of the formats it may become;
        one without ``f_`` for the asset's own format.

        Returns: bytes that were made.

        Raises:
            InvalidTransformation, NotFound: as ``check``; and as ``ImageProvider.render_set``.
        """
        missing = await self._missing(asset, chains)
        made = done = 0
        for _, group in itertools.groupby(missing, key=lambda one: one.layers):
            together = list(group)
            for start in range(0, len(together), _AT_ONCE):
                some = [one.wanted for one in together[start : start + _AT_ONCE]]
                made += await self._make(asset, some)
                done += len(some)
                on_progress(done / len(missing), "rendering")
        return made

    async def _missing(self, asset: Asset, chains: Iterable[Transformation]) -> list[_Planned]:
        planned = {one.wanted.digest: one for chain in chains for one in await self._planned(asset, chain)}
        names = [one.wanted.name for one in planned.values()]
        rows = await self.catalog.read(lambda c: [pictures.find(c, asset.id, name) for name in names])
        there = {row.digest: row.id for row in rows if row is not None and row.digest in planned}
        await self.catalog.write(partial(pictures.pin, ids=list(there.values())))
        missing = [one for digest, one in planned.items() if digest not in there]
        if missing and await self.catalog.read(lambda c: pictures.count(c, asset.id)) + len(missing) > self._most:
            raise too_many(self._most)
        return missing

    async def _planned(self, asset: Asset, chain: Transformation) -> list[_Planned]:
        await asyncio.sleep(0)  # others get their turn between two chains
        found = await layers.find(chain, asset, self._public)
        chosen = hints.resolve(chain, hints.ANYBODY, asset.width)
        info, insight = ImageInfo.from_json(asset.metadata), Insight.from_json(asset.metadata)
        size = Size(info.width, info.height)
        if not found:  # what layers make of sizes, rendering says
            results(size, chosen, insight, facts=facts_of(size, insight, pages=info.pages, tags=frozenset(asset.tags)))
        asked = named_format(asset, chosen)
        outputs = dict.fromkeys(pick_format(accept, asked, info, chosen) for accept in _CLIENTS)
        source = original(asset, self.storage)
        return [_Planned(self.pictures.wanted(asset, chosen, output, source, found), found) for output in outputs]

    async def _public(self, name: Name) -> Asset | None:
        asset = await self.catalog.read(lambda c: assets.by_public_id(c, *name))
        return asset if asset is not None and asset.visibility == "public" else None

    async def _make(self, asset: Asset, wanted: list[Wanted]) -> int:
        folder = self.work / f"picture-{new_id()}"
        began = time.monotonic()
        try:
            source = await wanted[0].source(folder)
            orders = [(one.transformation.without(START), one.output) for one in wanted]
            made = await self.router.images(asset.route).render_set(source, orders)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        observe.RENDER_SECONDS.observe(time.monotonic() - began)
        total = 0
        for one, rendered in zip(wanted, made, strict=True):
            if isinstance(rendered, Rendered):  # a provider that delivers itself has nothing to be stored
                await self._keep(one, rendered)
                observe.RENDERS.labels(one.output).inc()
                total += len(rendered.content)
        return total

    async def _keep(self, wanted: Wanted, rendered: Rendered) -> None:
        item = replace(rendition_of(wanted, rendered), pinned=True)
        if not await self.catalog.write(partial(pictures.keep, item=item, most=self._most)):
            await self._explain(wanted)
            return
        try:
            await self.storage.write(item.key, rendered.content, durable=False)
        except BaseException:
            await asyncio.shield(self.catalog.write(partial(pictures.drop, item=item)))
            raise

    async def _explain(self, wanted: Wanted) -> None:
        """A picture that could not be kept: all is well if a visitor was quicker.

        Raises: NotFound: the asset is gone. InvalidTransformation: it has too many pictures.
        """
        await self.catalog.read(lambda c: assets.get(c, wanted.asset.id))
        row = await self.catalog.read(lambda c: pictures.find(c, wanted.asset.id, wanted.name))
        if row is None or row.digest != wanted.digest:
            raise too_many(self._most)

    @property
    def _most(self) -> int:
        return self.pictures.settings.max_renditions_per_asset


@dataclass(frozen=True, slots=True)
class _Planned:
    wanted: Wanted
    layers: Found

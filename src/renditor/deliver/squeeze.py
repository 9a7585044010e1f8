"""Pictures that many ask for, encoded again with more effort: the same picture in fewer bytes."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from renditor import observe
from renditor.catalog import pictures, trash
from renditor.catalog.base import Catalog
from renditor.deliver.pictures import Pictures
from renditor.deliver.rendering import original
from renditor.errors import NotFound, RenditorError
from renditor.images.base import ImageProvider, Rendered
from renditor.models import Asset, Rendition, new_id
from renditor.storage import keys
from renditor.storage.base import Storage
from renditor.transformation import parse

# Those whose encoders find fewer bytes when given time: for JPEG and PNG delivery takes that time at once.
_FORMATS = {"image/avif": "avif", "image/webp": "webp"}
# A smaller gain is not worth a new entity tag, after which every cache fetches the picture again.
_GAIN = 0.95
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Squeezer:
    """``patient`` renders with more effort than delivery does, and keeps out of its way.

    ``after``: deliveries that make a picture worth it; 0: none is. ``work``: a folder for short-lived copies.
    """

    catalog: Catalog
    storage: Storage
    patient: ImageProvider
    pictures: Pictures
    after: int
    work: Path

    async def hottest(self) -> str | None:
        """The id of the asset whose picture most ask for, of those that were never tried."""
        if not self.after:
            return None
        found = await self._hot(None, 1)
        return found[0].asset_id if found else None

    async def squeeze(self, asset: Asset) -> int:
        """Try the much used pictures of an asset, one after the other. Returns: bytes saved."""
        saved = 0
        for item in await self._hot(asset.id, _AT_ONCE):
            saved += await self._squeeze(asset, item)
        return saved

    async def _hot(self, asset_id: str | None, limit: int) -> list[Rendition]:
        question = partial(pictures.hot, hits=self.after, content_types=_FORMATS, asset_id=asset_id, limit=limit)
        return await self.catalog.read(question)

    async def _squeeze(self, asset: Asset, item: Rendition) -> int:
        try:
            rendered = await self._render(asset, item)
        except RenditorError as error:  # too slow, for one: what delivery made is as good as it gets
            observe.log().info("picture_not_squeezed", asset=asset.id, error_type=type(error).__name__)
            rendered = None
        size = item.bytes if rendered is None else len(rendered.content)
        if rendered is None or size > item.bytes * _GAIN:
            await self.catalog.write(partial(pictures.leave_as_it_is, rendition_id=item.id))
            return 0
        key = keys.picture(asset.id, new_id(), _FORMATS[item.content_type])
        await self.catalog.write(partial(trash.intend, keys=[key]))
        await self.storage.write(key, rendered.content, durable=False)
        if not await self.catalog.write(partial(pictures.swap, old=item, key=key, size=size)):
            return 0
        observe.SQUEEZED_BYTES.inc(item.bytes - size)
        return item.bytes - size

    async def _render(self, asset: Asset, item: Rendition) -> Rendered | None:
        """None: it would be another picture: made from more than the asset, or from less than is known by now."""
        if asset.media_type != "image":
            return None
        transformation = parse(str(item.metadata["transformation"]))
        source = original(asset, self.storage)
        wanted = self.pictures.wanted(asset, transformation, _FORMATS[item.content_type], source, ())
        if wanted.digest != item.digest:  # so it is with layers of other assets, and with another engine, too
            return None
        folder = self.work / f"squeeze-{new_id()}"
        try:
            rendered = await self.patient.render(await source(folder), transformation, wanted.output)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        if not isinstance(rendered, Rendered) or (rendered.width, rendered.height) != (item.width, item.height):
            raise NotFound
        return rendered

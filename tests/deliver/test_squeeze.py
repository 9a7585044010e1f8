from __future__ import annotations

import asyncio
from typing import Any

import pyvips

from renditor.catalog import pictures
from renditor.deliver.responses import NotModified, Request
from renditor.jobs.base import SQUEEZE
from renditor.library import MediaProcessingService
from renditor.models import Rendition
from renditor.recipes.squeeze import SqueezeRecipe
from tests.deliver.conftest import Ask, Owner

AFTER = 20  # the default of ``delivery.squeeze_after``


def recipe(service: MediaProcessingService) -> SqueezeRecipe:
    found = service.flows.recipes.recipes[SQUEEZE]
    assert isinstance(found, SqueezeRecipe)
    return found


async def as_stored(service: MediaProcessingService, item: Rendition) -> Rendition:
    found = await service.flows.catalog.read(lambda c: pictures.find(c, item.asset_id, item.name))
    assert found is not None
    return found


async def only_picture(service: MediaProcessingService, media_id: str) -> Rendition:
    rows = await service.flows.catalog.read(lambda c: pictures.hot(c, 0, ["image/avif", "image/jpeg"], media_id, 9))
    assert len(rows) == 1
    return rows[0]


async def test_what_many_ask_for_becomes_smaller(
    service: MediaProcessingService, photo: dict[str, Any], ask: Ask
) -> None:
    first = await ask("w_300,f_avif")
    squeezer = recipe(service).squeezer
    assert await squeezer.hottest() is None
    for _ in range(AFTER):
        await ask("w_300,f_avif")
    assert await squeezer.hottest() == photo["id"]
    old = await only_picture(service, photo["id"])
    await recipe(service).look(service._app.jobs)  # type: ignore[union-attr]
    new = old
    for _ in range(600):
        new = await as_stored(service, old)
        if new.squeezed:
            break
        await asyncio.sleep(0.05)
    assert new.squeezed
    assert new.bytes <= old.bytes * 0.95
    assert new.key != old.key
    second = await ask("w_300,f_avif")
    assert second.size == new.bytes == len(second.content or b"")
    assert second.etag != first.etag
    one, other = (pyvips.Image.new_from_buffer(body.content, "") for body in (first, second))
    assert (one.width, one.height) == (other.width, other.height)
    assert (one.cast("float") - other.cast("float")).abs().avg() < 4
    # A client that holds the first one need not fetch the second.
    raw, tail = b"/main/image/upload/w_300,f_avif/photo.jpg", "w_300,f_avif/photo.jpg"
    known = await service.flows.deliver.asset("main", "image", tail, Request(if_none_match=first.etag), raw)
    assert isinstance(known, NotModified)
    await service.flows.recipes.sweeps.empty_all_trash()
    assert await service.flows.storage.stat(old.key) is None
    assert await squeezer.hottest() is None


async def test_what_cannot_be_smaller_is_left_alone(
    service: MediaProcessingService, photo: dict[str, Any], ask: Ask
) -> None:
    for _ in range(AFTER):
        await ask("w_1,h_1,f_avif")  # nothing but a header
    asset, _ = await service.get(service._principal(Owner()), photo["id"])
    before = await only_picture(service, photo["id"])
    assert await recipe(service).squeezer.squeeze(asset) == 0
    after = await as_stored(service, before)
    assert after.squeezed
    assert (after.key, after.bytes) == (before.key, before.bytes)
    assert await recipe(service).squeezer.hottest() is None


async def test_jpeg_is_as_small_as_it_gets_at_once(service: MediaProcessingService, ask: Ask) -> None:
    for _ in range(AFTER + 1):
        await ask("w_100")
    assert await recipe(service).squeezer.hottest() is None

"""Delivery in this process, with real decoders and a real catalog."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from renditor.deliver.responses import Body, Request
from renditor.library import MediaProcessingService
from renditor.testing import media


class Owner:
    id = "anna"


Ask = Callable[..., Awaitable[Body]]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[MediaProcessingService]:
    async with MediaProcessingService(tmp_path / "data") as made:
        yield made


@pytest.fixture
async def photo(service: MediaProcessingService, tmp_path: Path) -> dict[str, Any]:
    return await service.process_upload(media.photo(tmp_path / "a.jpg", 400, 300), Owner(), public_id="photo")


@pytest.fixture
def ask(service: MediaProcessingService, photo: dict[str, Any]) -> Ask:
    """Deliver the photo with a transformation, and wait until it is stored."""

    async def asked(transformation: str, **request: Any) -> Body:
        tail = f"{transformation}/photo.jpg"
        raw = f"/main/image/upload/{tail}".encode()
        deliver = service.flows.deliver
        known = Request(**request)
        response = deliver.again(raw, known) or await deliver.asset("main", "image", tail, known, raw)
        await deliver.settled()
        assert isinstance(response, Body)
        return response

    return asked

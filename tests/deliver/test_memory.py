from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from renditor.deliver.responses import Body, Request
from renditor.library import MediaProcessingService
from renditor.testing import media
from tests.deliver.conftest import Ask, Owner


def held() -> int:
    """Bytes of pictures in all answers that are alive."""
    gc.collect()
    return sum(len(one.content or b"") for one in gc.get_objects() if isinstance(one, Body))


async def test_what_memory_drops_nobody_else_holds(service: MediaProcessingService, ask: Ask) -> None:
    memory = service.flows.deliver._memory
    before = held()
    memory._most = 20_000
    made = 0
    for width in range(100, 300, 10):
        for _ in range(2):  # the second time from memory, as a path that is known
            made += (await ask(f"w_{width},q_90")).size
    assert made / 2 > 30_000
    assert held() - before <= 20_000
    assert (await ask("w_100,q_90")).size > 0


async def test_assets_of_the_same_bytes_have_pictures_of_their_own(
    service: MediaProcessingService, photo: dict[str, Any], ask: Ask, tmp_path: Path
) -> None:
    await ask("w_77")
    twin = await service.process_upload(media.photo(tmp_path / "b.jpg", 400, 300), Owner(), public_id="twin")
    assert twin["sha256"] == photo["sha256"]
    raw = b"/main/image/upload/w_77/twin.jpg"
    await service.flows.deliver.asset("main", "image", "w_77/twin.jpg", Request(), raw)
    await service.flows.deliver.settled()
    _, renditions = await service.get(service._principal(Owner()), twin["id"])
    assert [item.name for item in renditions] == ["w_77.jpg"]  # the first photo may be deleted at any time

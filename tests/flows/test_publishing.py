"""What a job stores becomes known whole, or nothing of it stays."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from renditor import MediaProcessingService
from renditor.catalog import jobs, trash
from renditor.errors import Unavailable
from renditor.testing import media

ANNA = SimpleNamespace(id="anna")


def interrupt_storing(
    service: MediaProcessingService, monkeypatch: pytest.MonkeyPatch, event: Callable[[str], Coroutine[Any, Any, None]]
) -> None:
    """Let something happen elsewhere when the first file of a rendition has been stored."""
    put = service.flows.storage.put
    happened = False

    async def put_then(key: str, source: Path) -> None:
        nonlocal happened
        await put(key, source)
        if key.startswith("sets/") and not happened:
            happened = True
            # In a task of its own: what happens elsewhere goes on when the job it stops is cancelled meanwhile.
            await asyncio.shield(asyncio.create_task(event(key)))

    monkeypatch.setattr(service.flows.storage, "put", put_then)


def objects(data: Path) -> set[str]:
    folder = data / "storage"
    return {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # the sweeps say nothing when they are done
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("gone", ["cancelled", "deleted"])
async def test_stopped_and_swept_while_it_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    """The sweeps remove what was stored so far and forget it; the job then goes on storing for a while."""
    async with MediaProcessingService(tmp_path / "data") as service:
        done = threading.Event()  # jobs have a loop of their own

        async def stop(_: str) -> None:
            (owned,) = (await service.page(service._principal(ANNA), {}, None, 1)).items
            job_ids = [job.id for job in await service.flows.catalog.read(lambda c: jobs.unfinished_of(c, owned.id))]
            if gone == "deleted":
                await service.remove(owned.id, ANNA)
            else:
                await service.cancel(service._principal(ANNA), owned.id)
            await service.flows.catalog.write(lambda c: trash.expire_job(c, job_ids[0]))  # the grace is over
            await service.flows.recipes.sweeps.empty_trash()
            done.set()

        interrupt_storing(service, monkeypatch, stop)
        song = await service.process_upload(media.song(tmp_path / "song.mp3", 1), ANNA)
        assert await asyncio.to_thread(done.wait, 60)
        if gone == "cancelled":
            assert (await service.status(song["id"], ANNA))["status"] == "cancelled"
        kept = {"originals"} if gone == "cancelled" else set()
        await until(lambda: objects(tmp_path / "data") == kept)


async def test_no_rendition_without_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another attempt at the same job gave this one's objects up: it must not make them known."""
    async with MediaProcessingService(tmp_path / "data") as service:

        async def give_up(key: str) -> None:
            def work(connection: Any) -> None:
                trash.throw(connection, [key.rsplit("/", 1)[0] + "/"])

            await service.flows.catalog.write(work)
            await service.flows.recipes.sweeps.empty_trash()

        interrupt_storing(service, monkeypatch, give_up)
        song = await service.process_upload(media.song(tmp_path / "song.mp3", 1), ANNA)
        await asyncio.sleep(5)
        for rendition in (await service.media(song["id"], ANNA))["renditions"]:
            name = rendition["url"].rsplit("/", 1)[1]
            assert await service.flows.storage.stat(f"sets/{rendition['id'][-2:]}/{rendition['id']}/{name}")


async def test_one_object_that_cannot_be_removed_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MediaProcessingService(tmp_path / "data") as service:
        flows = service.flows
        delete = flows.storage.delete

        async def refusing(key: str) -> None:
            if key == "a/stuck":
                raise Unavailable
            await delete(key)

        monkeypatch.setattr(flows.storage, "delete", refusing)
        await flows.storage.write("a/stuck", b"1")
        await flows.storage.write("a/loose", b"1")
        await flows.catalog.write(lambda c: trash.throw(c, ["a/stuck"], not_before=1))
        await flows.catalog.write(lambda c: trash.throw(c, ["a/loose"], not_before=2))
        await flows.recipes.sweeps.empty_trash()
        assert await flows.storage.stat("a/loose") is None
        assert await flows.storage.stat("a/stuck")
        assert await flows.catalog.read(trash.due) == []  # it is tried again later

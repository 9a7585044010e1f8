"""Pictures are looked at in the background: durably, once for the same bytes, and never at the asset's cost."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from renditor import MediaProcessingService
from renditor.catalog import assets
from renditor.catalog.schema import jobs as jobs_table
from renditor.errors import Conflict, CorruptMedia, Overloaded
from renditor.images.analysis.findings import Analysis
from renditor.images.base import Source
from renditor.images.libvips import LibvipsImages
from renditor.testing import media
from tests.client import Client
from tests.images.pictures import encoded, noise
from tests.images.portraits import portrait
from tests.postgres import PostgresServer
from tests.server import RunningServer, launch

ANNA = SimpleNamespace(id="anna")
SECONDS = 60


@pytest.fixture(params=["sqlite", "postgres"])
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MediaProcessingService]:
    settings: dict[str, Any] = {}
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        settings["database_url"] = server.new_database(create=True).replace("postgresql:", "postgresql+psycopg:")
    async with MediaProcessingService(tmp_path / "data", **settings) as running:
        yield running


async def analysed(service: MediaProcessingService, media_id: str) -> dict[str, Any]:
    async with asyncio.timeout(SECONDS):
        while (found := await service.media(media_id, ANNA))["metadata"]["phash"] is None:  # noqa: ASYNC110  # the library tells nobody
            await asyncio.sleep(0.1)
    return found


async def jobs_of(service: MediaProcessingService, media_id: str) -> list[tuple[str, str]]:
    query = jobs_table.select().where(jobs_table.c.asset_id == media_id)
    rows = await service.flows.catalog.read(lambda c: list(c.execute(query)))
    return [(row.recipe, row.status) for row in rows]


async def until_job_is(service: MediaProcessingService, media_id: str, status: str) -> None:
    async with asyncio.timeout(SECONDS):
        while await jobs_of(service, media_id) != [("analysis", status)]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def in_place_of_looking(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[Callable[[], Awaitable[Analysis]]], Awaitable[Analysis]]
) -> None:
    """Let ``look`` decide what comes of each analysis; it gets the real one to call."""
    real = LibvipsImages.analyse

    async def analyse(self: LibvipsImages, source: Source) -> Analysis:
        return await look(lambda: real(self, source))

    monkeypatch.setattr(LibvipsImages, "analyse", analyse)


async def test_a_picture_is_complete_at_once_and_known_soon_after(service: MediaProcessingService) -> None:
    picture = encoded(portrait(900, 600, (0.3, 0.45, 0.6)), "jpg")
    asset = await service.process_upload(picture, ANNA)
    assert (asset["status"], asset["progress"]) == ("completed", 100)
    assert asset["metadata"]["focal_point"] is None
    found = await analysed(service, asset["id"])
    assert (found["status"], found["error"], found["url"]) == ("completed", None, asset["url"])
    facts = found["metadata"]
    assert facts["width"] == 900
    assert facts["focal_point"]["x"] == pytest.approx(0.3 if facts["faces"] else facts["focal_point"]["x"], abs=0.04)
    assert facts["focal_point"]["px"]["x"] == round(facts["focal_point"]["x"] * 900)
    assert not {"curves", "custom_point", "analysis"} & facts.keys()
    assert await jobs_of(service, asset["id"]) == [("analysis", "completed")]


async def test_the_same_bytes_are_looked_at_once(
    service: MediaProcessingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def count(really: Callable[[], Awaitable[Analysis]]) -> Analysis:
        nonlocal looks
        looks += 1
        return await really()

    in_place_of_looking(monkeypatch, count)
    picture = encoded(portrait(300, 200, (0.5, 0.45, 0.6)), "jpg")
    first = await service.process_upload(picture, ANNA)
    seen = await analysed(service, first["id"])
    await service.set_focal_point(first["id"], ANNA, (0.1, 0.9))
    second = await service.process_upload(picture, ANNA)
    again = await analysed(service, second["id"])
    assert looks == 1
    assert again["metadata"] == seen["metadata"], "the focal point that an owner sets is that asset's alone"


async def test_what_an_owner_changes_meanwhile_stays(
    service: MediaProcessingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, go_on = asyncio.Event(), asyncio.Event()
    here = asyncio.get_running_loop()  # jobs have a loop of their own

    async def wait(really: Callable[[], Awaitable[Analysis]]) -> Analysis:
        here.call_soon_threadsafe(looking.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go_on.wait(), here))
        return await really()

    in_place_of_looking(monkeypatch, wait)
    asset = await service.process_upload(encoded(portrait(300, 200, (0.5, 0.45, 0.6)), "jpg"), ANNA)
    await asyncio.wait_for(looking.wait(), SECONDS)
    await service.set_focal_point(asset["id"], ANNA, (0.1, 0.9))
    await service.change(service._principal(ANNA), asset["id"], tags=["cat"], visibility="private")
    go_on.set()
    found = await analysed(service, asset["id"])
    assert (found["tags"], found["visibility"]) == (["cat"], "private")
    assert found["metadata"]["focal_point"] == {"x": 0.1, "y": 0.9, "px": {"x": 30, "y": 180}, "custom": True}
    back = await service.set_focal_point(asset["id"], ANNA, None)
    assert back["metadata"]["focal_point"]["custom"] is False


async def test_an_analysis_that_fails_is_no_matter_of_the_asset(
    service: MediaProcessingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> Analysis:
        raise CorruptMedia("no")

    in_place_of_looking(monkeypatch, fail)
    asset = await service.process_upload(encoded(noise(40, 30), "png"), ANNA)
    await until_job_is(service, asset["id"], "failed")
    found = await service.media(asset["id"], ANNA)
    assert (found["status"], found["progress"], found["error"], found["stage"]) == ("completed", 100, None, None)
    assert found["metadata"]["phash"] is None


async def test_busy_decoders_are_asked_again(service: MediaProcessingService, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    async def busy_first(really: Callable[[], Awaitable[Analysis]]) -> Analysis:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Overloaded
        return await really()

    in_place_of_looking(monkeypatch, busy_first)
    asset = await service.process_upload(encoded(noise(40, 30), "png"), ANNA)
    await analysed(service, asset["id"])
    assert tries == 2


async def test_it_shows_nowhere_as_processing(service: MediaProcessingService, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = asyncio.Event()
    here = asyncio.get_running_loop()

    async def never(_: object) -> Analysis:
        here.call_soon_threadsafe(looking.set)
        await asyncio.sleep(3600)
        raise AssertionError

    in_place_of_looking(monkeypatch, never)
    asset = await service.process_upload(encoded(noise(40, 30), "png"), ANNA)
    await asyncio.wait_for(looking.wait(), SECONDS)
    status = await service.status(asset["id"], ANNA)
    assert (status["status"], status["progress"]) == ("completed", 100)
    with pytest.raises(Conflict):
        await service.cancel(service._principal(ANNA), asset["id"])
    await service.remove(asset["id"], ANNA)
    async with asyncio.timeout(SECONDS):
        while any((service._settings.data / "work").iterdir()):  # noqa: ASYNC110  # a folder tells nobody
            await asyncio.sleep(0.1)
    assert await jobs_of(service, asset["id"]) == []


async def test_an_overwrite_is_looked_at_anew(service: MediaProcessingService) -> None:
    first = await service.process_upload(encoded(noise(40, 30), "png"), ANNA, public_id="one")
    before = await analysed(service, first["id"])
    picture = encoded(portrait(300, 200, (0.5, 0.45, 0.6)), "jpg")
    second = await service.process_upload(picture, ANNA, public_id="one", overwrite="true")
    after = await analysed(service, second["id"])
    assert after["metadata"]["phash"] != before["metadata"]["phash"]


async def test_edited_metadata_of_a_twin_is_not_trusted(service: MediaProcessingService) -> None:
    picture = encoded(portrait(300, 200, (0.5, 0.45, 0.6)), "jpg")
    first = await service.process_upload(picture, ANNA)
    seen = await analysed(service, first["id"])
    await service.flows.catalog.write(lambda c: assets.merge_metadata(c, first["id"], {"phash": "<script>"}))
    second = await service.process_upload(picture, ANNA)
    assert (await analysed(service, second["id"]))["metadata"] == seen["metadata"]


# -- with real processes that die --------------------------------------------------------------------------------------


def wait_for_all(client: Client, ids: list[str]) -> None:
    end = time.monotonic() + SECONDS
    while left := [one for one in ids if client.call("GET", f"/media/{one}").json()["metadata"]["phash"] is None]:
        assert time.monotonic() < end, f"{len(left)} of {len(ids)} were not analysed"
        time.sleep(0.2)


def kill_decoders(server: RunningServer) -> None:
    for process in psutil.Process(server.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "renditor.images.decoder" in process.cmdline():
                process.kill()


def test_without_a_worker_later_and_after_kill_9(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pictures = [encoded(portrait(700 + 10 * place, 500, (0.5, 0.45, 0.6)), "jpg") for place in range(6)]
    server = launch(data, None, ("--no-worker",))
    client = Client(server)
    try:
        ids = [client.upload(picture).json()["id"] for picture in pictures[:3]]
        time.sleep(1)
        assert all(client.call("GET", f"/media/{one}").json()["metadata"]["phash"] is None for one in ids)
    finally:
        client.close()
        server.stop()
    again = launch(data, server.key)
    client = Client(again)
    try:
        ids += [client.upload(picture).json()["id"] for picture in pictures[3:]]
    finally:
        client.close()
        again.stop(signal.SIGKILL)
    last = launch(data, server.key)
    client = Client(last)
    try:
        wait_for_all(client, ids)
    finally:
        client.close()
        last.stop()


def test_a_decoder_that_dies_takes_nothing_along(client: Client, server: RunningServer) -> None:
    picture = encoded(portrait(2400, 1600, (0.5, 0.45, 0.6)), "jpg")
    media_id = client.upload(picture).json()["id"]
    for _ in range(4):
        kill_decoders(server)
        time.sleep(0.2)
    wait_for_all(client, [media_id])
    assert client.call("GET", f"/media/{media_id}").json()["status"] == "completed"


def test_the_focal_point_over_http(client: Client, tmp_path: Path) -> None:
    asset = client.upload(media.photo(tmp_path / "quadrants.jpg", 640, 480)).json()
    wait_for_all(client, [asset["id"]])
    path = f"/media/{asset['id']}"

    def corner(url: str) -> bytes:
        answer = client.get(url.replace("/upload/", "/upload/c_crop,g_custom,h_60,w_60/"))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        return answer.content

    first = client.call("PATCH", path, json={"focal_point": {"x": 0.1, "y": 0.1}}).json()
    assert first["metadata"]["focal_point"] == {"x": 0.1, "y": 0.1, "px": {"x": 64, "y": 48}, "custom": True}
    red = corner(first["url"])
    second = client.call("PATCH", path, json={"focal_point": {"x": 0.9, "y": 0.9}}).json()
    assert len({asset["url"], first["url"], second["url"]}) == 3
    assert corner(second["url"]) != red
    stale = client.get(first["url"].replace("/upload/", "/upload/c_crop,g_custom,h_60,w_60/"))
    assert stale.content == corner(second["url"])
    assert "immutable" not in stale.headers["cache-control"]
    kept = client.call("PATCH", path, json={"tags": ["a"]}).json()
    assert (kept["url"], kept["metadata"]["focal_point"]) == (second["url"], second["metadata"]["focal_point"])
    back = client.call("PATCH", path, json={"focal_point": None}).json()
    assert back["metadata"]["focal_point"]["custom"] is False
    assert back["url"] != second["url"]


@pytest.mark.parametrize(
    "point",
    [
        '{"x": 1.1, "y": 0}',
        '{"x": 0.5}',
        '{"x": "left", "y": 0}',
        "[0.5, 0.5]",
        '{"x": NaN, "y": 0}',
        '{"x": 0, "y": 0, "z": 0}',
        "7",
    ],
)
def test_focal_points_that_are_none(client: Client, tmp_path: Path, point: str) -> None:
    media_id = client.upload(media.photo(tmp_path / "photo.jpg", 64, 48)).json()["id"]
    answer = client.call("PATCH", f"/media/{media_id}", content=f'{{"focal_point": {point}}}')
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")
    assert "focal_point" in answer.json()["detail"]
    assert "FocalPoint" not in answer.json()["detail"]  # a class of ours


def test_only_pictures_have_a_focal_point(client: Client, tmp_path: Path) -> None:
    song = client.upload(media.song(tmp_path / "song.mp3", 1)).json()["id"]
    answer = client.call("PATCH", f"/media/{song}", json={"focal_point": {"x": 0.5, "y": 0.5}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")
    assert client.call("PATCH", f"/media/{song}", json={"focal_point": None}).status_code == 422
    assert client.call("PATCH", f"/media/{'0' * 26}", json={"focal_point": None}).status_code == 404

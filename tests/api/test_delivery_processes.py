"""Delivery by several processes: what one does, the others know at once; what one loses, the others do not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from renditor.testing import media
from tests.api.test_delivery import counted, stored_pictures
from tests.client import Client
from tests.server import start_server

# Connections stay with the process that took them: so many are with both of two for certain (but one in 2 ** 15).
CONNECTIONS = 16


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server of two web processes, one decoder that few may wait for, and no worker."""
    settings = {"RENDITOR_SANDBOX__DECODERS": "1", "RENDITOR_SANDBOX__QUEUE": "4"}
    folder = tmp_path_factory.mktemp("processes")
    with start_server(folder / "data", ("--workers", "2", "--no-worker"), **settings) as server:
        made = Client(server)
        yield made
        made.close()


@pytest.fixture
def visitors(client: Client) -> Iterator[list[httpx.Client]]:
    made = [httpx.Client(base_url=client.server.url, timeout=60) for _ in range(CONNECTIONS)]
    yield made
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def heavy(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a picture that takes about a second to render, ready for another width in place of ``{}``."""
    path = media.photo(tmp_path_factory.mktemp("heavy") / "p.jpg", 4000, 3000)
    asset = client.upload(path, public_id="heavy").json()
    return str(asset["url"]).replace("/upload/", "/upload/e_blur:1000/w_{},f_png/")


def processes(client: Client, word: str) -> list[psutil.Process]:
    children = psutil.Process(client.server.pid).children(recursive=True)
    return [child for child in children if word in " ".join(child.cmdline())]


def spent(client: Client) -> float:
    """CPU seconds of the decoders."""
    return sum(sum(decoder.cpu_times()[:2]) for decoder in processes(client, "renditor.images.decoder"))


def upload(client: Client, folder: Path, **options: str) -> tuple[str, str]:
    """Id and URL of a small picture of its own."""
    asset = client.upload(media.photo(folder / "a.jpg", 200, 150), **options).json()
    return asset["id"], asset["url"].replace("/upload/", "/upload/w_70/")


def warm(visitors: list[httpx.Client], url: str) -> bytes:
    """All processes hold the picture in memory now."""
    answers = [visitor.get(url) for _ in range(2) for visitor in visitors]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    return answers[0].content


def test_a_delete_counts_at_once_everywhere(client: Client, visitors: list[httpx.Client], tmp_path: Path) -> None:
    media_id, url = upload(client, tmp_path)
    warm(visitors, url)
    assert client.call("DELETE", f"/media/{media_id}").status_code == 204
    assert {visitor.get(url).status_code for visitor in visitors} == {404}


def test_private_and_public_count_at_once_everywhere(
    client: Client, visitors: list[httpx.Client], tmp_path: Path
) -> None:
    media_id, url = upload(client, tmp_path)
    content = warm(visitors, url)
    for _ in range(3):
        client.call("PATCH", f"/media/{media_id}", json={"visibility": "private"})
        assert {visitor.get(url).status_code for visitor in visitors} == {404}
        client.call("PATCH", f"/media/{media_id}", json={"visibility": "public"})
        assert {visitor.get(url).content for visitor in visitors} == {content}


def test_an_overwrite_counts_at_once_everywhere(client: Client, visitors: list[httpx.Client], tmp_path: Path) -> None:
    _, url = upload(client, tmp_path, public_id="often")
    path = url.replace(f"/v{url.split('/v')[1].split('/')[0]}", "")
    old = warm(visitors, path)
    other = media.photo(tmp_path / "b.jpg", 150, 200)
    assert client.upload(other, public_id="often", overwrite="true").status_code == 201
    seen = {visitor.get(path).content for visitor in visitors}
    assert len(seen) == 1
    assert old not in seen


def test_dropped_renditions_are_made_anew_everywhere(
    client: Client, visitors: list[httpx.Client], tmp_path: Path
) -> None:
    media_id, url = upload(client, tmp_path)
    warm(visitors, url)
    first = stored_pictures(client, media_id, 1)
    before = counted(client, "renditor_renders_total")
    assert client.call("DELETE", f"/media/{media_id}/renditions").status_code == 204
    assert stored_pictures(client, media_id, 0) == []
    warm(visitors, url)
    assert counted(client, "renditor_renders_total") == before + 1
    second = stored_pictures(client, media_id, 1)
    assert {each["id"] for each in first}.isdisjoint(each["id"] for each in second)
    folder = client.server.data / "storage" / "renditions" / media_id[-2:] / media_id
    assert len(list(folder.iterdir())) == 1
    assert client.call("DELETE", f"/media/{'0' * 26}/renditions").status_code == 404


def test_identical_requests_at_once_are_one_rendering(client: Client, visitors: list[httpx.Client], heavy: str) -> None:
    before = counted(client, "renditor_renders_total")
    url = heavy.format(400)
    with ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(lambda n: visitors[n % CONNECTIONS].get(url), range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert counted(client, "renditor_renders_total") == before + 1


def test_too_many_at_once_are_told_to_come_back_and_the_known_are_served(
    client: Client, visitors: list[httpx.Client], heavy: str, tmp_path: Path
) -> None:
    _, url = upload(client, tmp_path)
    warm(visitors, url)
    with ThreadPoolExecutor(32) as threads:
        asked = [threads.submit(visitors[n % CONNECTIONS].get, heavy.format(500 + n)) for n in range(30)]
        while not any(each.done() for each in asked):
            assert client.get(url).status_code == 200
        answers = [each.result() for each in asked]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert {answer.headers["retry-after"] for answer in refused} == {"2"}
    assert {answer.json()["code"] for answer in refused} == {"overloaded"}


def test_a_decoder_that_dies_costs_one_request(client: Client, heavy: str, tmp_path: Path) -> None:
    _, url = upload(client, tmp_path)
    assert client.get(url).status_code == 200
    with ThreadPoolExecutor(1) as threads:
        before = spent(client)
        asked = threads.submit(client.get, heavy.format(601))
        while spent(client) < before + 0.1:
            time.sleep(0.01)
        for decoder in processes(client, "renditor.images.decoder"):
            decoder.kill()
        answer = asked.result()
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert client.get(url).status_code == 200
    assert client.get(heavy.format(602)).status_code == 200


def test_a_web_process_that_is_killed_while_it_renders_holds_nobody_up(client: Client, heavy: str) -> None:
    """Whoever renders holds the lock of the picture; the kernel frees it, and the other process renders."""
    url = heavy.format(700)

    def ask() -> int:
        with httpx.Client(base_url=client.server.url, timeout=60) as visitor:
            try:
                return visitor.get(url).status_code
            except httpx.TransportError:  # its process was the one
                return 0

    before = spent(client)
    web = next(p for p in processes(client, "renditor.processes web") if p.children())
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        asked = [threads.submit(ask) for _ in range(CONNECTIONS)]
        while spent(client) < before + 0.1:
            time.sleep(0.01)
        os.kill(web.children()[0].pid, signal.SIGKILL)
        statuses = {each.result() for each in asked}
    assert 200 in statuses
    assert statuses <= {200, 0}
    assert client.get(url).status_code == 200


def test_the_cap_holds_for_requests_on_their_way(tmp_path: Path) -> None:
    settings = {"RENDITOR_DELIVERY__MAX_RENDITIONS_PER_ASSET": "5"}
    with start_server(tmp_path / "data", ("--workers", "2", "--no-worker"), **settings) as server:
        client = Client(server)
        media_id, url = upload(client, tmp_path)
        with ThreadPoolExecutor(16) as threads:
            asked = [url.replace("w_70", f"w_{n}") for n in range(20, 52)]
            answers = list(threads.map(lambda each: httpx.get(each, timeout=60), asked))
        refused = [answer for answer in answers if answer.status_code != 200]
        assert {answer.json()["code"] for answer in refused} == {"too-many-renditions"}
        stored = stored_pictures(client, media_id, 5)
        assert len(stored) == 5
        assert {client.get(str(each["url"])).status_code for each in stored} == {200}
        assert client.get(url.replace("w_70", "w_99")).status_code == 400
        client.close()

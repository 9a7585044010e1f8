"""Events of assets, as clients of a real server with two web processes see them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from renditor.testing import media
from tests.client import Client
from tests.flows.test_crash import alive, family
from tests.server import RunningServer, launch

SECONDS = 60


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    limits = {"RENDITOR_EVENTS__STREAMS_PER_OWNER": "3", "RENDITOR_EVENTS__KEEP_ALIVE_SECONDS": "0.5"}
    server = launch(tmp_path_factory.mktemp("events") / "data", None, ("--workers", "1"), **limits)
    yield server
    server.stop()


@pytest.fixture
def client(running: RunningServer) -> Iterator[Client]:
    made = Client(running)
    yield made
    made.close()


def listen(client: Client, media_id: str, **headers: str) -> Any:
    url = f"{client.server.url}/media/{media_id}/events"
    return httpx.stream("GET", url, headers=client.headers | headers, timeout=SECONDS)


def blocks(response: httpx.Response) -> Iterator[dict[str, str]]:
    """Each block of a stream, comments as ``{"": text}``."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            yield fields
            fields = {}


def events(response: httpx.Response) -> list[tuple[str, dict[str, Any], str]]:
    return [(one["event"], json.loads(one["data"]), one["id"]) for one in blocks(response) if "event" in one]


def long_video(client: Client, folder: Path) -> str:
    media_id: str = client.upload(media.long_video(folder / "long.mp4")).json()["id"]
    return media_id


def test_the_life_of_a_video(client: Client, tmp_path: Path) -> None:
    media_id = client.upload(media.video(tmp_path / "film.mp4", "320x180", 6)).json()["id"]
    with listen(client, media_id) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        told = events(response)  # ends by itself
    names = [name for name, _, _ in told]
    assert set(names[:-1]) <= {"job.progress", "asset.playable"}
    assert names[-1] == "asset.ready"
    percents = [data["progress"] for _, data, _ in told]
    assert percents == sorted(percents)
    assert all(set(data) == {"id", "status", "progress", "stage"} for name, data, _ in told if name == "job.progress")
    assert told[-1][1] == client.call("GET", f"/media/{media_id}/status").json()
    assert client.get(told[-1][1]["hls_url"]).status_code == 200
    with listen(client, media_id) as response:
        assert events(response) == told[-1:]
    with listen(client, media_id, **{"last-event-id": told[-1][2]}) as response:
        assert response.status_code == 204  # an EventSource stops asking then


def test_cancelled_and_deleted(client: Client, tmp_path: Path) -> None:
    media_id = long_video(client, tmp_path)
    with listen(client, media_id) as response:
        threading.Timer(1, lambda: client.call("POST", f"/media/{media_id}/cancel")).start()
        assert events(response)[-1][0] == "asset.cancelled"
    other = long_video(client, tmp_path)
    with listen(client, other) as response:
        threading.Timer(1, lambda: client.call("DELETE", f"/media/{other}")).start()
        assert {name for name, _, _ in events(response)} == {"job.progress"}
    client.call("DELETE", f"/media/{media_id}")


def test_a_silent_stream_says_that_it_is_alive(client: Client, tmp_path: Path) -> None:
    client.call("GET", "/media")
    media_id = long_video(client, tmp_path)
    with listen(client, media_id) as response:
        found = blocks(response)
        first = next(found)
        assert first == {"retry": "2000"}
        assert any(one == {"": ""} for one, _ in zip(found, range(50), strict=False))
    client.call("DELETE", f"/media/{media_id}")


def test_who_may_listen(client: Client, tmp_path: Path) -> None:
    media_id = client.upload(media.photo(tmp_path / "photo.jpg", 20, 20)).json()["id"]
    url = f"{client.server.url}/media/{media_id}/events"
    assert httpx.get(url).status_code == 401
    assert client.call("GET", "/media/unknown/events").json()["code"] == "not-found"
    with listen(client, media_id) as response:
        ((name, data, _),) = events(response)
    assert (name, data["status"]) == ("asset.ready", "completed")


@pytest.mark.parametrize("last", ["", "x", "....", "processing.-1.1.", "9" * 5000, "completed.100.1.\x7f", "%00"])
def test_nonsense_as_the_last_event(client: Client, tmp_path: Path, last: str) -> None:
    media_id = client.upload(media.photo(tmp_path / "photo.jpg", 20, 20)).json()["id"]
    with listen(client, media_id, **{"last-event-id": last}) as response:
        assert response.status_code in (200, 400, 431)
        response.read()


def test_limits_and_listeners_that_leave(client: Client, tmp_path: Path) -> None:
    media_id = long_video(client, tmp_path)
    key = client.headers["authorization"]
    request = f"GET /media/{media_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n\r\n"
    open_ones = [socket.create_connection(("127.0.0.1", client.server.port)) for _ in range(3)]
    for one in open_ones:
        one.sendall(request.encode())
        assert one.recv(100).startswith(b"HTTP/1.1 200")
    refused = client.call("GET", f"/media/{media_id}/events")
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-streams")
    assert int(refused.headers["retry-after"]) > 0
    for one in open_ones:
        one.close()
    end = time.monotonic() + 10
    while True:
        with listen(client, media_id) as response:
            if response.status_code == 200:
                break
        assert time.monotonic() < end, "the server did not notice that they left"
        time.sleep(0.2)
    client.call("DELETE", f"/media/{media_id}")


def test_two_web_processes_and_the_stop(tmp_path: Path) -> None:
    """Whichever process is asked: it tells what the worker does. Open streams do not hold up the end."""
    server = launch(tmp_path / "data", None, ("--workers", "2"))
    client = Client(server)
    try:
        media_id = long_video(client, tmp_path)
        ends: list[int] = []
        told = [threading.Event() for _ in range(8)]

        def follow(progressed: threading.Event) -> None:
            count = 0
            with listen(client, media_id) as response:
                for block in blocks(response):
                    count += block.get("event") == "job.progress"
                    if count == 2:
                        progressed.set()
            ends.append(count)

        threads = [threading.Thread(target=follow, args=(progressed,)) for progressed in told]
        for thread in threads:
            thread.start()
        assert all(progressed.wait(SECONDS) for progressed in told)
        processes = family(server)
        assert server.stop() == 0
        for thread in threads:
            thread.join(10)
        # All streams were ended in order: none broke off in the middle, and each had followed the encoder.
        assert len(ends) == 8
        assert alive(processes) == []
        assert "refused to gracefully stop" not in server.log.read_text()
    finally:
        client.close()
        server.stop()

"""The typed client, against a real server and against things that are none."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
from pathlib import Path

import httpx
import pytest

from renditor.client import Client, Event, ServerError
from renditor.client.answers import read
from renditor.client.events import Parser, Patience
from renditor.errors import BadRequest
from renditor.testing import media
from tests.server import RunningServer, free_port


async def test_a_file_is_streamed_checked_and_waited_for(server: RunningServer, tmp_path: Path) -> None:
    song = media.song(tmp_path / "song.mp3", 1)
    shares: list[float] = []
    stages: list[tuple[int, str]] = []
    async with Client(server.url, server.key) as client:
        asset = await client.upload(song, shares.append)
        assert asset["status"] == "processing"
        assert asset["sha256"] == hashlib.sha256(song.read_bytes()).hexdigest()
        assert shares[-1] == 1.0
        assert shares == sorted(shares)
        done = await client.wait(asset["id"], lambda percent, stage: stages.append((percent, stage)))
        assert done["status"] == "completed"
        assert done["renditions"]
        assert all(0 <= percent <= 100 for percent, _ in stages)


async def test_events_until_it_is_done(server: RunningServer, tmp_path: Path) -> None:
    async with Client(server.url, server.key) as client:
        asset = await client.upload(media.video(tmp_path / "film.mp4", "320x180", 4))
        events = [event async for event in client.events(asset["id"])]
        assert events[-1].is_last
        assert (events[-1].name, events[-1].data["status"]) == ("asset.ready", "completed")
        assert events[-1].data["hls_url"] == (await client.get(asset["id"]))["hls_url"]
        percents = [event.data["progress"] for event in events]
        assert percents == sorted(percents)
        assert all(event.data["id"] == asset["id"] for event in events)
        (again,) = [event async for event in client.events(asset["id"])]
        assert again == events[-1]
        with pytest.raises(ServerError) as refused:
            _ = [event async for event in client.events("unknown")]
        assert refused.value.http_status == 404


async def test_events_of_an_asset_that_is_deleted_meanwhile(server: RunningServer, tmp_path: Path) -> None:
    async with Client(server.url, server.key) as client:
        asset = await client.upload(media.long_video(tmp_path / "film.mp4"))
        names: list[str] = []
        async with asyncio.timeout(20):
            async for event in client.events(asset["id"]):
                if not names:
                    await client.delete(asset["id"])
                names.append(event.name)
        assert set(names) == {"job.progress"}


async def test_events_go_on_when_the_server_comes_back() -> None:
    """It breaks off, is busy, is behind a proxy that says so, hangs up; then it tells how all ended."""
    stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    answers = [
        f'{stream}id: 1\nevent: job.progress\ndata: {{"progress": 1}}\n\nid: 2\ndata: cut off',
        'HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 21\r\n\r\n{"code":"overloaded"}\n',
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n<>",
        "",
        f'{stream}id: 3\nevent: asset.ready\ndata: {{"progress": 100}}\n\n',
    ]
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answers[len(asked) - 1].encode())
        writer.close()

    fake = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with fake, Client(f"http://127.0.0.1:{fake.sockets[0].getsockname()[1]}", "key") as client:
        events = [event async for event in client.events("x")]
    assert [event.name for event in events] == ["job.progress", "asset.ready"]
    assert ["last-event-id: 1" in request.lower() for request in asked] == [False, True, True, True, True]


async def test_events_of_a_server_that_stays_away() -> None:
    async with Client(f"http://127.0.0.1:{free_port()}", "key") as client:
        with pytest.raises(ServerError, match="does not answer"):
            _ = [event async for event in client.events("x", patience=1)]


def test_patience() -> None:
    patience = Patience(60)
    busy = ServerError("busy", http_status=503, retry_after=7)
    assert [patience.pause(busy), patience.pause(None)] == [7, 0.5]
    assert [patience.pause(ServerError("gone")) for _ in range(4)] == [1, 2, 4, 8]
    patience.reset()
    assert patience.pause(ServerError("gone")) == 0.5
    crowded = ServerError("crowded", http_status=429, retry_after=5)
    assert patience.pause(crowded, crowded=True) == 5
    for final in (crowded, ServerError("no", http_status=404), ServerError("later", http_status=503, retry_after=600)):
        with pytest.raises(ServerError) as raised:
            patience.pause(final)
        assert raised.value is final


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7), ("", 0), ("soon", 0), ("-3", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)]
)
def test_when_to_come_back(said: str, seconds: float) -> None:
    with pytest.raises(ServerError) as raised:
        read(httpx.Response(503, headers={"retry-after": said}, json={"code": "overloaded", "detail": "busy"}))
    assert raised.value.retry_after == seconds


def test_events_are_read_as_the_standard_has_them() -> None:
    text = (
        ': a comment\n\nretry: 2000\n\nid: 1\nevent: job.progress\ndata: {"id":\ndata: "x"}\n\n'
        "data:{}\n\nevent: broken\ndata: {\n\nevent: list\ndata: []\n\nid: a\0b\nevent: cut\ndata: {}"
    )
    parser = Parser()
    found = [event for line in text.split("\n") for event in parser.feed(line)]
    assert found == [Event("job.progress", {"id": "x"}, "1"), Event("message", {}, "1")]


async def test_pictures_for_a_page(server: RunningServer, tmp_path: Path) -> None:
    async with Client(server.url, server.key) as client:
        asset = await client.upload(media.photo(tmp_path / "photo.jpg", 300, 200))
        snippet = await client.srcset(asset["id"], widths="100,200", alt="A photo")
        assert len(snippet["urls"]) == 2
        assert snippet["html"].startswith("<img ")
        job = await client.make_renditions(asset["id"], widths=[100, 200], formats=["webp"])
        while job["status"] in ("queued", "running"):
            await asyncio.sleep(0.1)
            job = await client.job(asset["id"], job["job_id"])
        assert job["status"] == "completed"
        assert len((await client.get(asset["id"]))["renditions"]) == 4
        with pytest.raises(ServerError) as refused:
            await client.make_renditions(asset["id"], preset="nothing")
        assert refused.value.http_status == 400


async def test_what_an_owner_has(server: RunningServer, tmp_path: Path) -> None:
    async with Client(server.url, server.key) as client:
        before = await client.usage()
        asset = await client.upload(media.photo(tmp_path / "a.jpg", 40, 30))
        after = await client.usage()
    assert after["files"] == {"used": before["files"]["used"] + 1, "limit": None}
    assert after["bytes"]["used"] - before["bytes"]["used"] == asset["bytes"]
    assert (after["open_uploads"]["limit"], after["rates"]) == (100, {})


async def test_the_focal_point(server: RunningServer, tmp_path: Path) -> None:
    async with Client(server.url, server.key) as client:
        asset = await client.upload(media.photo(tmp_path / "photo.jpg", 300, 200))
        set_by_hand = await client.set_focal_point(asset["id"], (0.25, 0.75))
        assert set_by_hand["metadata"]["focal_point"]["px"] == {"x": 75, "y": 150}
        assert set_by_hand["url"] != asset["url"]
        found = await client.set_focal_point(asset["id"], None)
        assert found["metadata"]["focal_point"] is None or not found["metadata"]["focal_point"]["custom"]
        with pytest.raises(ServerError) as refused:
            await client.set_focal_point(asset["id"], (2, 0))
        assert refused.value.http_status == 422


async def test_the_servers_refusals_come_with_code_and_hint(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html>")
    async with Client(server.url, server.key) as client:
        with pytest.raises(ServerError) as refused:
            await client.upload(tmp_path / "page.html")
        assert (refused.value.error_code, refused.value.http_status) == ("unsupported-media", 415)
        assert refused.value.hint
        with pytest.raises(ServerError) as unknown:
            await client.get("../keys")
        assert (unknown.value.error_code, unknown.value.http_status) == ("not-found", 404)
    async with Client(server.url, "rk_wrong") as client:
        with pytest.raises(ServerError) as stranger:
            await client.upload(media.photo(tmp_path / "a.jpg"))
        assert stranger.value.http_status == 401


async def test_a_server_that_hangs_up_in_the_middle(server: RunningServer, tmp_path: Path) -> None:
    """It does not read what it refuses, and its answer may be lost with the connection."""
    photo = tmp_path / "large.jpg"
    photo.write_bytes(media.photo(tmp_path / "a.jpg").read_bytes() + bytes(40_000_000))
    async with Client(server.url, "rk_wrong") as client:
        with pytest.raises(ServerError) as stranger:
            await client.upload(photo)
        assert (stranger.value.error_code, stranger.value.http_status) == ("unauthenticated", 401)
    async with Client(server.url, server.key) as client:
        with pytest.raises(ServerError) as large:
            await client.upload(photo)
        assert large.value.error_code in ("too-large", "cut-off")
        assert "larger" in f"{large.value.detail} {large.value.hint}"


async def test_no_server_and_no_url(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for url in ("media.example.com", "ftp://example.com", "http://", "http://[::1"):
        with pytest.raises(BadRequest):
            Client(url, "key")
    async with Client(f"http://127.0.0.1:{free_port()}", "key") as client:
        with pytest.raises(ServerError, match="does not answer") as error:
            await client.upload(tmp_path / "file")
        assert error.value.http_status == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "not one of a renditor server"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n{}", "not one of a renditor server"),
        (b"", "broke"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "broke"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"sha256": "other"', "not one of a renditor server"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"sha256": "other"}', "other bytes than were sent"),
    ],
)
async def test_other_programs_at_that_address(tmp_path: Path, answer: bytes, said: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            listener.close()  # nobody answers when the client asks what is the matter
            with connection:
                while b"\r\n\r\nx" not in (received := connection.recv(65536)) and received != b"x":
                    pass
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        async with Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "key") as client:
            with pytest.raises(ServerError, match=said):
                await client.upload(tmp_path / "file")
        thread.join()


async def test_a_file_that_shrinks_while_it_is_sent(server: RunningServer, tmp_path: Path) -> None:
    file = tmp_path / "video.mp4"
    file.write_bytes(bytes(5_000_000))

    def shrink(_: float) -> None:
        file.write_bytes(b"")

    async with Client(server.url, server.key) as client:
        with pytest.raises(ServerError) as error:
            await client.upload(file, shrink)
        assert error.value.error_code in ("changed", "unsupported-media")

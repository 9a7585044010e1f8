"""The client against servers that send too much, too slowly or never: what is refused, and that nothing stays open."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from renditor.errors import BlockedURL, FetchFailed, Overloaded, TooLarge
from renditor.outbound import client as module
from renditor.outbound.client import OutboundClient
from renditor.outbound.settings import OutboundSettings
from tests.attacks.certificates import make
from tests.outbound.site import LOOPBACK, Serve, get, ok

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"deflate", b"identity, gzip", b"x", b"GZIP"])
async def test_packed_answers_are_refused(serve: Serve, coding: bytes) -> None:
    site = await serve(ok(b"x", b"Content-Encoding: " + coding))
    with pytest.raises(FetchFailed, match="compressed"):
        await get(site)
    client = OutboundClient(site.settings())
    with pytest.raises(FetchFailed, match="compressed"):
        await client.post(site.url, b"", {}, 100)
    await client.aclose()


async def test_identity_is_no_packing(serve: Serve) -> None:
    assert await get(await serve(ok(b"x", b"content-encoding: identity"))) == b"x"


@pytest.mark.parametrize(
    "reply",
    [
        ok(b"x" * 1001),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1001 + b"0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999\r\n\r\n",
    ],
    ids=["announced", "not announced", "in chunks", "only announced"],
)
async def test_what_is_larger_than_the_limit_is_refused(serve: Serve, reply: bytes) -> None:
    with pytest.raises(TooLarge, match="1000 bytes"):
        await get(await serve(reply), limit=1000)


async def test_the_setting_caps_every_limit(serve: Serve) -> None:
    site = await serve(ok(b"x" * 101))
    with pytest.raises(TooLarge, match="100 bytes"):
        await get(site, limit=1000, max_bytes=100)


async def test_exactly_the_limit_is_taken(serve: Serve) -> None:
    assert await get(await serve(ok(b"x" * 1000)), limit=1000) == b"x" * 1000


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_half_a_file_is_none(serve: Serve, reply: bytes) -> None:
    with pytest.raises(FetchFailed, match="broke off"):
        await get(await serve(reply))


async def test_a_slow_file_ends_at_the_deadline_and_is_hung_up_on(serve: Serve) -> None:
    site = await serve(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", hold=True)
    with pytest.raises(FetchFailed, match=r"within 0\.3 seconds"):
        await get(site, deadline=0.3)
    await asyncio.wait_for(site.left.wait(), 5)


async def test_silence_is_hung_up_on(serve: Serve) -> None:
    site = await serve(b"", hold=True)
    with pytest.raises(BlockedURL):
        await get(site, deadline=0.3)
    await asyncio.wait_for(site.left.wait(), 5)


async def test_a_caller_that_stops_reading_leaves_no_connection(serve: Serve) -> None:
    site = await serve(b"HTTP/1.1 200 OK\r\n\r\nabc", hold=True)
    client = OutboundClient(site.settings())
    async with client.fetch(site.url) as found:
        assert await anext(found.chunks) == b"abc"
    await asyncio.wait_for(site.left.wait(), 5)
    await client.aclose()


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\n\r\nabc"], ids=["before the head", "in the body"])
async def test_a_cancelled_caller_leaves_no_connection(serve: Serve, reply: bytes) -> None:
    site = await serve(reply, hold=True)
    client = OutboundClient(site.settings())
    task = asyncio.ensure_future(client.get(site.url, 10))
    await site.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(site.left.wait(), 5)
    await client.aclose()


async def test_tls_that_is_never_answered_is_hung_up_on(serve: Serve) -> None:
    gone = asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        gone.set()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    # The deadline comes in the middle of the handshake, before its own limit.
    settings = OutboundSettings(https_ports=(port,), allowed_networks=LOOPBACK, deadline=0.3, connect_timeout=30)
    client = OutboundClient(settings)
    with pytest.raises(BlockedURL):
        await client.get(f"https://127.0.0.1:{port}/", 10)
    await asyncio.wait_for(gone.wait(), 5)
    await client.aclose()
    server.close()


async def test_too_many_at_once_are_sent_away(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    site = await serve(ok(b"x"))
    client = OutboundClient(site.settings())
    async with client.fetch(site.url):
        with pytest.raises(Overloaded):
            await client.get(site.url, 10)
    assert await client.get(site.url, 10) == b"x"
    await client.aclose()


async def test_a_failed_fetch_gives_its_place_back(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    site = await serve(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")
    client = OutboundClient(site.settings())
    for url in (site.url, "http://10.0.0.1/", site.url, "x", site.url):
        with pytest.raises((FetchFailed, BlockedURL)):
            await client.get(url, 10)
    await client.aclose()


async def test_an_endless_answer_to_a_post_is_refused(serve: Serve) -> None:
    site = await serve(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200)
    client = OutboundClient(site.settings())
    with pytest.raises(TooLarge):
        await client.post(site.url, b"", {}, 100)
    await client.aclose()


@pytest.mark.parametrize(("host", "fetched"), [("localhost", True), ("127.0.0.1", False)])
async def test_the_certificate_must_be_of_the_host_that_was_named(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, fetched: bool
) -> None:
    certificate, key = make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, **__: [(0, 0, 0, "", ("127.0.0.1", port))])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    site = await serve(ok(b"x"), tls=tls)
    url = f"https://{host}:{site.port}/"
    if fetched:
        assert await get(site, url) == b"x"
    else:
        with pytest.raises(BlockedURL):
            await get(site, url)


async def test_a_certificate_of_nobody_is_refused(serve: Serve, tmp_path: Path) -> None:
    certificate, key = make(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    site = await serve(ok(b"x"), tls=tls)
    with pytest.raises(BlockedURL):
        await get(site, f"https://localhost:{site.port}/")
    assert site.requests == []

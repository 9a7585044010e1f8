"""The client against servers of this machine, opened by the setting: what it sends, follows, counts and closes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from renditor.errors import BlockedURL, FetchFailed, Overloaded, TooLarge
from renditor.outbound import client as module
from renditor.outbound.client import OutboundClient
from renditor.outbound.settings import OutboundSettings
from tests.attacks.certificates import make

pytestmark = pytest.mark.anyio

LOOPBACK = (ip_network("127.0.0.0/8"),)
Reply = Callable[[bytes], bytes]


class Site:
    """A web server that answers what it is told to, and remembers what it was asked and how it ended."""

    def __init__(self, reply: Reply, *, hold: bool = False) -> None:
        self._reply = reply
        self._hold = hold
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
            self.requests.append(head + await reader.readexactly(length))
            writer.write(self._reply(head))
            await writer.drain()
            self.asked.set()
            if self._hold:
                await reader.read()
                self.left.set()
        writer.close()

    def settings(self, **values: Any) -> OutboundSettings:
        return OutboundSettings(
            http_ports=(self.port,), https_ports=(self.port,), allowed_networks=LOOPBACK, **({"deadline": 5} | values)
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


Serve = Callable[..., Awaitable[Site]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers = []

    async def start(reply: Reply | bytes, *, hold: bool = False, tls: ssl.SSLContext | None = None) -> Site:
        site = Site(reply if callable(reply) else lambda _: reply, hold=hold)
        server = await asyncio.start_server(site.answer, "127.0.0.1", 0, ssl=tls)
        site.port = server.sockets[0].getsockname()[1]
        servers.append(server)
        return site

    yield start
    for server in servers:
        server.close()


def ok(body: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *lines, b"", body])


def redirect(to: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n".encode()


async def get(site: Site, url: str | None = None, limit: int = 1000, **values: Any) -> bytes:
    client = OutboundClient(site.settings(**values))
    try:
        return await client.get(url or site.url, limit)
    finally:
        await client.aclose()


async def test_a_file_comes_with_its_type_length_and_address(serve: Serve) -> None:
    site = await serve(ok(b"hello", b"content-type: image/png"))
    client = OutboundClient(site.settings())
    async with client.fetch(f"{site.url}a?b=c#d", limit=100) as found:
        assert (found.url, found.content_type, found.length) == (f"{site.url}a?b=c", "image/png", 5)
        assert b"".join([chunk async for chunk in found.chunks]) == b"hello"
    await client.aclose()


async def test_nothing_of_ours_is_sent(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    site = await serve(ok(b"x", b"set-cookie: session=1; path=/"))
    client = OutboundClient(site.settings())
    for _ in range(2):
        await client.get(f"{site.url}a?b", 10)
    await client.aclose()
    assert set(site.requests) == {
        b"GET /a?b HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: renditor\r\naccept: */*\r\n"
        b"accept-encoding: identity\r\nconnection: close\r\n\r\n" % site.port
    }
    assert len(site.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(serve: Serve, status: int) -> None:
    site = await serve(lambda head: ok(b"there") if b"GET /there" in head else redirect("/there", status))
    assert await get(site) == b"there"
    assert len(site.requests) == 2


@pytest.mark.parametrize(("allowed", "fetched"), [(3, True), (2, False), (0, False)])
async def test_redirects_are_counted(serve: Serve, allowed: int, fetched: bool) -> None:
    def reply(head: bytes) -> bytes:
        number = int(head[5:6]) if head[5:6].isdigit() else 0
        return ok(b"end") if number == 3 else redirect(f"/{number + 1}")

    site = await serve(reply)
    if fetched:
        assert await get(site, redirects=allowed) == b"end"
    else:
        with pytest.raises(FetchFailed, match="redirects too often"):
            await get(site, redirects=allowed)
    assert len(site.requests) == allowed + 1


async def test_headers_go_to_their_origin_only(serve: Serve) -> None:
    other = await serve(ok(b"other"))
    site = await serve(
        lambda head: redirect(f"http://127.0.0.1:{other.port}/") if b"GET /second" in head else redirect("/second")
    )
    settings = site.settings().model_copy(update={"http_ports": (site.port, other.port)})
    client = OutboundClient(settings)
    async with client.fetch(site.url, headers={"X-Secret": "1"}) as found:
        assert [chunk async for chunk in found.chunks] == [b"other"]
    await client.aclose()
    assert all(b"x-secret: 1" in request for request in site.requests)
    assert len(site.requests) == 2
    assert b"x-secret" not in other.requests[0]


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 400, 401, 404, 500])
async def test_only_200_is_a_file(serve: Serve, status: int) -> None:
    site = await serve(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())
    with pytest.raises(FetchFailed, match=str(status)):
        await get(site)


async def test_a_switch_of_protocols_is_no_file(serve: Serve) -> None:
    site = await serve(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
    with pytest.raises((FetchFailed, BlockedURL)):
        await get(site)


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


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"\x16\x03\x01",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        redirect("http://10.0.0.1/"),
        redirect("file:///etc/passwd"),
        redirect("http://u:p@127.0.0.1/"),
    ],
)
async def test_all_that_is_no_answer_is_one_refusal(serve: Serve, reply: bytes) -> None:
    site = await serve(reply)
    said = set()
    for url in (site.url, "http://10.0.0.1/", "gopher://x/", "http://127.0.0.1:1/"):
        with pytest.raises(BlockedURL) as refused:
            await get(site, url)
        said.add((refused.value.detail, refused.value.hint, refused.value.error_code, refused.value.status))
    assert len(said) == 1


async def test_the_cause_goes_to_the_log_without_path_and_query(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    site = await serve(b"")
    client = OutboundClient(OutboundSettings(http_ports=(site.port,)))
    with pytest.raises(BlockedURL):
        await client.get(f"{site.url}secret-path?token=secret", 10)
    await client.aclose()
    assert caplog.messages == ["refused to fetch from '127.0.0.1': 127.0.0.1: loopback"]
    assert site.requests == []


async def test_one_bad_address_among_good_ones_refuses_all(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    site = await serve(ok(b"x"))
    asked = []

    def look_up(host: bytes, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", ("127.0.0.1", port)), (0, 0, 0, "", ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(BlockedURL):
        await get(site, f"http://mixed.example:{site.port}/")
    assert asked == [b"mixed.example"]
    assert site.requests == []


async def test_a_dead_address_is_passed_over(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    site = await serve(ok(b"x"))
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _, port, **__: [(0, 0, 0, "", (a, port)) for a in ("127.0.0.2", "127.0.0.1")]
    )
    assert await get(site, f"http://two.example:{site.port}/") == b"x"
    assert f"host: two.example:{site.port}".encode() in site.requests[0]


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


async def test_a_post_sends_its_body_and_follows_nothing(serve: Serve) -> None:
    site = await serve(redirect("/elsewhere", 307))
    client = OutboundClient(site.settings())
    answer = await client.post(f"{site.url}hook", b"{}", {"Content-Type": "application/json", "X-Signature": "s"}, 100)
    await client.aclose()
    assert (answer.status, answer.body) == (307, b"")
    assert len(site.requests) == 1
    assert site.requests[0].startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"\r\ncontent-type: application/json\r\nx-signature: s\r\n\r\n{}" in site.requests[0]


async def test_a_post_to_a_private_address_is_refused(serve: Serve) -> None:
    site = await serve(ok(b"x"))
    client = OutboundClient(OutboundSettings(http_ports=(site.port,)))
    with pytest.raises(BlockedURL):
        await client.post(site.url, b"{}", {}, 100)
    await client.aclose()
    assert site.requests == []


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


@pytest.mark.parametrize(
    "values",
    [
        {"http_ports": (0,)},
        {"https_ports": (65536,)},
        {"allowed_networks": ("10.0.0.1/8",)},
        {"denied_networks": (1.5,)},
        {"allowed_networks": ("everything",)},
        {"deadline": 0},
        {"redirects": 11},
        {"max_bytes": 0},
        {"proxy": "http://x"},
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        OutboundSettings.model_validate(values)


async def test_http_can_be_turned_off(serve: Serve) -> None:
    site = await serve(ok(b"x"))
    client = OutboundClient(site.settings().model_copy(update={"http_ports": ()}))
    with pytest.raises(BlockedURL):
        await client.get(site.url, 10)
    await client.aclose()
    assert site.requests == []

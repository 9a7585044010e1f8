"""The client against servers of this machine, opened by the setting: what it sends, follows, counts and closes."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from renditor.errors import BlockedURL, FetchFailed
from renditor.outbound.client import OutboundClient
from renditor.outbound.settings import OutboundSettings
from tests.outbound.site import Serve, get, ok, redirect

pytestmark = pytest.mark.anyio


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

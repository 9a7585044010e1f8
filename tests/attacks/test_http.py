"""Requests that are wrong on purpose, sent as bytes: no client library would send them."""

from __future__ import annotations

import re
import time

import httpx
import pytest

from renditor.testing import media
from tests.attacks.wire import ask, connect, one, read
from tests.client import Client
from tests.server import RunningServer

HOST = b"Host: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
# Stands where the body of the request before it ends for one who reads it wrongly.
SMUGGLED = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"


def get(path: bytes, *lines: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + b"".join(lines) + b"Connection: close\r\n\r\n"


def post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"POST /healthz HTTP/1.1\r\n" + HOST + b"".join(lines) + b"\r\n" + body


AMBIGUOUS = {
    "length and chunks, length first": post(b"Content-Length: 4\r\n", CHUNKED, body=b"0\r\n\r\n"),
    "length and chunks, chunks first": post(CHUNKED, b"Content-Length: 4\r\n", body=b"0\r\n\r\n"),
    "length over all": post(b"Content-Length: %d\r\n" % (5 + len(SMUGGLED)), CHUNKED, body=b"0\r\n\r\n"),
    "two lengths": post(b"Content-Length: 4\r\nContent-Length: 5\r\n", body=b"abcd"),
    "two lengths in one line": post(b"Content-Length: 4, 4\r\n", body=b"abcd"),
    "negative length": post(b"Content-Length: -4\r\n", body=b"abcd"),
    "length with a sign": post(b"Content-Length: +4\r\n", body=b"abcd"),
    "length in hexadecimal": post(b"Content-Length: 0x4\r\n", body=b"abcd"),
    "length beyond 64 bits": post(b"Content-Length: 99999999999999999999999\r\n", body=b"abcd"),
    "empty length": post(b"Content-Length: \r\n"),
    "unknown coding": post(b"Transfer-Encoding: xchunked\r\n", body=b"0\r\n\r\n"),
    "coding with a control byte": post(b"Transfer-Encoding: chunked\x0b\r\n", body=b"0\r\n\r\n"),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked\r\n", body=b"0\r\n\r\n"),
    "packed, then chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", body=b"0\r\n\r\n"),
    "not chunked at the end": post(b"Transfer-Encoding: chunked, identity\r\n", body=b"0\r\n\r\n"),
    "chunks in HTTP/1.0": b"POST /healthz HTTP/1.0\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "space before the colon": post(b"Content-Length : 4\r\n", body=b"abcd"),
    "folded line": post(b"X: a\r\n Content-Length: 4\r\n", body=b"abcd"),
    "bare carriage return": post(b"X: a\rContent-Length: 4\r\n", body=b"abcd"),
    "line without colon": post(b"Content-Length\r\n", body=b"abcd"),
    "NUL in a value": post(b"X: a\0b\r\n"),
    "NUL in the path": get(b"/healthz\0", HOST),
    "control byte in the path": get(b"/health\x01z", HOST),
    "byte above 127 in the path": get(b"/health\xffz", HOST),
    "space in the path": get(b"/health z", HOST),
    "no version": b"GET /healthz\r\n" + HOST + b"\r\n",
    "version 2 in the clear": b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n",
    "version 9": b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n",
    "no method": b" /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": get(b"/healthz"),
    "two hosts": get(b"/healthz", HOST, b"Host: y\r\n"),
    "host with a path": get(b"/healthz", b"Host: x/y\r\n"),
    "host with a user": get(b"/healthz", b"Host: user@x\r\n"),
    "host with a space": get(b"/healthz", b"Host: x y\r\n"),
    "host with a letter as port": get(b"/healthz", b"Host: x:eighty\r\n"),
    "a tunnel": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of its own": b"SMUGGLE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "64 KiB in one header": get(b"/healthz", HOST, b"X: " + b"a" * 65536 + b"\r\n"),
    "1 MiB in one header": get(b"/healthz", HOST, b"X: " + b"a" * 2**20 + b"\r\n"),
    "10,000 headers": get(b"/healthz", HOST, b"X: a\r\n" * 10_000),
    "100 KiB of path": get(b"/" + b"a" * 100_000, HOST),
}  # fmt: skip
STATUS = {
    "64 KiB in one header": 431, "1 MiB in one header": 431, "10,000 headers": 431, "100 KiB of path": 414,
    "a tunnel": 405, "a method of its own": 405,
    # What RFC 9112 (6.3) allows: the chunks count, and the connection ends. POST is not for /healthz.
    "length and chunks, length first": 405, "length and chunks, chunks first": 405,
    "length over all": 405,
}  # fmt: skip


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_request_smuggling(attacked: RunningServer, name: str) -> None:
    """One refusal, and the connection ends: what follows is not taken for a request."""
    answers, closed = ask(attacked.port, AMBIGUOUS[name] + SMUGGLED)
    assert [answer.status for answer in answers] in ([STATUS.get(name, 400)], [])
    assert closed
    if not answers:  # cut off while it was still sending
        assert "MiB" in name or "10,000" in name


CHUNKS = {
    "endless extension": b"4;" + b"a" * 200_000 + b"\r\nabcd\r\n0\r\n\r\n",
    "size beyond 64 bits": b"FFFFFFFFFFFFFFFFF\r\nabcd\r\n0\r\n\r\n",
    "negative size": b"-4\r\nabcd\r\n0\r\n\r\n",
    "size with 0x": b"0x4\r\nabcd\r\n0\r\n\r\n",
    "bare line feeds": b"4\nabcd\n0\n\n",
    "no line end after the data": b"4\r\nabcdXX0\r\n\r\n",
    "10,000 trailers": b"4\r\nabcd\r\n0\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_that_are_none(attacked: RunningServer, name: str) -> None:
    key = b"Authorization: Bearer " + attacked.key.encode() + b"\r\n"
    request = b"POST /media/upload HTTP/1.1\r\n" + HOST + key + CHUNKED + b"\r\n" + CHUNKS[name]
    answers, closed = ask(attacked.port, request + SMUGGLED)
    assert [answer.status for answer in answers] == [400]
    assert closed


def test_bare_line_feeds_in_a_head_hide_no_body(attacked: RunningServer) -> None:
    """RFC 9112 (2.2) allows them as line ends; then they must be that for the length of the body too."""
    key = attacked.key.encode()
    head = b"POST /media/fetch HTTP/1.1\nHost: x\nAuthorization: Bearer %s\nContent-Length: %d\n\n" % (
        key,
        len(SMUGGLED),
    )
    answers, _ = ask(attacked.port, head + SMUGGLED + get(b"/nothing", HOST))
    assert [answer.status for answer in answers] == [422, 404]


def test_slow_heads(attacked: RunningServer) -> None:
    """A head that comes byte by byte holds its connection for a quarter of a minute, not for ever."""
    with connect(attacked.port) as connection:
        connection.settimeout(30)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        began = time.monotonic()
        assert connection.recv(100) == b""
    assert 10 < time.monotonic() - began < 25


def test_many_slow_heads_hold_up_nobody(attacked: RunningServer, owner: Client) -> None:
    slow = [connect(attacked.port) for _ in range(200)]
    for connection in slow:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
    assert owner.get("/healthz").status_code == 200
    for connection in slow:
        connection.close()


def test_pipelined_requests_are_answered_in_order(attacked: RunningServer) -> None:
    requests = [b"GET %s HTTP/1.1\r\n%s\r\n" % (path, HOST) for path in (b"/healthz", b"/nothing", b"/media")] * 20
    answers, _ = ask(attacked.port, b"".join(requests) + get(b"/healthz", HOST))
    assert [answer.status for answer in answers] == [200, 404, 401] * 20 + [200]


EVIL = b"evil.example"


@pytest.mark.parametrize("path", [b"/", b"/media", b"/media/", b"/docs", b"/docs/", b"/openapi.json", b"/nothing"])
@pytest.mark.parametrize(
    "lines",
    [
        (b"Host: " + EVIL + b"\r\n",),
        (HOST, b"X-Forwarded-Host: " + EVIL + b"\r\n", b"X-Forwarded-Proto: https\r\n"),
        (HOST, b"Forwarded: host=" + EVIL + b";proto=https\r\n"),
        (HOST, b"X-Original-URL: /metrics\r\n", b"X-Rewrite-URL: /metrics\r\n", b"X-Host: " + EVIL + b"\r\n"),
    ],
    ids=["host", "x-forwarded-host", "forwarded", "rewrites"],
)
def test_hosts_that_the_client_makes_up(attacked: RunningServer, path: bytes, lines: tuple[bytes, ...]) -> None:
    answer = one(attacked.port, get(path, *lines))
    assert EVIL.decode() not in str(answer.headers)
    assert EVIL not in answer.body
    assert b"renditor_uploads_total" not in answer.body
    assert "location" not in answer.headers


def test_a_made_up_host_is_in_no_url_of_an_upload(attacked: RunningServer, owner: Client, tmp_path) -> None:
    content = media.photo(tmp_path / "a.jpg", 40, 30).read_bytes()
    headers = owner.headers | {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil"}
    response = owner.http.post("/media/upload", content=content, headers=headers)
    assert response.status_code == 201
    assert "evil" not in response.text + str(response.headers)
    assert response.json()["url"].startswith(f"{attacked.url}/")
    assert "evil" not in owner.http.get("/media", headers=headers).text


def test_a_target_with_another_host_is_answered_here(attacked: RunningServer) -> None:
    """The absolute form is for proxies, and this is none: it asks nobody."""
    assert one(attacked.port, get(b"http://evil.example/healthz", HOST)).status == 200
    assert one(attacked.port, get(b"http://169.254.169.254/latest/meta-data/", HOST)).status == 404
    answer = one(attacked.port, get(b"http://evil.example/main/image/upload/none.jpg", HOST))
    assert (answer.status, b"evil" in answer.body) == (404, False)


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "PURGE", "get", "X" * 300])
def test_methods_that_are_not_for_here(attacked: RunningServer, method: str) -> None:
    key = b"Authorization: Bearer " + attacked.key.encode() + b"\r\n"
    request = method.encode() + b" / HTTP/1.1\r\n" + HOST + key + b"Connection: close\r\n\r\n"
    answer = one(attacked.port, request)
    assert answer.status in (400, 405)
    assert attacked.key.encode() not in answer.body


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_method_override(owner: Client, tmp_path, header: str) -> None:
    asset = owner.upload(media.photo(tmp_path / "a.jpg", 20, 20)).json()
    for method in ("GET", "POST"):
        owner.call(method, f"/media/{asset['id']}", headers={header: "DELETE"}, params={"_method": "DELETE"})
    assert owner.call("GET", f"/media/{asset['id']}").status_code == 200


def test_a_body_that_is_announced_too_large_is_not_waited_for(attacked: RunningServer) -> None:
    """413 although not a byte of it was sent, and the connection ends."""
    key = b"Authorization: Bearer " + attacked.key.encode() + b"\r\n"
    head = b"POST /media/upload HTTP/1.1\r\n" + HOST + key + b"Content-Length: 1000000000000\r\n\r\n"
    answers, _ = ask(attacked.port, head)
    assert [answer.status for answer in answers] == [413]


def test_a_body_nobody_may_send_is_not_read(attacked: RunningServer) -> None:
    """64 MiB without a key: the server cuts the sender off long before their end."""
    with connect(attacked.port) as connection:
        connection.settimeout(20)
        connection.sendall(b"POST /media/upload HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % 2**26)
        sent = 0
        try:
            while sent < 2**26:
                sent += connection.send(bytes(2**16))
        except ConnectionError:
            pass
        assert sent < 2**25
        received, _ = read(connection)
    assert received == b"" or received.startswith(b"HTTP/1.1 401 ")


def test_a_connection_that_ends_is_said_to_end(attacked: RunningServer) -> None:
    """Where the rest of a body is not read, the next request on that connection would be lost."""
    key, html = b"Authorization: Bearer %s\r\n" % attacked.key.encode(), b"<html>" + b" " * 300_000
    for line, body, status in (key, html, 415), (b"", html, 401), (b"", b"<html>", 401):
        head = b"POST /media/upload HTTP/1.1\r\n" + HOST + line + b"Content-Length: %d\r\n\r\n" % len(body)
        answers, closed = ask(attacked.port, head + body)
        assert (answers[0].status, answers[0].headers.get("connection"), closed) == (status, "close", True)
    answers, closed = ask(attacked.port, head.replace(HOST, HOST + key) + body)
    assert (answers[0].status, "connection" in answers[0].headers, closed) == (415, False, False)


def test_requests_behind_refused_bodies(attacked: RunningServer) -> None:
    with httpx.Client(base_url=attacked.url, headers={"authorization": f"Bearer {attacked.key}"}) as client:
        for _ in range(20):
            assert client.post("/media/upload", content=b"<html>" + b" " * 100_000).status_code == 415
            assert client.post("/media", content=b"x" * 1000).status_code == 405


def test_upgrades_to_other_protocols(attacked: RunningServer) -> None:
    for protocol in (b"h2c", b"websocket", b"TLS/1.0"):
        upgrade = b"Upgrade: " + protocol + b"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        answers, _ = ask(attacked.port, get(b"/healthz", HOST, upgrade))
        assert [answer.status for answer in answers] == [200]
        assert "upgrade" not in answers[0].headers


@pytest.mark.parametrize(
    "path",
    ["/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd", "/docs/%2e%2e%2fpages.py",
     "/docs/..%5cpages.py", "/main/files/%2e%2e/%2e%2e", "/main/image/upload/%252e%252e%252fpasswd",
     "/main/image/upload/..%c0%af..%c0%afpasswd", "/main/image/upload/%00passwd", "/media/%0d%0aX-Injected:%20yes",
     "/main/image/upload/%0d%0aX-Injected:%20yes.jpg", "/main/image/upload/w_1%0d%0aX-Injected:%20yes/a.jpg"],
)  # fmt: skip
def test_path_traversal_and_header_injection(attacked: RunningServer, path: str) -> None:
    answer = one(attacked.port, get(path.encode(), HOST))
    assert answer.status in (400, 401, 404)
    assert "x-injected" not in answer.headers
    assert b"root:" not in answer.body
    assert b"import " not in answer.body


def test_errors_tell_nothing_of_the_machine(attacked: RunningServer) -> None:
    key = b"Authorization: Bearer " + attacked.key.encode() + b"\r\n"
    for path in (b"/media/x", b"/media?limit=x", b"/main/image/upload/w_x/a.jpg", b"/readyz", b"/nothing"):
        answer = one(attacked.port, get(path, HOST, key))
        said = answer.body.decode() + str(answer.headers)
        assert str(attacked.data) not in said
        assert attacked.key not in said
        assert not re.search(r"Traceback|/src/|site-packages|\.py\b", said)

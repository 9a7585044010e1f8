"""The front by itself; what it does to requests on the wire is in tests/attacks/test_http.py and test_tls.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from renditor.api.front import Front
from renditor.api.proxies import TrustedProxies

Headers = list[tuple[bytes, bytes]]
HOST = (b"host", b"media.example.com")


async def passed(headers: Headers, *, hsts: int = 0, **scope: Any) -> tuple[bool, dict[str, Any], bytes]:
    """Whether a request reaches the application, the start of the response, and its body."""
    sent: list[dict[str, Any]] = []
    reached: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def send(message: Any) -> None:
        sent.append(message)

    front = Front(application, hsts, TrustedProxies([]))  # type: ignore[arg-type]
    asked = {"type": "http", "method": "GET", "scheme": "http", "http_version": "1.1", "headers": headers, **scope}
    await front(asked, None, send)  # type: ignore[arg-type]
    return bool(reached), sent[0], sent[1]["body"]


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"media.example.com:8443", b"127.0.0.1:80", b"[::1]:8000", b"[2001:db8::1]", b"a_b.example", b"x:"],
)
async def test_hosts_that_are_hosts(host: bytes) -> None:
    assert (await passed([(b"host", host)]))[0]


@pytest.mark.parametrize(
    "host", [b"", b"a b", b"a/b", b"u@a", b"a:b", b"a:123456", b"[::1", b"a,b/", b"a\\b", b"a?b", b"a#b", b"\xff"]
)
async def test_hosts_that_are_none(host: bytes) -> None:
    reached, start, body = await passed([(b"host", host)])
    assert (reached, start["status"], json.loads(body)["code"]) == (False, 400, "bad-host")
    assert {(b"connection", b"close"), (b"x-content-type-options", b"nosniff")} <= set(start["headers"])


async def test_old_clients_need_no_host() -> None:
    assert (await passed([(b"host", b"")], http_version="1"))[0]
    assert not (await passed([HOST, HOST], http_version="1"))[0]
    assert not (await passed([(b"host", b"")], http_version="2"))[0]


async def test_all_header_fields_together_have_a_limit() -> None:
    fields = [(b"x-%d" % number, b"a" * 995) for number in range(32)]
    assert (await passed([HOST, *fields]))[0]
    reached, start, body = await passed([HOST, *fields, (b"y", b"a" * 1000)])
    assert (reached, start["status"], json.loads(body)["code"]) == (False, 431, "head-too-large")


@pytest.mark.parametrize(("coding", "allowed"), [(b"chunked", True), (b"Chunked", True), (b"gzip, chunked", False)])
async def test_codings(coding: bytes, allowed: bool) -> None:
    assert (await passed([HOST, (b"transfer-encoding", coding)]))[0] is allowed


async def test_tls_is_told_of_over_tls_only_and_with_refusals_too() -> None:
    line = (b"strict-transport-security", b"max-age=100")
    for method in ("GET", "CONNECT"):
        assert line in (await passed([HOST], hsts=100, scheme="https", method=method))[1]["headers"]
        assert line not in (await passed([HOST], hsts=100, method=method))[1]["headers"]
        assert line not in (await passed([HOST], scheme="https", method=method))[1]["headers"]

"""Whose address counts where proxies stand before the server."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.api.front import Front
from renditor.api.proxies import TrustedProxies

OURS = TrustedProxies(["10.0.0.0/8", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.9", [b"1.1.1.1"], "192.0.2.9"),  # no proxy of ours: it may say what it likes
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b""], "10.0.0.1"),
        ("10.0.0.1", [b"192.0.2.9"], "192.0.2.9"),
        ("10.0.0.1", [b"1.1.1.1, 192.0.2.9"], "192.0.2.9"),  # the first was sent by the client
        ("10.0.0.1", [b"1.1.1.1", b"192.0.2.9"], "192.0.2.9"),  # the same in two lines
        ("10.0.0.1", [b"192.0.2.9, 10.0.0.2, 10.3.0.1"], "192.0.2.9"),
        ("10.0.0.1", [b"127.0.0.1, 192.0.2.9, 10.0.0.2"], "192.0.2.9"),
        ("10.0.0.1", [b"10.0.0.2,10.0.0.3"], "10.0.0.2"),
        ("10.0.0.1", [b"192.0.2.9:4711"], "192.0.2.9"),
        ("10.0.0.1", [b"[2001:db8::9]:4711"], "2001:db8::9"),
        ("2001:db8:1::1", [b"2001:db8::9"], "2001:db8::9"),
        ("::ffff:10.0.0.1", [b"192.0.2.9"], "192.0.2.9"),
        ("10.0.0.1", [b"192.0.2.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", [b"192.0.2.9, _hidden, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [b"1.1.1.1," * 5000 + b"192.0.2.9"], "192.0.2.9"),
    ],
)
def test_the_client(peer: str, forwarded: list[bytes], client: str) -> None:
    assert OURS.client(peer, forwarded) == client


@given(st.binary(max_size=200))
def test_whatever_a_client_sends_it_is_an_address(forwarded: bytes) -> None:
    found = OURS.client("10.0.0.1", [forwarded])
    assert ipaddress.ip_address(found)
    assert OURS.client("10.0.0.1", [forwarded + b", 192.0.2.9"]) == "192.0.2.9"
    assert OURS.client("192.0.2.9", [forwarded]) == "192.0.2.9"


@pytest.mark.parametrize(("proxies", "client"), [(OURS, "192.0.2.9"), (TrustedProxies([]), "10.0.0.1")])
async def test_what_passes_the_front_knows_its_client(proxies: TrustedProxies, client: str) -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"])

    headers = [
        (b"host", b"x"),
        (b"x-forwarded-for", b"192.0.2.9"),
        (b"forwarded", b"for=8.8.8.8"),
        (b"x-real-ip", b"9.9.9.9"),
    ]
    scope = {"type": "http", "method": "GET", "http_version": "1.1", "client": ("10.0.0.1", 5), "headers": headers}
    front = Front(application, 0, proxies)  # type: ignore[arg-type]
    await front(scope, None, None)  # type: ignore[arg-type]
    assert seen == [(client, 5)]

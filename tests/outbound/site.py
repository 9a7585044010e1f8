"""A web server of this machine that the client may reach, and what it answers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, Protocol

from renditor.outbound.client import OutboundClient
from renditor.outbound.settings import OutboundSettings

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


class Serve(Protocol):
    """Starts a site."""

    async def __call__(
        self, reply: Reply | bytes, *, hold: bool = False, tls: ssl.SSLContext | None = None
    ) -> Site: ...


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

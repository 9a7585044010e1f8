"""Sites to ask, stopped when a test ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest

from tests.outbound.site import Reply, Serve, Site


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

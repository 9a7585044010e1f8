"""The whole application in this process, for tests that need other settings but no other processes: five seconds of
CPU less than a server. Requests go every way but through the socket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from renditor import app, config
from renditor.api.server import ApiOptions, create
from tests.client import Client


@dataclass(frozen=True, slots=True)
class InProcess:
    """What tests want to know of a server."""

    url: str
    key: str
    data: Path


class InProcessClient(Client):
    """Asks the application itself, which lives in the event loop of ``portal``."""

    def __init__(self, server: InProcess, application: Any, portal: BlockingPortal) -> None:
        self.server = server  # type: ignore[assignment]
        self.http = httpx.Client(base_url=server.url, transport=_Transport(application, portal))
        self.headers = {"authorization": f"Bearer {server.key}"}


class _Transport(httpx.BaseTransport):
    def __init__(self, application: Any, portal: BlockingPortal) -> None:
        self._asgi = httpx.ASGITransport(application)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._portal.call(self._ask, request)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._asgi.handle_async_request(request)
        content = httpx.ByteStream(await answer.aread())
        return httpx.Response(answer.status_code, headers=answer.headers.raw, stream=content)


@contextlib.contextmanager
def in_process(
    data: Path, key: str | None = None, *, worker: bool = False, **settings: Any
) -> Iterator[InProcessClient]:
    """The application, from its start to its end. ``key``: of an earlier start; ``worker``: jobs are done, too."""
    loaded = config.load(data=data, **settings)
    first = app.first_start(loaded)
    built = app.build(loaded, "embedded")
    application = create(built.service, ApiOptions("0", loaded.base_url), {}, {}, contextlib.nullcontext)
    with start_blocking_portal() as portal:
        try:
            if worker:
                built.jobs.start_worker()
            client = InProcessClient(InProcess(loaded.base_url, first or key or "", data), application, portal)
            with client.http:
                yield client
        finally:
            portal.call(built.close)

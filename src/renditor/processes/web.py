"""The web server."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from renditor import __version__, app, config, registry
from renditor.api.front import Front
from renditor.api.health import Check
from renditor.api.proxies import TrustedProxies
from renditor.api.server import ApiOptions, create
from renditor.errors import Unavailable
from renditor.guard import announce_parent, die_with_parent
from renditor.processes.life import start
from renditor.sandbox.policy import protections

# Below this an upload would soon fail; bytes.
_LOW_DISK = 64 * 1024 * 1024
_BACKLOG = 1024
# A head sent byte by byte keeps a connection for as long as it likes (slowloris). Idle connections end after it, too.
_HEAD_MILLISECONDS = 15_000
# What of HTTP/2 one connection may ask for at once; a page of pictures has fewer. granian allows heads of 16 MiB.
_STREAMS, _H2_HEAD_BYTES = 100, 32 * 1024
# Seconds after which a silent HTTP/2 connection is asked whether it lives, and how long it has for an answer.
_H2_PING_MILLISECONDS, _H2_PONG_SECONDS = 30_000, 10
# One white pixel: `/readyz` has it decoded, so that it speaks of the whole way through the sandbox.
_SMALLEST_GIF = bytes.fromhex("47494638396101000100800000ffffff0000002c00000000010001000002024401003b")


def serve() -> None:
    """The web server: granian, which starts ``workers`` processes of ``asgi``."""
    # The worker processes do not need the server's master.
    from granian.constants import HTTPModes, Interfaces, RuntimeModes, SSLProtocols  # noqa: PLC0415
    from granian.http import HTTP1Settings, HTTP2Settings  # noqa: PLC0415
    from granian.server import Server as Granian  # noqa: PLC0415

    settings = config.load()
    announce_parent()
    # The workers are forked: what is imported before, they need not, and its memory is theirs together.
    registry.load("jobs", "dbos")
    Granian(
        "renditor.processes.web:asgi",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        # One thread for all connections of a process: a cached picture costs a third less CPU than with several.
        runtime_mode=RuntimeModes.st,
        http=HTTPModes.auto if settings.tls_cert else HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_MILLISECONDS),
        http2_settings=HTTP2Settings(
            max_concurrent_streams=_STREAMS,
            max_headers_size=_H2_HEAD_BYTES,
            keep_alive_interval=_H2_PING_MILLISECONDS,
            keep_alive_timeout=_H2_PONG_SECONDS,
        ),
        workers=settings.workers,
        backlog=_BACKLOG,
        websockets=False,
        log_access=False,
        log_level="warning",  # type: ignore[arg-type]
        respawn_failed_workers=True,
        # Open responses would keep a worker for ever otherwise.
        workers_kill_timeout=5,
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
    ).serve()


def asgi() -> Front:
    """One web worker's application."""
    die_with_parent(signal.SIGKILL)
    settings = start()
    built = app.build(settings, "web")

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        # The server waits for open responses before it says that it stops; streams of events would wait for ever.
        _when_told_to_stop(built.service.flows.watching.close)
        yield
        await built.close()

    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    options = ApiOptions(
        version=__version__,
        public_url=settings.base_url,
        docs=settings.docs,
        cors_origins=settings.cors.origins,
        metrics=settings.metrics,
        metrics_token=token,
        delivery_url=settings.delivery.url,
    )
    application = create(built.service, options, _checks(built), protections().to_json(), life)
    return Front(application, settings.hsts_seconds, TrustedProxies(settings.trusted_proxies))


def _when_told_to_stop(act: Callable[[], None]) -> None:
    """Do this, in the running loop, at the first sign of the end; whoever handled the signals before still does."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def told(signum: int, frame: FrameType | None, before: Any = before) -> None:
            loop.call_soon_threadsafe(act)
            if callable(before):
                before(signum, frame)

        signal.signal(number, told)


def _checks(built: app.App) -> dict[str, Check]:
    """What ``/readyz`` asks."""
    data = built.settings.data

    async def database() -> None:
        await built.catalog.read(lambda c: c.exec_driver_sql("SELECT 1 FROM assets LIMIT 1").first())

    async def storage() -> None:
        free = os.statvfs(data)
        if free.f_bavail * free.f_frsize < _LOW_DISK or not os.access(data / "storage", os.W_OK):
            raise Unavailable("The data folder is full or cannot be written.")

    async def decoders() -> None:
        fd = os.memfd_create("picture")
        try:
            os.write(fd, _SMALLEST_GIF)
            await built.tools.providers.images["libvips"].probe(Path(f"/proc/self/fd/{fd}"), "gif")
        finally:
            os.close(fd)

    async def tools() -> None:
        for tool in ("ffmpeg", "ffprobe", "packager"):
            built.tools.binaries.require(tool)

    return {"database": database, "storage": storage, "decoders": decoders, "tools": tools}

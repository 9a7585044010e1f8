"""The processes of a server: web, renderer, worker. ``renditor serve`` starts the supervisor, the supervisor these.

Each reads the settings anew from file and environment, and dies with its parent. Exit status 2 says that the settings
are wrong: the supervisor does not try again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from renditor import __version__, app, config, observe
from renditor.api.health import Check
from renditor.api.server import ApiOptions, Server, create
from renditor.config import Settings
from renditor.errors import BadRequest, RenditorError, Unavailable
from renditor.guard import announce_parent, die_with_parent
from renditor.sandbox.broker import serve_broker
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.policy import protections
from renditor.sandbox.pool import DecoderPool
from renditor.tools import DECODER_MODULE, renderer_socket

# Below this an upload would soon fail; bytes.
_LOW_DISK = 64 * 1024 * 1024
_BACKLOG = 1024
# One white pixel: `/readyz` has it decoded, so that it speaks of the whole way through the sandbox.
_SMALLEST_GIF = bytes.fromhex("47494638396101000100800000ffffff0000002c00000000010001000002024401003b")


def web() -> None:
    """The web server: granian, which starts ``workers`` processes of ``asgi``."""
    # The worker processes do not need the server's master.
    from granian.constants import HTTPModes, Interfaces, RuntimeModes  # noqa: PLC0415
    from granian.server import Server as Granian  # noqa: PLC0415

    settings = config.load()
    announce_parent()
    Granian(
        "renditor.processes:asgi",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        # One thread for all connections of a process: a cached picture costs a third less CPU than with several.
        runtime_mode=RuntimeModes.st,
        http=HTTPModes.auto if settings.tls_cert else HTTPModes.http1,
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
    ).serve()


def asgi() -> Server:
    """One web worker's application."""
    die_with_parent(signal.SIGKILL)
    settings = config.load()
    observe.configure_logs(settings.log.level, settings.log.format)
    built = app.build(settings, "web")

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        # The server waits for open responses before it says that it stops; streams of events would wait for ever.
        _when_told_to_stop(built.service.flows.watching.close)
        yield
        await built.close()

    options = ApiOptions(__version__, settings.base_url, settings.docs, settings.cors.origins)
    return create(built.service, options, _checks(built), protections().to_json(), life)


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


def renderer() -> None:
    """The machine's image decoders, shared by all web processes and the worker."""
    settings = _start()
    launcher = Launcher()
    launcher.start()

    async def run() -> None:
        pool = DecoderPool(launcher, DECODER_MODULE, settings.sandbox)
        await pool.start()
        try:
            await _until_stopped(serve_broker(pool, renderer_socket(settings.data)))
        finally:
            await pool.close()

    asyncio.run(run())
    launcher.close()


def worker() -> None:
    """Runs the jobs of a server, beside its renderer."""
    _work("worker")


def lone_worker() -> None:
    """Runs jobs without a server around it (``renditor worker``): with decoders of its own."""
    _work("embedded")


def _work(role: app.Role) -> None:
    settings = _start()
    built = app.build(settings, role)
    built.jobs.start_worker()

    async def run() -> None:
        await _until_stopped(asyncio.Event().wait())
        await built.close()
        # Ends here: the interpreter's own end would wait for threads whose work is given up, such as a slow disk's.
        os._exit(0)

    asyncio.run(run())


async def _until_stopped(work: object) -> None:
    """Wait for ``work`` or for SIGTERM, whatever comes first."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _start() -> Settings:
    settings = config.load()
    observe.configure_logs(settings.log.level, settings.log.format)
    return settings


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


_PROCESSES: dict[str, Callable[[], None]] = {
    "web": web,
    "renderer": renderer,
    "worker": worker,
    "lone-worker": lone_worker,
}


def main() -> None:
    """``python -m renditor.processes web|renderer|worker|lone-worker``."""
    die_with_parent(signal.SIGTERM)
    try:
        _PROCESSES[sys.argv[1]]()
    except RenditorError as error:
        hint = f" {error.hint}" if error.hint else ""
        sys.stderr.write(f"renditor: {sys.argv[1]}: {error.detail}{hint}\n")
        sys.exit(2 if isinstance(error, BadRequest) else 1)


if __name__ == "__main__":
    main()

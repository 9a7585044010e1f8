"""A real server for tests and benchmarks: ``renditor serve`` on a free port, stopped by its own process id."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from renditor import app, config

READY_SECONDS = 60
# All tests have one address, and some ask faster than anybody may: the limits are attacked on a server of their own.
UNLIMITED = {"RENDITOR_LIMITS__REQUESTS": "1000000/minute", "RENDITOR_LIMITS__ADDRESS_REQUESTS": "1000000/minute"}
STOP_SECONDS = 15


@dataclass
class RunningServer:
    """``key``: the first admin key; ``log``: all that the server wrote; ``pid``: of the supervisor."""

    url: str
    port: int
    key: str
    data: Path
    log: Path
    pid: int
    process: subprocess.Popen[bytes]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end. Returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def delivery_secret(self) -> str:
        """What signs its delivery URLs, as `renditor secrets show delivery` prints it."""
        settings = config.load(data=self.data)
        catalog = app.open_catalog(settings)
        try:
            return app.open_keyrings(settings, catalog).of_now("delivery").newest.secret.decode()
        finally:
            catalog.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def launch(data: Path, key: str | None = None, arguments: tuple[str, ...] = (), **env: str) -> RunningServer:
    """Start a server and wait until uploads would work. ``key``: one that is known already (a second start).

    With ``--tls-cert`` among the arguments it is asked as localhost, for which the certificate must be.
    """
    trusted = arguments[arguments.index("--tls-cert") + 1] if "--tls-cert" in arguments else None
    port = free_port()
    log = data.with_name(f"{data.name}-{port}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "renditor.cli", "serve", "--port", str(port), "--data", str(data), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RENDITOR_")} | UNLIMITED
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=clean | env,
            cwd=log.parent,
        )
    url = f"https://localhost:{port}" if trusted else f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, process, log, ssl.create_default_context(cafile=trusted) if trusted else None)
    except BaseException:
        process.terminate()
        process.wait(STOP_SECONDS)
        raise
    found = re.search(r"rk_[0-9a-z]{26}_[0-9a-f]{64}", log.read_text())
    return RunningServer(url, port, found[0] if found else key or "", data, log, process.pid, process)


@contextlib.contextmanager
def start_server(data: Path, arguments: tuple[str, ...] = (), **env: str) -> Iterator[RunningServer]:
    """A server for the length of a block."""
    server = launch(data, None, arguments, **env)
    try:
        yield server
    finally:
        server.stop()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path, context: ssl.SSLContext | None) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}:\n{log.read_text()}")
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{url}/readyz", timeout=5, context=context).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"the server was not ready within {READY_SECONDS} s:\n{log.read_text()}")

"""The two databases under the job engine: a SQLite file, and a private PostgreSQL server where one is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


class PostgresServer:
    """A throw-away cluster on a free port of 127.0.0.1, without durability."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        # PostgreSQL refuses to run as root; the account comes with its package.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        cluster = folder / "cluster"
        # "/" because the account need not be able to enter the folder the tests run in.
        subprocess.run(
            [binaries / "initdb", "-D", cluster, "-U", "tester", "-A", "trust", "-N", "--no-instructions"],
            user=self._user,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 200,
            "log_min_messages": "fatal",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [binaries / "postgres", "-D", cluster, *arguments], user=self._user, cwd="/", stderr=subprocess.DEVNULL
        )
        self._wait_until_ready(binaries / "pg_isready")

    def _wait_until_ready(self, pg_isready: Path) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            answer = subprocess.run([pg_isready, "-q", "-h", "127.0.0.1", "-p", str(self._port)], check=False)
            if answer.returncode == 0:
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError("the private PostgreSQL server did not start")

    def new_database(self) -> str:
        """URL of a database that does not exist yet: the engine makes it."""
        return f"postgresql://tester@127.0.0.1:{self._port}/jobs_{uuid.uuid4().hex[:8]}"

    def processes(self) -> list[psutil.Process]:
        server = psutil.Process(self._process.pid)
        return [server, *server.children()]

    def stop(self) -> None:
        # "Immediate shutdown": nothing here is worth writing down.
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=10)


def _binaries() -> Path | None:
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.environ.get("PATH", "").split(os.pathsep))]
    return next((folder for folder in folders if all((folder / n).exists() for n in ("initdb", "pg_isready"))), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed on this machine (initdb was not found)")
    folder = Path(tempfile.mkdtemp(prefix="renditor-postgres-"))
    server = PostgresServer(binaries, folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """A new job database: None is the SQLite default."""
    if request.param == "sqlite":
        return None
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()

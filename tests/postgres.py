"""A private PostgreSQL server for tests, where one is installed (``.ci/setup-postgres``)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

import psutil
import psycopg
from psycopg import sql


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

    def new_database(self, *, create: bool = False) -> str:
        """URL of a database of its own; unless ``create``, it does not exist yet (the job engine makes its own)."""
        name = f"test_{uuid.uuid4().hex[:8]}"
        server = f"postgresql://tester@127.0.0.1:{self._port}"
        if create:
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"{server}/{name}"

    def processes(self) -> list[psutil.Process]:
        server = psutil.Process(self._process.pid)
        return [server, *server.children()]

    def stop(self) -> None:
        # "Immediate shutdown": nothing here is worth writing down.
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=10)


def find_binaries() -> Path | None:
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.environ.get("PATH", "").split(os.pathsep))]
    return next((folder for folder in folders if all((folder / n).exists() for n in ("initdb", "pg_isready"))), None)

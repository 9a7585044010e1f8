"""Fixtures shared by all tests."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.postgres import PostgresServer, find_binaries
from tests.server import RunningServer, start_server


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Asked only where tests run in several processes."""
    from tests.scheduling import ByFile  # noqa: PLC0415 - xdist may be absent, or switched off

    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def _usual_signals() -> None:
    """Shells have what they start in the background ignore these, and ``nohup`` too: all that the tests start would.

    A handler, other than ignoring, is not handed on.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """The folder of sample media beside the project; tests that want it are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "media"
    if not folder.is_dir():
        pytest.skip("the folder of sample media is not on this machine")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data about other systems beside the project; tests that want it are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of shared data is not on this machine")
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests of a worker process. Each test makes a key of its own where it counts or lists."""
    with start_server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def client(server: RunningServer) -> Iterator[Client]:
    """A client with the admin key, which no upload limit holds up."""
    made = Client(server)
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed on this machine: run .ci/setup-postgres")
    folder = Path(tempfile.mkdtemp(prefix="renditor-postgres-"))
    server = PostgresServer(binaries, folder)
    yield server
    server.stop()
    shutil.rmtree(folder)

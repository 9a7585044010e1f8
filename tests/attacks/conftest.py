"""One server for all attacks of a test process, with something to steal and something to break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Client
from tests.sandbox.conftest import launcher, make_pool
from tests.server import RunningServer, start_server

__all__ = ["launcher", "make_pool"]

# In the environment of the server, as a password would be: no program it starts may see it.
SECRET = "canary-5f0c9a7e41"
ENVIRONMENT = {
    "RENDITOR_CORS__ORIGINS": '["https://app.example.com"]',
    "RENDITOR_IMAGES__SVG": "true",
    # A step that a file makes endless ends within seconds.
    "RENDITOR_FFMPEG__TIMEOUT_FLOOR": "20",
    "RENDITOR_FFMPEG__TIMEOUT_FACTOR": "1",
    "RENDITOR_FFMPEG__TIMEOUT_CEILING": "40",
    # All attackers have one address here. The limit itself is attacked on a server of its own.
    "RENDITOR_ACCESS__FAILED_LOGINS": "100000/minute",
    "AWS_SECRET_ACCESS_KEY": SECRET,
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All attacks in one process of a parallel run: they share the server."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("attacks"))


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start_server(tmp_path_factory.mktemp("attacked") / "data", (), **ENVIRONMENT) as running:
        yield running


@pytest.fixture(scope="session")
def owner(attacked: RunningServer) -> Iterator[Client]:
    """Somebody with a valid key, whose files are hostile."""
    made = Client(attacked)
    yield made
    made.close()

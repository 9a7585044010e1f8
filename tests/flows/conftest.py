from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client import Client


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is true; fail after 20 s (the contract's limit for an emptied store)."""

    def wait(condition: Callable[[], bool], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true in time"
            time.sleep(0.2)

    return wait


def stored_files(data: Path) -> set[Path]:
    """Everything kept for assets: objects, uploads on their way in, job folders."""
    rooms = [data / name for name in ("storage", "spool", "work")]
    return {path for room in rooms for path in room.rglob("*") if path.is_file()}


def media_count(client: Client) -> int:
    return len(client.call("GET", "/media", params={"limit": 100}).json()["items"])


@contextmanager
def left_as_it_was(client: Client, eventually: Callable[[Callable[[], bool]], None]) -> Iterator[None]:
    """What is done meanwhile leaves no asset and no file behind."""
    files, assets = stored_files(client.server.data), media_count(client)
    yield
    assert media_count(client) == assets
    eventually(lambda: stored_files(client.server.data) <= files)

"""Cancelling in every stage of a job: nothing goes on, and nothing stays but the original."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from renditor.testing import media
from tests.client import Client
from tests.server import RunningServer, start_server

SECONDS = 60
# Programs are killed within a second; the rest is for a machine that is busy with other tests.
SOON = 5


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with start_server(tmp_path_factory.mktemp("cancel") / "data") as server:
        made = Client(server)
        yield made
        made.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.video(tmp_path_factory.mktemp("film") / "film.mp4", "320x180", 8)


def programs(server: RunningServer) -> list[str]:
    found = []
    for process in psutil.Process(server.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(name in process.name() for name in ("ffmpeg", "ffprobe", "packager")):
                found.append(process.name())
    return found


def stages_of(client: Client, film: Path) -> list[str]:
    """All stages of a job, in their order, as they can be seen."""
    media_id = client.upload(film).json()["id"]
    seen: list[str] = []
    end = time.monotonic() + SECONDS
    while (state := client.call("GET", f"/media/{media_id}/status").json())["status"] == "processing":
        if state["stage"] and state["stage"] not in seen:
            seen.append(state["stage"])
        assert time.monotonic() < end
        time.sleep(0.02)
    assert state["status"] == "completed", state
    client.call("DELETE", f"/media/{media_id}")
    return seen


def test_in_every_stage(client: Client, film: Path, eventually: Callable[..., None]) -> None:
    stages = stages_of(client, film)
    assert len(stages) >= 2
    for stage in stages:
        media_id = client.upload(film).json()["id"]
        end = time.monotonic() + SECONDS
        while (state := client.call("GET", f"/media/{media_id}/status").json())["stage"] != stage:
            if state["status"] != "processing":
                break  # it was too quick for us this time
            assert time.monotonic() < end
            time.sleep(0.02)
        cancelled = client.call("POST", f"/media/{media_id}/cancel")
        if cancelled.status_code == 202:
            assert cancelled.json()["status"] == "cancelled"
            eventually(lambda: not programs(client.server), SOON)
            eventually(lambda: not list((client.server.data / "work").iterdir()), SOON)
            asset = client.call("GET", f"/media/{media_id}").json()
            assert (asset["status"], asset["renditions"], asset["url"]) == ("cancelled", [], None)
            assert client.call("GET", f"/media/{media_id}/original").status_code == 200
        client.call("DELETE", f"/media/{media_id}")
    storage = client.server.data / "storage"
    eventually(lambda: not [path for path in storage.rglob("*") if path.is_file()], 30)


def test_while_it_waits_for_its_turn(client: Client, film: Path, tmp_path: Path) -> None:
    """More jobs than run at once: the last one has not begun."""
    long = media.long_video(tmp_path / "long.mp4")
    ids = [client.upload(path).json()["id"] for path in (long, long, film)]
    assert client.call("POST", f"/media/{ids[2]}/cancel").status_code == 202
    assert client.call("GET", f"/media/{ids[2]}/status").json()["status"] == "cancelled"
    for media_id in ids:
        client.call("DELETE", f"/media/{media_id}")

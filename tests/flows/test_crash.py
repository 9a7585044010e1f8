"""What a crash may not do: lose a job, do it twice, or leave a process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from renditor.testing import media
from tests.client import Client
from tests.server import RunningServer, launch

# Processes with sockets and database connections need a moment to be gone after SIGKILL.
GONE_SECONDS = 10


def family(server: RunningServer) -> list[psutil.Process]:
    """All processes of a server, however they are parented: they carry its data folder, or are below one that does."""
    found = {psutil.Process(server.pid)}
    found |= set(psutil.Process(server.pid).children(recursive=True))
    return list(found)


def alive(processes: list[psutil.Process]) -> list[str]:
    left = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(f"{process.pid} {' '.join(process.cmdline())[:100]}")
    return left


def wait_until_gone(processes: list[psutil.Process]) -> None:
    end = time.monotonic() + GONE_SECONDS
    while left := alive(processes):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def encoders(server: RunningServer) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(server.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "ffmpeg" in process.name() and "-progress" in process.cmdline():
                found.append(process)
    return found


def start_long_job(server: RunningServer, folder: Path) -> tuple[Client, str]:
    """A video whose encoder is running."""
    client = Client(server)
    media_id = client.upload(media.long_video(folder / "long.mp4", "640x360", 20)).json()["id"]
    end = time.monotonic() + 60
    while not encoders(server) or client.call("GET", f"/media/{media_id}/status").json()["progress"] < 5:
        assert time.monotonic() < end, "the encoder did not start"
        time.sleep(0.02)
    return client, media_id


@pytest.fixture
def running(tmp_path: Path):
    server = launch(tmp_path / "data")
    yield server
    server.stop()


def test_kill_everything_in_the_middle_of_a_video(
    running: RunningServer, tmp_path: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    client, media_id = start_long_job(running, tmp_path)
    processes = family(running)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    running.process.wait()
    wait_until_gone(processes)
    client.close()

    again = launch(running.data, running.key)  # on another port
    try:
        client = Client(again)
        asset = client.done(media_id)
        assert asset["status"] == "completed", asset["error"]
        assert {item["kind"] for item in asset["renditions"]} == {"hls", "mp4", "poster", "storyboard", "preview"}
        assert client.get(asset["hls_url"]).status_code == 200
        folders = {path.parent.name for path in (running.data / "storage" / "sets").glob("*/*/*")}
        assert folders == {item["id"] for item in asset["renditions"]}
        # What is published shows a moment before the job has cleared up behind itself.
        eventually(lambda: not list((running.data / "work").iterdir()))
        assert encoders(again) == []
    finally:
        client.close()
        again.stop()


def test_kill_the_parent_alone(running: RunningServer, tmp_path: Path) -> None:
    client, _ = start_long_job(running, tmp_path)
    client.close()
    processes = family(running)
    assert len(processes) >= 8
    os.kill(running.pid, signal.SIGKILL)
    running.process.wait()
    wait_until_gone(processes)


def test_kill_the_worker_alone(running: RunningServer, tmp_path: Path) -> None:
    client, media_id = start_long_job(running, tmp_path)
    worker = next(child for child in psutil.Process(running.pid).children() if "worker" in child.cmdline())
    below = worker.children(recursive=True)
    worker.kill()
    wait_until_gone(below)
    asset = client.done(media_id)
    assert asset["status"] == "completed", asset["error"]
    client.close()


def test_sigterm_stops_everything_in_order(running: RunningServer, tmp_path: Path) -> None:
    client, media_id = start_long_job(running, tmp_path)
    client.close()
    processes = family(running)
    began = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - began < 10
    assert alive(processes) == []
    again = launch(running.data, running.key)
    try:
        client = Client(again)
        assert client.done(media_id)["status"] == "completed"
        client.close()
    finally:
        again.stop()

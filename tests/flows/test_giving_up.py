"""A job that kills its worker is given up; the worker, and the jobs beside it, are not."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from renditor.testing import media
from tests.client import Client
from tests.flows.test_crash import encoders
from tests.server import RunningServer, start_server

SECONDS = 60


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with start_server(tmp_path / "data") as server:
        made = Client(server)
        yield made
        made.close()


def worker(server: RunningServer) -> psutil.Process | None:
    for process in psutil.Process(server.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.cmdline()[-2:] == ["renditor.processes", "worker"]:
                return process
    return None


def encoding(server: RunningServer, name: str) -> bool:
    """Whether an encoder works for this job: its folder has the job's name."""
    for process in encoders(server):
        with contextlib.suppress(psutil.NoSuchProcess):
            if name in process.cwd():
                return True
    return False


def status(client: Client, asset_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.call("GET", f"/media/{asset_id}/status").json()
    return found


def kill_worker_while(client: Client, asset_id: str, job: str) -> None:
    """Kill -9 the worker in the middle of an encode, as a file does that makes it take all memory."""
    end = time.monotonic() + SECONDS
    while not encoding(client.server, job) or status(client, asset_id)["stage"] != "encoding":
        assert time.monotonic() < end, "the encoder did not start"
        time.sleep(0.02)
    process = worker(client.server)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)


def job_of(client: Client, asset_id: str) -> str:
    """The id of the job, from the name of its folder."""
    end = time.monotonic() + SECONDS
    known = {path.name for path in (client.server.data / "work").iterdir()}
    while not known:
        assert time.monotonic() < end, asset_id
        time.sleep(0.02)
        known = {path.name for path in (client.server.data / "work").iterdir()}
    (name,) = known
    return name.partition("-")[0]


def test_a_job_that_kills_its_worker_three_times(client: Client, tmp_path: Path) -> None:
    asset_id = client.upload(media.long_video(tmp_path / "long.mp4")).json()["id"]
    job = job_of(client, asset_id)
    seen = []
    for _ in range(3):
        kill_worker_while(client, asset_id, job)
        seen.append(status(client, asset_id))
    asset = client.done(asset_id, SECONDS)
    assert (asset["status"], asset["error"]["code"]) == ("failed", "gave-up")
    assert "3 times" in asset["error"]["detail"]
    assert "'encoding'" in asset["error"]["detail"]
    assert all(state["status"] == "processing" for state in seen)
    percents = [state["progress"] for state in seen] + [asset["progress"]]
    assert percents == sorted(percents)
    # The worker takes other jobs, and nothing of this one is left.
    song = client.done(client.upload(media.song(tmp_path / "song.mp3", 1)).json()["id"])
    assert song["status"] == "completed"
    assert not encoders(client.server)
    assert not list((client.server.data / "work").iterdir())


def kill_encoder(client: Client, job: str) -> None:
    end = time.monotonic() + SECONDS
    while not encoding(client.server, job):
        assert time.monotonic() < end, "the encoder did not start"
        time.sleep(0.02)
    for process in encoders(client.server):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(10)


def test_an_encoder_that_is_killed_from_outside(client: Client, tmp_path: Path) -> None:
    """As the kernel does when memory is short: another attempt may have more of it."""
    film = media.long_video(tmp_path / "film.mp4", "640x360", 12)
    once = client.upload(film).json()["id"]
    kill_encoder(client, job_of(client, once))
    asset = client.done(once, SECONDS)
    assert asset["status"] == "completed", asset["error"]
    always = client.upload(film).json()["id"]
    job = job_of(client, always)
    for _ in range(3):
        kill_encoder(client, job)
    asset = client.done(always, SECONDS)
    assert (asset["status"], asset["error"]["code"]) == ("failed", "tool-killed")
    assert asset["renditions"] == []

"""Workers as real processes: killed, stopped, hung and restarted. The contract of the port under the worst."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psutil
import pytest

from renditor.jobs.base import JobSettings
from renditor.jobs.dbos import DbosEngine
from renditor.jobs.dbos.liveness import FENCE_EXIT
from tests.postgres import PostgresServer

from .worker_program import start, work


class Site:
    """A data folder, its job database, its worker processes and the journal they write. This process only asks."""

    def __init__(self, database_url: str | None, folder: Path) -> None:
        self.folder = folder
        self.settings = JobSettings(
            database_url=database_url,
            concurrency=2,
            poll_seconds=0.2,
            beat_seconds=0.4,
            dead_after_seconds=2,
            max_attempts=3,
        )
        self.engine = DbosEngine(self.settings, folder)
        self.workers: list[ForkServerProcess] = []

    async def start_worker(self, **settings: Any) -> ForkServerProcess:
        chosen = self.settings.model_copy(update=settings)
        worker = start(work, chosen.model_dump_json(), self.folder)
        self.workers.append(worker)
        await self.until(lambda: worker.pid in self.pids("ready") or not worker.is_alive())
        return worker

    async def exit_status(self, worker: ForkServerProcess, within: float = 8) -> int | None:
        """Negative: the signal it died of."""
        await self.until(lambda: not worker.is_alive(), within)
        return worker.exitcode

    def journal(self, event: str, job_id: str | None = None) -> list[dict[str, Any]]:
        path = self.folder / "journal"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        entries = [json.loads(line) for line in lines]
        return [entry for entry in entries if entry["event"] == event and job_id in {None, entry["job"]}]

    def pids(self, event: str, job_id: str | None = None) -> list[int | None]:
        return [entry["pid"] for entry in self.journal(event, job_id)]

    async def until(self, condition: Callable[[], bool], within: float = 10) -> None:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - other processes make it true
                await asyncio.sleep(0.02)

    async def ended(self, *job_ids: str, within: float = 15) -> list[str]:
        async with asyncio.timeout(within):
            while True:
                states = [await self.engine.status(job_id) for job_id in job_ids]
                if all(state and state.state not in {"queued", "running"} for state in states):
                    return [state.state for state in states if state]
                await asyncio.sleep(0.05)

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.join()
        self.engine.stop()


@pytest.fixture
async def site(database_url: str | None, tmp_path: Path) -> AsyncIterator[Site]:
    url = f"{database_url}_{os.urandom(4).hex()}" if database_url else None
    site = Site(url, tmp_path)
    yield site
    site.close()


async def test_the_jobs_of_a_killed_worker_are_done_once_by_another(site: Site) -> None:
    await asyncio.gather(site.start_worker(), site.start_worker())
    jobs = [f"job-{number}" for number in range(4)]
    for job in jobs:
        await site.engine.enqueue("write", job, {"seconds": 1})
    await site.until(lambda: len(site.pids("begin")) == 4)
    # Two slots each: the queue is shared.
    assert {site.pids("begin").count(worker.pid) for worker in site.workers} == {2}
    victim = site.workers[0]
    lost = [entry["job"] for entry in site.journal("begin") if entry["pid"] == victim.pid]
    victim.kill()
    killed = time.time()
    assert await site.ended(*jobs) == ["completed"] * 4
    for job in jobs:
        assert len(site.journal("end", job)) == 1
        assert len(site.journal("prepared", job)) == 1, "a finished step is not repeated"
        assert (site.folder / f"{job}.out").read_text(encoding="ascii") == "made"
        state = await site.engine.status(job)
        assert state is not None
        assert state.attempts == (2 if job in lost else 1)
    survivor = site.workers[1].pid
    redone = [entry["at"] - killed for job in lost for entry in site.journal("begin", job) if entry["pid"] == survivor]
    # Waiting for a free slot (1 s) included; the heartbeat alone would need 2 s more.
    assert max(redone) < 2.5


async def test_a_worker_started_anew_resumes_at_once(site: Site) -> None:
    victim = await site.start_worker(dead_after_seconds=60)
    await site.engine.enqueue("write", "job", {"seconds": 1})
    await site.engine.enqueue("tree", "tree", {"seconds": 1, "parts": 2})
    await site.until(lambda: len(site.pids("begin")) == 3)
    victim.kill()
    victim.join()
    await site.start_worker(dead_after_seconds=60)
    ready = site.journal("ready")[-1]["at"]
    assert await site.ended("job", "tree") == ["completed", "completed"]
    assert site.journal("begin", "job")[-1]["at"] - ready < 1.5
    assert len(site.journal("end")) == 3


async def test_cancelling_from_another_process(site: Site) -> None:
    worker = await site.start_worker(concurrency=1)
    await site.engine.enqueue("write", "running", {"seconds": 60})
    await site.until(lambda: bool(site.journal("begin", "running")))
    await site.engine.enqueue("write", "waiting", {"seconds": 60})
    await site.engine.cancel("waiting")
    asked = time.time()
    await site.engine.cancel("running")
    await site.until(lambda: bool(site.journal("interrupted", "running")))
    assert site.journal("interrupted", "running")[0]["at"] - asked < 1.5
    assert await site.ended("running", "waiting") == ["cancelled", "cancelled"]
    await site.engine.enqueue("write", "next", {"seconds": 0})
    assert await site.ended("next") == ["completed"]
    assert not site.journal("prepared", "waiting")
    assert worker.is_alive()


async def test_a_job_that_keeps_killing_its_worker_is_given_up(site: Site) -> None:
    await site.engine.enqueue("poison", "poison", {})
    for _ in range(3):
        worker = await site.start_worker()
        assert await site.exit_status(worker) == -signal.SIGKILL
    await site.start_worker()
    assert await site.ended("poison") == ["failed"]
    state = await site.engine.status("poison")
    assert state is not None
    assert state.attempts == 3
    assert state.error == "Processing was begun 3 times, never came to an end, and was given up."
    assert [job.id for job in await site.engine.list("failed")] == ["poison"]
    await site.engine.cancel("poison")
    assert await site.ended("poison") == ["failed"]


async def test_a_worker_that_stood_still_too_long_ends_itself(site: Site) -> None:
    frozen = await site.start_worker()
    await site.engine.enqueue("write", "job", {"seconds": 1})
    await site.until(lambda: bool(site.journal("begin", "job")))
    os.kill(frozen.pid or 0, signal.SIGSTOP)
    await site.start_worker()
    assert await site.ended("job") == ["completed"]
    assert [pid == frozen.pid for pid in site.pids("end", "job")] == [False]
    os.kill(frozen.pid or 0, signal.SIGCONT)
    assert await site.exit_status(frozen) == FENCE_EXIT


async def test_a_stopped_worker_hands_over_its_jobs(site: Site) -> None:
    first = await site.start_worker()
    await site.engine.enqueue("write", "job", {"seconds": 1})
    await site.until(lambda: bool(site.journal("begin", "job")))
    asked = time.monotonic()
    first.terminate()
    assert await site.exit_status(first) == 0
    assert time.monotonic() - asked < 2
    assert site.pids("interrupted", "job") == [first.pid]
    state = await site.engine.status("job")
    assert state is not None
    assert state.state == "running", "stopping a worker is no outcome of its jobs"
    assert not list((site.folder / "workers").iterdir())
    await site.start_worker()
    assert await site.ended("job") == ["completed"]


@pytest.mark.parametrize("database_url", [None], ids=["sqlite"])
@pytest.mark.parametrize("job", ["stubborn", "blocking"])
async def test_a_step_that_cannot_be_interrupted_does_not_keep_its_worker(
    site: Site, database_url: str | None, job: str
) -> None:
    first = await site.start_worker(dead_after_seconds=60)
    await site.engine.enqueue(job, "job", {"seconds": 6})
    await site.until(lambda: bool(site.journal("begin", "job")))
    first.terminate()
    assert await site.exit_status(first, within=4) == 0
    await site.start_worker(dead_after_seconds=60)
    await site.until(lambda: len(site.journal("begin", "job")) == 2, within=2)


@pytest.mark.parametrize("database_url", [None], ids=["sqlite"])
async def test_a_worker_that_stood_still_alone_goes_on(site: Site, database_url: str | None) -> None:
    """A laptop that slept, a process stopped by hand: nobody took over, so there is nothing to fence."""
    worker = await site.start_worker(dead_after_seconds=2)
    os.kill(worker.pid or 0, signal.SIGSTOP)
    await asyncio.sleep(2.5)
    os.kill(worker.pid or 0, signal.SIGCONT)
    await site.engine.enqueue("write", "job", {"seconds": 0})
    assert await site.ended("job") == ["completed"]
    assert worker.is_alive()


@pytest.mark.parametrize("database_url", [None], ids=["sqlite"])
async def test_processes_that_start_together_on_a_new_folder(site: Site, database_url: str | None) -> None:
    await asyncio.gather(*(site.start_worker() for _ in range(3)), site.engine.enqueue("write", "job", {"seconds": 0}))
    assert await site.ended("job") == ["completed"]
    assert all(worker.is_alive() for worker in site.workers)


async def test_a_worker_that_lost_its_database_ends_itself(tmp_path: Path, postgres_server: PostgresServer) -> None:
    site = Site(postgres_server.new_database(), tmp_path)
    try:
        worker = await site.start_worker()
        frozen: list[psutil.Process] = postgres_server.processes()
        try:
            for process in frozen:
                process.suspend()
            assert await site.exit_status(worker) == FENCE_EXIT
        finally:
            for process in frozen:
                process.resume()
    finally:
        site.close()

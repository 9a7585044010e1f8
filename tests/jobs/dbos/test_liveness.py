"""Who is alive: beats, locks, sweeps and the race between a beat and being declared dead."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from renditor.jobs.base import JobSettings
from renditor.jobs.dbos.database import address
from renditor.jobs.dbos.liveness import FENCE_EXIT, Liveness, WorkerLock, machine_id

from .worker_program import start

SETTINGS = JobSettings(beat_seconds=0.1, dead_after_seconds=0.5)


class Machine:
    """Workers that see each other's locks, and the jobs they own."""

    def __init__(self, url: sa.URL, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.owners: set[str] = set()
        self.recovered: list[str] = []
        self.workers: list[Liveness] = []

    def worker(self) -> Liveness:
        worker = Liveness(self.url, self.folder, SETTINGS, owners=lambda: self.owners, recover=self.recovered.extend)
        worker.enter()
        self.workers.append(worker)
        self.owners.add(worker.worker)
        return worker

    def rows(self) -> set[str]:
        engine = sa.create_engine(self.url)
        with engine.connect() as connection:
            found = set(connection.execute(sa.text("SELECT id FROM job_workers")).scalars())
        engine.dispose()
        return found


@pytest.fixture(scope="module")
def database(database_url: str | None, tmp_path_factory: pytest.TempPathFactory) -> sa.URL:
    url = address(database_url, tmp_path_factory.mktemp("data"))
    if url.get_backend_name() == "postgresql":
        server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{url.database}"'))
        server.dispose()
    return url


@pytest.fixture
def machine(database: sa.URL, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(database, tmp_path / "workers")
    yield machine
    for worker in machine.workers:
        worker.halt()
        worker.leave()
    assert machine.rows() == set()


def die(worker: Liveness) -> None:
    """As the kernel does it for a killed process: the lock goes, file and row stay."""
    descriptor = worker._lock._descriptor
    assert descriptor is not None
    os.close(descriptor)
    worker._lock._descriptor = None


def test_a_living_worker_is_left_alone(machine: Machine) -> None:
    alive, sweeper = machine.worker(), machine.worker()
    assert sweeper.sweep() == []
    assert machine.rows() == {alive.worker, sweeper.worker}


def test_a_dead_process_on_this_machine_is_known_at_once(machine: Machine) -> None:
    dead, sweeper = machine.worker(), machine.worker()
    die(dead)
    assert sweeper.sweep() == [dead.worker]
    assert machine.recovered == [dead.worker]
    assert machine.rows() == {sweeper.worker}
    assert list(machine.folder.iterdir()) == [machine.folder / f"{sweeper.worker}.lock"]


def test_a_beat_unseen_before_death_does_not_save_the_dead(machine: Machine) -> None:
    dead, sweeper = machine.worker(), machine.worker()
    sweeper.sweep()
    dead._beat()
    die(dead)
    assert sweeper.sweep() == [dead.worker]


def test_silence_is_death_where_no_lock_tells(machine: Machine) -> None:
    """A worker stopped by a signal keeps its lock; one on another machine has none that is visible here."""
    silent, sweeper = machine.worker(), machine.worker()
    assert sweeper.sweep() == []
    time.sleep(SETTINGS.dead_after_seconds / 2)
    silent._beat()
    assert sweeper.sweep() == []
    time.sleep(SETTINGS.dead_after_seconds * 0.7)
    assert sweeper.sweep() == [], "the beat in between has to count"
    time.sleep(SETTINGS.dead_after_seconds * 0.5)
    assert sweeper.sweep() == [silent.worker]


def test_an_owner_without_a_row_has_stopped(machine: Machine) -> None:
    stopped, sweeper = machine.worker(), machine.worker()
    stopped.halt()
    stopped.leave()
    assert sweeper.sweep() == [stopped.worker]
    machine.owners.discard(stopped.worker)
    assert sweeper.sweep() == []


def test_a_worker_that_still_runs_something_keeps_row_and_lock(machine: Machine) -> None:
    stubborn, sweeper = machine.worker(), machine.worker()
    stubborn.halt()
    stubborn.leave(finished=False)
    assert sweeper.sweep() == []
    assert stubborn.worker in machine.rows()
    die(stubborn)
    assert sweeper.sweep() == [stubborn.worker]


def test_the_first_sweep_comes_with_the_watch(machine: Machine) -> None:
    dead, sweeper = machine.worker(), machine.worker()
    die(dead)
    sweeper.watch()
    deadline = time.monotonic() + 2
    while machine.recovered != [dead.worker]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_failed_recovery_is_repeated_by_the_next_sweep(machine: Machine) -> None:
    dead, sweeper = machine.worker(), machine.worker()
    die(dead)

    def fail(workers: list[str]) -> None:
        raise RuntimeError

    sweeper._recover = fail
    with pytest.raises(RuntimeError):
        sweeper.sweep()
    sweeper._recover = machine.recovered.extend
    assert sweeper.sweep() == [dead.worker]


def test_locks_without_effect_are_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems grant every lock: such a lock must not declare the living dead."""
    monkeypatch.setattr("renditor.jobs.dbos.liveness.fcntl.flock", lambda *_: None)
    lock = WorkerLock(tmp_path, "a")
    lock.hold()
    assert not lock.abandoned()
    assert list(tmp_path.iterdir()) == []


def hold_lock_and_start_a_program(folder: Path) -> None:
    WorkerLock(folder, "a").hold()
    sleeper = subprocess.Popen(["sleep", "60"])
    (folder / "sleeper.new").write_text(str(sleeper.pid), encoding="ascii")
    (folder / "sleeper.new").rename(folder / "sleeper")
    time.sleep(60)


def test_a_lock_goes_with_its_process_even_if_a_program_it_started_lives_on(tmp_path: Path) -> None:
    holder = start(hold_lock_and_start_a_program, tmp_path)
    sleeper = int(until_written(tmp_path / "sleeper"))
    lock = WorkerLock(tmp_path, "a")
    assert not lock.abandoned()
    holder.kill()
    holder.join()
    assert lock.abandoned()
    assert not lock.abandoned(), "the answer is given once"
    os.kill(sleeper, signal.SIGKILL)


def test_the_machine_is_the_running_kernel() -> None:
    assert machine_id() == machine_id() != ""


def watch_and_wait(url: str, folder: Path, hang: bool) -> None:
    logging.basicConfig(filename=folder / "log", force=True)
    worker = Liveness(
        sa.make_url(url),
        folder,
        JobSettings(beat_seconds=0.1, dead_after_seconds=1),
        owners=set,
        recover=lambda _: None,
    )
    worker.enter()
    if hang:
        worker._beat = lambda: time.sleep(60)  # type: ignore[method-assign]
    worker.watch()
    (folder / "ready").write_text("yes", encoding="ascii")
    time.sleep(60)


def until_written(path: Path) -> str:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return path.read_text(encoding="ascii")


def test_a_worker_declared_dead_ends_itself(machine: Machine) -> None:
    machine.folder.mkdir()
    fenced = start(watch_and_wait, machine.url.render_as_string(hide_password=False), machine.folder, False)
    until_written(machine.folder / "ready")
    engine = sa.create_engine(machine.url)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM job_workers"))
    engine.dispose()
    fenced.join(timeout=5)
    assert fenced.exitcode == FENCE_EXIT
    assert "another worker has declared this one dead" in (machine.folder / "log").read_text(encoding="utf-8")


def test_a_worker_whose_beat_hangs_ends_itself_before_others_may_act(machine: Machine) -> None:
    machine.folder.mkdir()
    fenced = start(watch_and_wait, machine.url.render_as_string(hide_password=False), machine.folder, True)
    until_written(machine.folder / "ready")
    begun = time.monotonic()
    fenced.join(timeout=5)
    assert fenced.exitcode == FENCE_EXIT
    assert time.monotonic() - begun < 1.5
    assert machine.worker().sweep() == machine.recovered != []
    assert "has not answered in time" in (machine.folder / "log").read_text(encoding="utf-8")

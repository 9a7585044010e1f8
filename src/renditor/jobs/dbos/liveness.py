"""Which workers are alive: heartbeats, locks, sweeps and the self-fence.

The job database says who runs a job; it does not say whether that worker still lives. This does, without trusting any
clock but the local monotonic one:

- Each worker counts up a number in its own row (the beat). A row that stands still for ``dead_after_seconds``, seen by
  another worker, is dead. On one machine a lock on a file tells sooner: the kernel drops it the moment its holder dies.
- Declaring a worker dead deletes its row, on condition that the number is still the one seen. Beating updates the row,
  on condition that it exists. So the database decides a race, and the loser learns of it at its next beat.
- A worker whose row is gone, or that could not reach the database for most of ``dead_after_seconds``, must assume that
  its jobs run elsewhere: it ends itself at once (the fence). Its children die with it.

All this runs in threads of its own: a busy event loop must not look like death.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from renditor.jobs.base import JobSettings

log = logging.getLogger(__name__)

FENCE_EXIT: Final = 75
"""Exit status of a worker that ended itself: EX_TEMPFAIL of sysexits.h, "try again"."""
FENCE_SHARE: Final = 0.8
"""Part of ``dead_after_seconds`` without a confirmed beat after which a worker fences itself: before others may act."""

_TABLE: Final = sa.Table(
    "job_workers",
    sa.MetaData(),
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("machine", sa.String(200), nullable=False),
    sa.Column("beats", sa.BigInteger, nullable=False),
)


def machine_id() -> str:
    """The running kernel: containers on one machine share it, and with it the meaning of a lock on a shared folder."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return socket.gethostname()


class WorkerLock:
    """A file in ``folder`` that stays locked exactly as long as the process that holds it lives.

    The descriptor is not inherited by programs it starts; a plain ``fork`` without ``exec`` would share the lock.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        self._path = folder / f"{worker}.lock"
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Take the lock; without effect where the file system has no working locks (heartbeats alone decide then)."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if _lock(descriptor) and not self._can_be_taken_again():
            self._descriptor = descriptor
            return
        os.close(descriptor)
        self._path.unlink(missing_ok=True)
        log.warning("file locks do not work in the folder of workers: a dead worker is noticed by its heartbeat only")

    def _can_be_taken_again(self) -> bool:
        """Network file systems may grant every lock to everybody: such a lock would declare the living dead."""
        second = os.open(self._path, os.O_RDWR)
        try:
            return _lock(second)
        finally:
            os.close(second)

    def release(self) -> None:
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def abandoned(self) -> bool:
        """Whether the file exists and nobody holds it any more. Removes it then: the answer is given once."""
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except OSError:
            return False
        try:
            if not _lock(descriptor):
                return False
            self._path.unlink(missing_ok=True)
            return True
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Liveness:
    """This worker's heartbeat, and its watch over the others.

    Args:
        url: the job database, as SQLAlchemy understands it.
        folder: where the locks of this machine's workers are; shared by all workers that share a data folder.
        owners: the workers that own running jobs (called in the heartbeat thread).
        recover: gives the jobs of dead workers back to the queue; must be safe to call twice.
    """

    def __init__(
        self,
        url: sa.URL,
        folder: Path,
        settings: JobSettings,
        *,
        owners: Callable[[], Collection[str]],
        recover: Callable[[list[str]], None],
    ) -> None:
        self.worker = f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
        self._machine = machine_id()
        self._folder = folder
        self._settings = settings
        self._owners = owners
        self._recover = recover
        self._engine = sa.create_engine(url, pool_size=1, max_overflow=1, pool_pre_ping=True, connect_args=_quick(url))
        # SQLite serves one machine by definition, so its locks count even after that machine was started anew.
        self._one_machine = url.get_backend_name() == "sqlite"
        self._lock = WorkerLock(folder, self.worker)
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._confirmed = time.monotonic()
        self._seen: dict[str, tuple[int, float]] = {}

    def enter(self) -> None:
        """Take the lock and write the row: before the first job is taken, or others would sweep it at once."""
        self._lock.hold()
        with contextlib.suppress(sa.exc.IntegrityError, sa.exc.ProgrammingError), self._engine.begin() as connection:
            # Two first workers of a new PostgreSQL database may race here; the loser finds the table made.
            connection.execute(CreateTable(_TABLE, if_not_exists=True))
        with self._engine.begin() as connection:
            connection.execute(sa.insert(_TABLE).values(id=self.worker, machine=self._machine, beats=0))
        self._confirmed = time.monotonic()

    def watch(self) -> None:
        """Start beating and sweeping; the first sweep comes at once and finds what an earlier process left."""
        for name, run in (("jobs-beat", self._beat_and_sweep), ("jobs-fence", self._guard)):
            thread = threading.Thread(target=run, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def halt(self) -> None:
        """Stop beating, sweeping and fencing."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=1)

    def leave(self, *, finished: bool = True) -> None:
        """After ``halt``: give up lock and row, so that others may take over at once.

        Unless something still runs here (not ``finished``): then they stay until this process ends.
        """
        if finished:
            with contextlib.suppress(sa.exc.SQLAlchemyError), self._engine.begin() as connection:
                connection.execute(sa.delete(_TABLE).where(_TABLE.c.id == self.worker))
            self._lock.release()
        self._engine.dispose()

    def sweep(self) -> list[str]:
        """Recover the jobs of workers found dead, and return these workers."""
        owners = set(self._owners()) - {self.worker}
        with self._engine.connect() as connection:
            rows = {row.id: row for row in connection.execute(sa.select(_TABLE)) if row.id != self.worker}
        self._seen = {worker: seen for worker, seen in self._seen.items() if worker in rows}
        # An owner without a row stopped in order, or was declared dead by someone who did not get further.
        dead = sorted(owners - rows.keys())
        dead += [worker for worker, row in rows.items() if self._declare_dead(row)]
        if dead:
            log.warning("giving the jobs of workers that ended back to the queue: %s", ", ".join(dead))
            self._recover(dead)
        return dead

    def _declare_dead(self, row: sa.Row[Any]) -> bool:
        one_machine = self._one_machine or row.machine == self._machine
        certain = one_machine and WorkerLock(self._folder, row.id).abandoned()
        if not certain and not self._is_silent(row):
            return False
        statement = sa.delete(_TABLE).where(_TABLE.c.id == row.id)
        if not certain:
            statement = statement.where(_TABLE.c.beats == row.beats)
        with self._engine.begin() as connection:
            return bool(connection.execute(statement).rowcount)

    def _is_silent(self, row: sa.Row[Any]) -> bool:
        now = time.monotonic()
        beats, since = self._seen.setdefault(row.id, (row.beats, now))
        if beats != row.beats:
            self._seen[row.id] = (row.beats, now)
            return False
        return now - since > self._settings.dead_after_seconds

    def _beat(self) -> None:
        asked = time.monotonic()
        with self._engine.begin() as connection:
            beaten = connection.execute(
                sa.update(_TABLE).where(_TABLE.c.id == self.worker).values(beats=_TABLE.c.beats + 1)
            ).rowcount
        if not beaten:
            self._fence("another worker has declared this one dead and taken its jobs")
        self._confirmed = asked

    def _beat_and_sweep(self) -> None:
        while True:
            for act in (self._beat, self.sweep):
                try:
                    act()
                except Exception as error:
                    if not self._stopped.is_set():
                        unexpected = not isinstance(error, sa.exc.SQLAlchemyError)
                        log.warning("a heartbeat failed: %s", type(error).__name__, exc_info=unexpected)
            if self._stopped.wait(self._settings.beat_seconds):
                return

    def _guard(self) -> None:
        """Fence even when the beating thread hangs in a dead connection."""
        limit = FENCE_SHARE * self._settings.dead_after_seconds
        pause = min(1.0, limit / 4)
        last = time.monotonic()
        while not self._stopped.wait(pause):
            now = time.monotonic()
            # After a long gap of its own this whole process stood still (stopped by a signal, a sleeping laptop):
            # the beat that is due now asks the database whether anybody took over.
            woke_up = now - last > 4 * pause
            last = now
            if now - self._confirmed > limit and not woke_up:
                self._fence("the job database has not answered in time")

    def _fence(self, reason: str) -> None:
        if self._stopped.is_set():
            return
        # In a thread, because a full pipe at the other end of the log must not keep this worker alive.
        saying = threading.Thread(target=log.error, args=("this worker ends itself: %s", reason), daemon=True)
        saying.start()
        saying.join(timeout=0.5)
        os._exit(FENCE_EXIT)


def _quick(url: sa.URL) -> dict[str, Any]:
    """Connection arguments that let a heartbeat fail in seconds: hanging would only bring the fence nearer."""
    if url.get_backend_name() == "sqlite":
        return {"timeout": 5}
    # The last one frees what a worker has locked that stood still in the middle of a transaction.
    options = "-c statement_timeout=5000 -c idle_in_transaction_session_timeout=5000"
    return {"connect_timeout": 5, "tcp_user_timeout": 5000, "options": options}

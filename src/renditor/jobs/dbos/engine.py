"""The asking half of the engine, usable in every process; ``start_worker`` adds the working half."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

import sqlalchemy as sa
from dbos import DBOSClient, WorkflowStatus
from dbos import error as dbos_error

from renditor.errors import Conflict, Unavailable
from renditor.jobs.base import JobFunction, JobSettings, JobState, Json, State, Tick
from renditor.jobs.dbos.database import APPLICATION, BACKGROUND, JOBS, PARTS, VERSION, address, connect
from renditor.jobs.dbos.worker import Worker

log = logging.getLogger(__name__)
T = TypeVar("T")

_STATES: Final[dict[str, State]] = {
    "DELAYED": "queued",
    "ENQUEUED": "queued",
    "PENDING": "running",
    "SUCCESS": "completed",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
_ENDED: Final = [status for status, state in _STATES.items() if state not in {"queued", "running"}]
_PURGE_SECONDS: Final = 3600.0
_one_per_process = threading.Lock()


class DbosEngine:
    """``JobEngine`` on DBOS. The asking half works in every process; ``start_worker`` makes this process a worker.

    Args:
        settings: see ``JobSettings``.
        folder: the data folder: holds ``jobs.sqlite`` unless ``settings.database_url`` says otherwise, and
            ``workers/``, the locks by which workers on one machine know at once that another one died.
    """

    def __init__(self, settings: JobSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._url = address(settings.database_url, folder)
        self._jobs: dict[str, JobFunction] = {}
        self._ticks: list[tuple[str, float, Tick]] = [("forget old jobs", _PURGE_SECONDS, self._forget_old_jobs)]
        self._connecting = threading.Lock()
        self._client: DBOSClient | None = None
        self._worker: Worker | None = None

    def register(self, name: str, fn: JobFunction) -> None:
        if self._worker is not None or name in self._jobs:
            raise RuntimeError(f"job {name!r} must be registered once, and before the worker starts")
        self._jobs[name] = fn

    def schedule(self, name: str, every: float, fn: Tick) -> None:
        if self._worker is not None:
            raise RuntimeError(f"{name!r} must be scheduled before the worker starts")
        self._ticks.append((name, every, fn))

    async def enqueue(self, name: str, job_id: str, payload: Json, *, background: bool = False) -> None:
        def ask(client: DBOSClient) -> None:
            try:
                client.enqueue(
                    {
                        "workflow_name": name,
                        "queue_name": BACKGROUND if background else JOBS,
                        "workflow_id": job_id,
                        "app_version": VERSION,
                        "application_name": APPLICATION,
                    },
                    payload,
                    False,
                )
            except dbos_error.DBOSConflictingWorkflowError as conflict:
                raise Conflict("There is another job with this id.") from conflict

        await self._ask(ask)

    async def status(self, job_id: str) -> JobState | None:
        return await self._ask(lambda client: _find(client, job_id))

    async def cancel(self, job_id: str) -> None:
        def ask(client: DBOSClient) -> None:
            job = _find(client, job_id)
            if job is not None and job.state in {"queued", "running"}:
                client.cancel_workflow(job_id, cancel_children=True)

        await self._ask(ask)

    async def list(self, state: State | None = None, limit: int = 100) -> list[JobState]:
        statuses = [status for status, meaning in _STATES.items() if state in {None, meaning}]

        def ask(client: DBOSClient) -> list[JobState]:
            rows = client.list_workflows(
                status=statuses,
                has_parent=False,
                sort_desc=True,
                limit=limit,
                load_input=False,
                application_name=APPLICATION,
            )
            return [_job_state(row) for row in rows]

        return await self._ask(ask)

    def start_worker(self) -> None:
        if self._worker is not None:
            raise RuntimeError("this worker has been started before")
        client, settings = self._connect(), self._settings
        if not _one_per_process.acquire(blocking=False):
            raise RuntimeError("a process can be one worker only: DBOS is a singleton")
        try:
            for queue, concurrency in (
                (JOBS, settings.concurrency),
                (BACKGROUND, settings.background_concurrency),
                (PARTS, settings.part_concurrency),
            ):
                client.register_queue(
                    queue,
                    worker_concurrency=concurrency,
                    polling_interval_sec=settings.poll_seconds,
                    application_name=APPLICATION,
                )
            worker = Worker(self._url, self._folder / "workers", settings)
            worker.start(self._jobs, self._ticks)
        except BaseException as error:
            _one_per_process.release()
            if isinstance(error, sa.exc.SQLAlchemyError):
                raise _unreachable(error) from error
            raise
        self._worker = worker

    def stop(self) -> None:
        if self._worker is not None and not self._worker.stopping:
            self._worker.stop()
            _one_per_process.release()
        with self._connecting:
            if self._client is not None:
                self._client.destroy()
                self._client = None

    async def _ask(self, question: Callable[[DBOSClient], T]) -> T:
        """Ask the database in a thread: a locked file or a slow server must not hold up a web process's loop."""

        def ask() -> T:
            try:
                return question(self._connect())
            except sa.exc.SQLAlchemyError as error:
                raise _unreachable(error) from error

        return await asyncio.to_thread(ask)

    def _connect(self) -> DBOSClient:
        with self._connecting:
            if self._client is None:
                try:
                    self._client = connect(self._url, self._folder)
                except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
                    raise _unreachable(error) from error
            return self._client

    async def _forget_old_jobs(self) -> None:
        before = (datetime.now(UTC) - timedelta(days=self._settings.keep_days)).isoformat()

        def ask(client: DBOSClient) -> None:
            while old := client.list_workflows(
                status=_ENDED, completed_before=before, has_parent=False, limit=500, load_input=False, load_output=False
            ):
                client.delete_workflows([row.workflow_id for row in old], delete_children=True)

        await self._ask(ask)


def _find(client: DBOSClient, job_id: str) -> JobState | None:
    rows = client.list_workflows(workflow_ids=[job_id], load_input=False)
    return _job_state(rows[0]) if rows else None


def _job_state(row: WorkflowStatus) -> JobState:
    attempts = getattr(row, "recovery_attempts", None) or 0
    error = str(row.error) if row.error is not None else None
    if row.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        attempts -= 1
        error = f"Processing was begun {attempts} times, never came to an end, and was given up."
    return JobState(id=row.workflow_id, name=row.name, state=_STATES[row.status], attempts=attempts, error=error)


def _unreachable(error: Exception) -> Unavailable:
    log.warning("the job database does not answer: %s", str(error).partition("\n")[0])
    return Unavailable("The job queue cannot be reached.", hint="Try again shortly.")

"""The working half of the engine: runs jobs, keeps their steps, repeats the ticks."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig
from dbos import error as dbos_error

from renditor.errors import Internal, ProcessingFailed, RenditorError
from renditor.jobs.base import JobFunction, JobSettings, Json, Tick
from renditor.jobs.dbos.database import APPLICATION, PARTS, VERSION, JsonSerializer, stopped_by
from renditor.jobs.dbos.liveness import Liveness

log = logging.getLogger(__name__)
T = TypeVar("T")

_STOP_SECONDS: Final = 1.0


class Worker:
    """Runs jobs in an event loop of its own thread: the caller's loop and the jobs do not hold up each other."""

    def __init__(self, url: sa.URL, folder: Path, settings: JobSettings) -> None:
        self.settings = settings
        self.stopping = False
        self.workflows: dict[str, Callable[[Json, bool], Coroutine[Any, Any, Any]]] = {}
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="jobs", daemon=True)
        self._liveness = Liveness(url, folder, settings, owners=_owners, recover=_recover)
        self._ticking: list[asyncio.Task[None]] = []

    def start(self, jobs: dict[str, JobFunction], ticks: Sequence[tuple[str, float, Tick]]) -> None:
        self._liveness.enter()
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._launch(jobs, ticks), self._loop).result()
        except BaseException:
            self.stop()
            raise
        self._liveness.watch()

    async def _launch(self, jobs: dict[str, JobFunction], ticks: Sequence[tuple[str, float, Tick]]) -> None:
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": self._url.render_as_string(hide_password=False),
            # A new id for every process: jobs of a predecessor are recovered by the sweep alone, like anybody's.
            "executor_id": self._liveness.worker,
            "application_version": VERSION,
            "serializer": JsonSerializer(),
            "run_migrations": False,
            "sys_db_pool_size": 10,
            # PostgreSQL: a worker that stands still inside a transaction must not hold up the others for longer.
            "sys_db_idle_transaction_timeout_sec": self.settings.dead_after_seconds,
            "max_executor_threads": 32,
            "notification_listener_polling_interval_sec": 0.2,
            "log_level": "WARNING",
        }
        DBOS(config=config)
        for name, fn in jobs.items():
            self.workflows[name] = self._workflow(name, fn)
        # Launched from inside a running loop, DBOS runs all jobs in that loop.
        DBOS.launch()
        self._ticking = [asyncio.create_task(self._repeat(*tick), name=tick[0]) for tick in ticks]

    def _workflow(self, name: str, fn: JobFunction) -> Callable[[Json, bool], Coroutine[Any, Any, Any]]:
        async def run(payload: Json, part: bool) -> Any:
            if self.stopping:
                raise asyncio.CancelledError
            context = _Context(self, DBOS.workflow_id or "", part=part)
            try:
                result = _plain(await fn(context, payload))
            except (Exception, asyncio.CancelledError) as error:
                if context.interrupted or self.is_cancelled():
                    # Whatever the job says now, it says because it was interrupted: that is no outcome.
                    raise asyncio.CancelledError from error
                if isinstance(error, RenditorError):
                    raise
                raise _unexpected(error, name) from error
            if _was_told_to_end():
                # It swallowed its interruption. What it returned may be half done.
                raise asyncio.CancelledError
            return result

        # DBOS counts recoveries, we count runs.
        return DBOS.workflow(name=name, max_recovery_attempts=self.settings.max_attempts - 1)(run)

    def is_cancelled(self) -> bool:
        return self.stopping or _was_told_to_end()

    async def _repeat(self, name: str, every: float, fn: Tick) -> None:
        while True:
            try:
                await fn()
            except Exception:
                log.exception("%r failed; it is tried again in %g s", name, every)
            await asyncio.sleep(every)

    def stop(self) -> None:
        self.stopping = True
        interrupting = asyncio.run_coroutine_threadsafe(self._interrupt(), self._loop)
        try:
            interrupted = interrupting.result(timeout=2 * _STOP_SECONDS)
        except TimeoutError:
            # A job blocks the loop. DBOS cannot shut down in order then; the end of the process does it all.
            log.warning("a job blocks its worker; it is recovered when this process has ended")
            self._liveness.halt()
            return
        self._liveness.halt()
        DBOS.destroy(destroy_registry=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=_STOP_SECONDS)
        if interrupted:
            self._loop.close()
        else:
            log.warning("a job did not react to being interrupted; it is recovered when this process has ended")
        self._liveness.leave(finished=interrupted)

    async def _interrupt(self) -> bool:
        """Cancel all that runs here. Its jobs stay as they are, to be resumed elsewhere."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if not tasks:
            return True
        _, left = await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        return not left


class _Context:
    """``JobContext`` of one run of one job."""

    def __init__(self, worker: Worker, job_id: str, *, part: bool) -> None:
        self.job_id = job_id
        self.interrupted = False
        self._worker = worker
        self._part = part

    async def step(self, fn: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        name = getattr(fn, "__qualname__", type(fn).__name__)
        return await self._durable(
            DBOS.run_step_async({"name": name, "preemptible": True}, self._attempt, name, fn, args)
        )

    async def _attempt(self, name: str, fn: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> Any:
        """Retries happen in here rather than in DBOS, so that cancelling also ends the pause between two tries."""
        settings = self._worker.settings
        pause = settings.retry_seconds
        for left in reversed(range(settings.step_attempts)):
            try:
                result = await fn(*args)
                break
            except (Exception, asyncio.CancelledError) as error:
                if self._worker.is_cancelled():
                    # Whatever the step says now, it says because it was interrupted: no reason to fail the job.
                    raise asyncio.CancelledError from error
                if isinstance(error, RenditorError) and not (_may_pass(error) and left):
                    raise
                if not left:
                    raise _unexpected(error, name) from error
                log.warning("step %s of job %s failed, %d tries left: %r", name, self.job_id, left, error)
            await asyncio.sleep(pause)
            pause *= 2
        return _plain(result)

    async def fan_out(self, name: str, payloads: Sequence[Json]) -> list[Any]:
        if self._part:
            raise RuntimeError("a part of a job cannot fan out: it would hold the slot its own parts wait for")
        workflow = self._worker.workflows[name]
        parts = [
            await self._durable(DBOS.enqueue_workflow_async(PARTS, workflow, payload, True)) for payload in payloads
        ]
        try:
            return [
                await self._durable(part.get_result(polling_interval_sec=self._worker.settings.poll_seconds))
                for part in parts
            ]
        except Exception as error:
            if self._worker.stopping:
                raise asyncio.CancelledError from error
            # A step of its own: a job that was cancelled itself, and its parts with it, learns of that here.
            await self._durable(DBOS.cancel_workflows_async([part.get_workflow_id() for part in parts]))
            if isinstance(error, RenditorError):
                raise
            raise Internal("A part of this job was cancelled or has ended its worker too often.") from error

    async def _durable(self, operation: Awaitable[T]) -> T:
        try:
            return await operation
        except (dbos_error.DBOSWorkflowCancelledError, dbos_error.DBOSWorkflowConflictIDError) as error:
            # The job was cancelled, or belongs to another worker by now: to the job function both mean to stop.
            self.interrupted = True
            raise asyncio.CancelledError from error


def _owners() -> set[str]:
    rows = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    return {row.executor_id for row in rows if row.executor_id}


def _recover(workers: list[str]) -> None:
    DBOS._recover_pending_workflows(workers)  # noqa: SLF001 - the public resume_workflow could take a job from a live worker


def _may_pass(error: RenditorError) -> bool:
    """A refused file (4xx) or a tool that failed on it fails again; a busy or absent part of the server may not."""
    return error.status >= 500 and not isinstance(error, ProcessingFailed)


def _was_told_to_end() -> bool:
    """Whether the current task was cancelled, as against a CancelledError that escaped from somewhere inside it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _unexpected(error: BaseException, where: str) -> Internal:
    log.error("unexpected error in %s", where, exc_info=error)
    return stopped_by(type(error).__name__)


def _plain(value: Any) -> Any:
    """The value as a resumed job will read it from the database, so that the first run sees no other."""
    return json.loads(json.dumps(value))

"""The job engine port: what recipes need of an engine, and no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Json = dict[str, Any]
State = Literal["queued", "running", "completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class JobState:
    """What the engine knows of a job. ``error`` is the text of what failed it."""

    id: str
    name: str
    state: State
    attempts: int
    error: str | None = None


class JobContext(Protocol):
    """Given to a job function: the only way to do durable things inside a job."""

    job_id: str

    async def step(self, fn: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """Run ``fn(*args)`` at least once and remember its JSON result: a resumed job does not repeat a finished step.

        Cancelling the job raises ``asyncio.CancelledError`` inside ``fn`` within a second.
        """
        ...

    async def fan_out(self, name: str, payloads: Sequence[Json]) -> list[Any]:
        """Run the registered job ``name`` once for each payload, on any worker, and wait for all results."""
        ...


JobFunction = Callable[[JobContext, Json], Awaitable[Any]]
Tick = Callable[[], Awaitable[None]]


class JobEngine(Protocol):
    """Durable jobs: accepted once, run at least once, elsewhere if their worker dies."""

    def register(self, name: str, fn: JobFunction) -> None:
        """Make ``fn`` known under ``name``. Before ``start_worker`` only."""
        ...

    def schedule(self, name: str, every: float, fn: Tick) -> None:
        """Run ``fn`` about every ``every`` seconds in each worker (sweeps; must be idempotent). Before ``start_worker``."""
        ...

    async def enqueue(self, name: str, job_id: str, payload: Json) -> None:
        """Accept a job. The same ``job_id`` twice is one job. Raises: Unavailable."""
        ...

    async def status(self, job_id: str) -> JobState | None: ...

    async def cancel(self, job_id: str) -> None:
        """Ask for the end of a job, queued or running, anywhere; unknown or ended jobs are fine."""
        ...

    async def list(self, state: State | None = None, limit: int = 100) -> list[JobState]: ...

    def start_worker(self) -> None:
        """Begin to take jobs in this process, and heartbeats and sweeps with it."""
        ...

    def stop(self) -> None:
        """Stop taking jobs, interrupt running steps (they resume elsewhere), give up this worker's heartbeat."""
        ...

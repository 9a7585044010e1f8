"""The job engine port: what recipes need of an engine, and no more."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

# The job that carries out a recipe. The flows do not import each other: one enqueues it, another registers it.
RECIPE_JOB = "recipe"
# The recipe that looks at a picture after its upload.
ANALYSIS = "analysis"
# The recipe that makes pictures before anybody asks for them.
EAGER = "eager"
# The recipe that encodes much used pictures again, with more effort.
SQUEEZE = "squeeze"

Json = dict[str, Any]
State = Literal["queued", "running", "completed", "failed", "cancelled"]


class JobSettings(BaseModel):
    """How jobs are kept and run. All durations in seconds unless their name says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str | None = Field(
        default=None,
        description="PostgreSQL URL of the job database; by default jobs are kept in jobs.sqlite in the data folder.",
    )
    concurrency: int = Field(
        default=2,
        ge=1,
        le=1000,
        description="Jobs one worker runs at the same time. Kept in the database: the last to start sets it for all.",
    )
    background_concurrency: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Jobs nobody waits for (analysis of pictures) that one worker runs at the same time, beside the"
        " others; kept in the database like concurrency.",
    )
    part_concurrency: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=1000,
        description="Parts of fanned-out jobs one worker runs at the same time; kept in the database like concurrency.",
    )
    poll_seconds: float = Field(
        default=0.5, ge=0.05, le=60, description="How often a worker looks for new jobs: latency against idle load."
    )
    beat_seconds: float = Field(
        default=2, ge=0.05, le=60, description="How often a worker shows that it lives and looks for dead ones."
    )
    dead_after_seconds: float = Field(
        default=30,
        ge=0.5,
        le=3600,
        description="A worker without heartbeat for so long is dead and its jobs run elsewhere; a worker that cannot"
        " reach the database ends itself at 80 % of it. Known at once, without waiting, on the same machine.",
    )
    max_attempts: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="A job begun so often without ever ending is given up: one poisonous file must not kill for ever.",
    )
    step_attempts: int = Field(default=3, ge=1, le=100, description="Tries of a step that failed for a passing reason.")
    retry_seconds: float = Field(
        default=1, ge=0, le=600, description="Pause before a step's second try; doubled before each further one."
    )
    keep_days: float = Field(default=7, gt=0, le=36_500, description="Days for which ended jobs stay listed.")

    @model_validator(mode="after")
    def _beats_fit(self) -> Self:
        if self.dead_after_seconds < 4 * self.beat_seconds:
            raise ValueError("dead_after_seconds must be at least four times beat_seconds: one late beat is no death")
        return self


@dataclass(frozen=True, slots=True)
class JobState:
    """What the engine knows of a job.

    ``attempts`` counts the workers that began it; ``error`` says what failed it, without paths, fit to be shown.
    A job can end outside its function (cancelled while queued, given up after too many attempts): only this tells.
    """

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

        Steps of one job must come in the same order, under the same names, each time the job is resumed. Errors that
        may pass (5xx classes but ``ProcessingFailed``, and unexpected exceptions) are tried again after a pause.

        Cancelling the job and stopping the worker both raise ``asyncio.CancelledError`` inside ``fn`` within a second,
        and out of ``step``. It means "stop now" and says nothing about the job's outcome: clean up, record nothing.

        Raises: what ``fn`` raised if that is a RenditorError, else Internal.
        """
        ...

    async def fan_out(self, name: str, payloads: Sequence[Json]) -> list[Any]:
        """Run the registered job ``name`` once for each payload, on any worker, and wait for all results, in order.

        The first part that fails (in that order) cancels the others and raises its error here. Parts cannot fan out.
        """
        ...


JobFunction = Callable[[JobContext, Json], Awaitable[Any]]
Tick = Callable[[], Awaitable[None]]


class JobEngine(Protocol):
    """Durable jobs: accepted once, run at least once, elsewhere if their worker dies."""

    def register(self, name: str, fn: JobFunction) -> None:
        """Make ``fn`` known under ``name``. Before ``start_worker`` only."""
        ...

    def schedule(self, name: str, every: float, fn: Tick) -> None:
        """Run ``fn`` in each worker at its start and then every ``every`` seconds. Before ``start_worker`` only.

        ``fn`` must be idempotent: workers do not agree on turns. It runs in the loop of the jobs, never twice at a time
        in one worker; what it raises is logged.
        """
        ...

    async def enqueue(self, name: str, job_id: str, payload: Json, *, background: bool = False) -> None:
        """Accept a job. The same ``job_id`` twice is one job, also after it has ended.

        ``background``: nobody waits for it; it takes no place from the other jobs and waits behind its own kind.

        Raises: Unavailable; Conflict when the id belongs to a job of another name.
        """
        ...

    async def status(self, job_id: str) -> JobState | None:
        """What has become of a job; None if unknown or forgotten. Raises: Unavailable."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Ask for the end of a job, queued or running, anywhere; unknown or ended jobs are fine."""
        ...

    async def list(self, state: State | None = None, limit: int = 100) -> list[JobState]:
        """Jobs, newest first, without the parts they fanned out to. Raises: Unavailable."""
        ...

    def start_worker(self) -> None:
        """Begin to take jobs in this process, and heartbeats and sweeps with it. Returns at once; once per process.

        Raises: Unavailable.
        """
        ...

    def stop(self) -> None:
        """Stop taking jobs, interrupt running steps (they resume elsewhere), give up this worker's heartbeat.

        Blocks for about a second. Then end the process: a step that did not react to its interruption ends with it.
        """
        ...

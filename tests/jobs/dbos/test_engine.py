"""The port's behaviour in one process: what jobs may rely on, on both databases."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from renditor.errors import (
    Conflict,
    CorruptMedia,
    Internal,
    Overloaded,
    ProcessingFailed,
    RenditorError,
    Unavailable,
)
from renditor.jobs.base import JobContext, JobSettings, JobState, Json
from renditor.jobs.dbos import DbosEngine

ERRORS: dict[str, Exception] = {
    "corrupt": CorruptMedia("The file ends in the middle.", hint="Upload it again.", code="cut-off"),
    "tool": ProcessingFailed("The encoder gave up."),
    "busy": Overloaded("Try later."),
    "surprise": FileNotFoundError("/secret/path"),
}


class Notes:
    """What the jobs did, by job id."""

    def __init__(self) -> None:
        self.tries: Counter[str] = Counter()
        self.caught: dict[str, BaseException] = {}
        self.threads: set[str] = set()
        self.ticks: list[float] = []
        self.ticking = 0
        self.overlapped = False


async def echo(context: JobContext, payload: Json) -> Any:
    async def answer(first: Any, second: Any) -> Any:
        return {"first": first, "second": second, "job": context.job_id}

    return await context.step(answer, payload["value"], (1, 2))


def failing(notes: Notes) -> Any:
    async def fail(context: JobContext, payload: Json) -> Any:
        async def step() -> str:
            notes.tries[context.job_id] += 1
            if notes.tries[context.job_id] <= payload["times"]:
                raise ERRORS[payload["error"]]
            return "fine"

        try:
            return await context.step(step)
        except BaseException as error:
            notes.caught[context.job_id] = error
            raise

    return fail


def sleeping(notes: Notes) -> Any:
    async def sleep(context: JobContext, payload: Json) -> Any:
        async def step() -> None:
            notes.tries[context.job_id] += 1
            notes.threads.add(threading.current_thread().name)
            try:
                await asyncio.sleep(payload["seconds"])
            except asyncio.CancelledError as error:
                notes.caught[context.job_id + " step"] = error
                if payload.get("disguise"):
                    raise ProcessingFailed("The encoder was killed.") from error
                raise

        try:
            await context.step(step)
        except BaseException as error:
            notes.caught[context.job_id] = error
            raise

    return sleep


async def stray(context: JobContext, payload: Json) -> None:
    async def step() -> None:
        raise asyncio.CancelledError

    if payload["inside"]:
        await context.step(step)
    raise asyncio.CancelledError


async def swallowing(context: JobContext, payload: Json) -> str:
    async def step() -> None:
        await asyncio.sleep(60)

    with contextlib.suppress(asyncio.CancelledError):
        await context.step(step)
    return "as if done"


async def not_json(context: JobContext, payload: Json) -> Any:
    async def step() -> Any:
        return {1, 2}

    return await context.step(step)


async def leaf(context: JobContext, payload: Json) -> Any:
    async def step() -> Any:
        if payload.get("error"):
            raise ERRORS[payload["error"]]
        await asyncio.sleep(payload.get("seconds", 0))
        return payload["value"] * 2

    return await context.step(step)


async def tree(context: JobContext, payload: Json) -> Any:
    return await context.fan_out("leaf", payload["leaves"])


async def forest(context: JobContext, payload: Json) -> Any:
    return await context.fan_out("tree", [{"leaves": []}])


@pytest.fixture(scope="module")
def notes(database_url: str | None) -> Notes:
    return Notes()


@pytest.fixture(scope="module")
def engine(database_url: str | None, notes: Notes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbosEngine]:
    settings = JobSettings(
        database_url=database_url, poll_seconds=0.1, concurrency=3, part_concurrency=2, retry_seconds=0.05
    )
    engine = DbosEngine(settings, tmp_path_factory.mktemp("data"))
    for name, job in {
        "echo": echo,
        "fail": failing(notes),
        "sleep": sleeping(notes),
        "stray": stray,
        "swallow": swallowing,
        "not json": not_json,
        "leaf": leaf,
        "tree": tree,
        "forest": forest,
    }.items():
        engine.register(name, job)

    async def tick() -> None:
        notes.ticking += 1
        notes.overlapped = notes.overlapped or notes.ticking > 1
        notes.ticks.append(time.monotonic())
        await asyncio.sleep(0.15)
        notes.ticking -= 1
        if len(notes.ticks) < 3:
            raise RuntimeError("a tick that fails")

    engine.schedule("tick", 0.1, tick)
    engine.start_worker()
    yield engine
    engine.stop()


async def ended(engine: DbosEngine, job_id: str, within: float = 10) -> JobState:
    async with asyncio.timeout(within):
        while True:
            state = await engine.status(job_id)
            if state is not None and state.state not in {"queued", "running"}:
                return state
            await asyncio.sleep(0.02)


async def until(condition: Callable[[], bool], within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - made true by another thread
            await asyncio.sleep(0.01)


async def until_running(engine: DbosEngine, job_id: str) -> None:
    async with asyncio.timeout(10):
        while True:
            state = await engine.status(job_id)
            if state is not None and state.state == "running":
                return
            await asyncio.sleep(0.02)


async def begun(notes: Notes, job_id: str) -> None:
    await until(lambda: notes.tries[job_id] > 0)


async def test_a_job_runs_and_completes(engine: DbosEngine) -> None:
    await engine.enqueue("echo", "echo-1", {"value": "ä"})
    assert await ended(engine, "echo-1") == JobState("echo-1", "echo", "completed", attempts=1)


async def test_a_step_returns_what_a_resumed_job_would_read(engine: DbosEngine, notes: Notes) -> None:
    """The tuple comes out as a list already the first time, not only after a crash."""
    await engine.enqueue("tree", "tree-0", {"leaves": [{"value": 1}]})
    assert (await ended(engine, "tree-0")).state == "completed"
    await engine.enqueue("not json", "not-json", {})
    state = await ended(engine, "not-json")
    assert state.state == "failed"
    assert state.error == "An unexpected error stopped this job (TypeError)."


async def test_the_same_id_twice_is_one_job(engine: DbosEngine, notes: Notes) -> None:
    payload = {"error": "corrupt", "times": 0}
    await asyncio.gather(*(engine.enqueue("fail", "once", payload) for _ in range(5)))
    await ended(engine, "once")
    await engine.enqueue("fail", "once", payload)
    await asyncio.sleep(0.3)
    assert notes.tries["once"] == 1
    assert (await ended(engine, "once")).attempts == 1


async def test_an_id_belongs_to_one_name(engine: DbosEngine) -> None:
    await engine.enqueue("echo", "named", {"value": 1})
    with pytest.raises(Conflict):
        await engine.enqueue("fail", "named", {})


async def test_an_unknown_job_has_no_state_and_can_be_cancelled(engine: DbosEngine) -> None:
    assert await engine.status("nobody") is None
    await engine.cancel("nobody")


@pytest.mark.parametrize(
    ("error", "times", "tries", "state"),
    [
        ("corrupt", 9, 1, "failed"),
        ("tool", 9, 1, "failed"),
        ("busy", 9, 3, "failed"),
        ("surprise", 9, 3, "failed"),
        ("busy", 2, 3, "completed"),
        ("surprise", 1, 2, "completed"),
    ],
)
async def test_only_errors_that_may_pass_are_tried_again(
    engine: DbosEngine, notes: Notes, error: str, times: int, tries: int, state: str
) -> None:
    job_id = f"{error}-{times}"
    await engine.enqueue("fail", job_id, {"error": error, "times": times})
    assert (await ended(engine, job_id)).state == state
    assert notes.tries[job_id] == tries
    if state == "failed":
        raised = notes.caught[job_id]
        expected = ERRORS[error]
        if isinstance(expected, RenditorError):
            assert raised is expected
        else:
            assert isinstance(raised, Internal)


async def test_the_error_of_a_failed_job_names_the_reason_but_no_path(engine: DbosEngine) -> None:
    await engine.enqueue("fail", "reason", {"error": "corrupt", "times": 9})
    assert (await ended(engine, "reason")).error == "The file ends in the middle."
    await engine.enqueue("fail", "no-path", {"error": "surprise", "times": 9})
    assert (await ended(engine, "no-path")).error == "An unexpected error stopped this job (FileNotFoundError)."


@pytest.mark.parametrize("inside", [True, False])
async def test_a_stray_cancellation_fails_the_job_instead_of_leaving_it_for_ever(
    engine: DbosEngine, inside: bool
) -> None:
    await engine.enqueue("stray", f"stray-{inside}", {"inside": inside})
    assert (await ended(engine, f"stray-{inside}")).state == "failed"


async def test_cancelling_interrupts_the_running_step(engine: DbosEngine, notes: Notes) -> None:
    await engine.enqueue("sleep", "long", {"seconds": 60})
    await begun(notes, "long")
    asked = time.monotonic()
    await engine.cancel("long")
    assert (await ended(engine, "long")).state == "cancelled"
    await until(lambda: "long" in notes.caught)
    assert time.monotonic() - asked < 1.5
    assert isinstance(notes.caught["long step"], asyncio.CancelledError)
    assert isinstance(notes.caught["long"], asyncio.CancelledError)


async def test_a_step_that_disguises_its_interruption_does_not_fail_the_job(engine: DbosEngine, notes: Notes) -> None:
    await engine.enqueue("sleep", "disguised", {"seconds": 60, "disguise": True})
    await begun(notes, "disguised")
    await engine.cancel("disguised")
    await until(lambda: "disguised" in notes.caught)
    assert isinstance(notes.caught["disguised"], asyncio.CancelledError)
    assert (await ended(engine, "disguised")).state == "cancelled"


async def test_an_ended_job_stays_as_it_ended_when_cancelled(engine: DbosEngine) -> None:
    await engine.enqueue("echo", "ended", {"value": 1})
    await ended(engine, "ended")
    await engine.cancel("ended")
    assert (await ended(engine, "ended")).state == "completed"


async def test_a_job_cancelled_in_the_queue_never_runs(engine: DbosEngine, notes: Notes) -> None:
    for number in range(3):
        await engine.enqueue("sleep", f"blocker-{number}", {"seconds": 60})
        await begun(notes, f"blocker-{number}")
    await engine.enqueue("sleep", "waiting", {"seconds": 60})
    await asyncio.sleep(0.3)
    assert [job.id for job in await engine.list("queued")] == ["waiting"]
    await engine.cancel("waiting")
    for number in range(3):
        await engine.cancel(f"blocker-{number}")
    await engine.enqueue("echo", "after", {"value": 1})
    await ended(engine, "after")
    assert (await ended(engine, "waiting")).state == "cancelled"
    assert notes.tries["waiting"] == 0


async def test_lists_show_jobs_newest_first_without_their_parts(engine: DbosEngine) -> None:
    await engine.enqueue("echo", "older", {"value": 1})
    await ended(engine, "older")
    await engine.enqueue("tree", "newer", {"leaves": [{"value": 1}]})
    await ended(engine, "newer")
    jobs = await engine.list("completed", limit=2)
    assert [job.id for job in jobs] == ["newer", "older"]
    everything = await engine.list()
    assert {"older", "newer"} <= {job.id for job in everything}
    assert not any(job.name == "leaf" for job in everything)


async def test_more_jobs_than_slots_fan_out_without_blocking_their_parts(engine: DbosEngine) -> None:
    for number in range(5):
        await engine.enqueue("tree", f"tree-of-{number}", {"leaves": [{"value": n} for n in range(3)]})
    for number in range(5):
        assert (await ended(engine, f"tree-of-{number}", within=20)).state == "completed"


async def test_a_failed_part_fails_its_job_with_its_error_and_ends_the_others(engine: DbosEngine) -> None:
    leaves = [{"value": 1, "error": "corrupt"}, {"value": 2, "seconds": 60}]
    await engine.enqueue("tree", "half", {"leaves": leaves})
    state = await ended(engine, "half")
    assert (state.state, state.error) == ("failed", "The file ends in the middle.")
    await engine.enqueue("tree", "next", {"leaves": [{"value": 1}] * 2})
    assert (await ended(engine, "next", within=5)).state == "completed"


async def test_cancelling_a_job_cancels_its_parts(engine: DbosEngine, caplog: pytest.LogCaptureFixture) -> None:
    await engine.enqueue("tree", "felled", {"leaves": [{"value": 1, "seconds": 60}] * 2})
    await asyncio.sleep(0.5)
    await engine.cancel("felled")
    assert (await ended(engine, "felled")).state == "cancelled"
    # Both slots for parts are free again.
    await engine.enqueue("tree", "regrown", {"leaves": [{"value": 1}] * 2})
    assert (await ended(engine, "regrown", within=5)).state == "completed"
    ours = [record for record in caplog.records if record.name.startswith("renditor")]
    assert not [record.getMessage() for record in ours if record.levelno >= logging.ERROR or record.exc_info]


async def test_parts_cannot_fan_out(engine: DbosEngine) -> None:
    await engine.enqueue("forest", "forest", {})
    assert (await ended(engine, "forest")).state == "failed"


async def test_ticks_repeat_survive_errors_and_never_overlap(engine: DbosEngine, notes: Notes) -> None:
    await until(lambda: len(notes.ticks) >= 4)
    assert not notes.overlapped
    assert all(later - sooner > 0.2 for sooner, later in pairwise(notes.ticks))


async def test_jobs_do_not_run_in_the_loop_of_the_caller(engine: DbosEngine, notes: Notes) -> None:
    await engine.enqueue("sleep", "where", {"seconds": 0})
    await ended(engine, "where")
    assert threading.current_thread().name not in notes.threads


def test_what_comes_too_late_is_refused(engine: DbosEngine, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="before the worker starts"):
        engine.register("late", echo)
    with pytest.raises(RuntimeError, match="before the worker starts"):
        engine.schedule("late", 1, asyncio.Event().wait)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="started before"):
        engine.start_worker()
    second = DbosEngine(JobSettings(), tmp_path)
    with pytest.raises(RuntimeError, match="one worker only"):
        second.start_worker()
    second.stop()


async def test_asking_never_holds_up_the_callers_loop(engine: DbosEngine) -> None:
    """The clock ticks on while a hundred questions are asked."""
    gaps: list[float] = []

    async def watch() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(engine.status(f"nobody-{number}") for number in range(100)))
    watching.cancel()
    assert max(gaps) < 0.25


async def test_old_jobs_are_forgotten_with_their_parts(engine: DbosEngine) -> None:
    await engine.enqueue("tree", "forgettable", {"leaves": [{"value": 1}]})
    await ended(engine, "forgettable")
    forgetful = DbosEngine(engine._settings.model_copy(update={"keep_days": 1e-9}), engine._folder)
    await asyncio.sleep(0.01)
    await forgetful._forget_old_jobs()
    forgetful.stop()
    assert await engine.status("forgettable") is None
    assert not await engine.list("completed")


async def test_a_worker_stops_quickly_and_leaves_its_jobs_to_be_resumed(engine: DbosEngine, notes: Notes) -> None:
    """Last, because it ends the worker."""
    await engine.enqueue("swallow", "swallowed", {})
    await engine.enqueue("sleep", "slept", {"seconds": 60, "disguise": True})
    await begun(notes, "slept")
    await until_running(engine, "swallowed")
    asked = time.monotonic()
    await asyncio.to_thread(engine.stop)
    assert time.monotonic() - asked < 1.5
    assert isinstance(notes.caught["slept"], asyncio.CancelledError)
    assert [job.state for job in await engine.list() if job.id in {"swallowed", "slept"}] == ["running"] * 2
    engine.stop()


async def test_an_unreachable_database_is_unavailable(tmp_path: Path) -> None:
    nowhere = DbosEngine(JobSettings(database_url="postgresql://127.0.0.1:1/nowhere"), tmp_path)
    with pytest.raises(Unavailable):
        await nowhere.enqueue("echo", "x", {})
    with pytest.raises(Unavailable):
        await asyncio.to_thread(nowhere.start_worker)
    nowhere.stop()

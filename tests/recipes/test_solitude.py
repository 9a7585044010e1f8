from __future__ import annotations

import asyncio
import contextlib

import pytest

from renditor.recipes.solitude import Solitude


class Attempts:
    """Attempts that run until they are told to end."""

    def __init__(self) -> None:
        self.solitude = Solitude()
        self.running: set[str] = set()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    def begin(self, name: str, *, alone: bool = False) -> None:
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._run(name, alone))

    async def _run(self, name: str, alone: bool) -> None:
        async with self.solitude.turn(alone=alone):
            self.running.add(name)
            try:
                await self._ends[name].wait()
            finally:
                self.running.remove(name)

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await self.tasks[name]
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


async def test_others_run_side_by_side() -> None:
    attempts = Attempts()
    attempts.begin("a")
    attempts.begin("b")
    await attempts.settle()
    assert attempts.running == {"a", "b"}
    await attempts.end("a")
    await attempts.end("b")


async def test_a_suspect_waits_for_the_others_and_they_for_it() -> None:
    attempts = Attempts()
    attempts.begin("a")
    await attempts.settle()
    attempts.begin("suspect", alone=True)
    attempts.begin("b")
    await attempts.settle()
    assert attempts.running == {"a"}
    await attempts.end("a")
    assert attempts.running == {"suspect"}
    attempts.begin("c")
    await attempts.settle()
    assert attempts.running == {"suspect"}
    await attempts.end("suspect")
    assert attempts.running == {"b", "c"}


async def test_two_suspects_one_after_the_other() -> None:
    attempts = Attempts()
    attempts.begin("first", alone=True)
    attempts.begin("second", alone=True)
    await attempts.settle()
    assert attempts.running == {"first"}
    await attempts.end("first")
    assert attempts.running == {"second"}
    await attempts.end("second")


@pytest.mark.parametrize("waiting", ["suspect", "b"])
async def test_who_is_stopped_while_it_waits_holds_nothing_up(waiting: str) -> None:
    attempts = Attempts()
    attempts.begin("a")
    await attempts.settle()
    attempts.begin("suspect", alone=True)
    attempts.begin("b")
    await attempts.settle()
    attempts.tasks[waiting].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await attempts.tasks[waiting]
    await attempts.settle()
    assert attempts.running == ({"a", "b"} if waiting == "suspect" else {"a"})
    await attempts.end("a")
    assert attempts.running == ({"b"} if waiting == "suspect" else {"suspect"})

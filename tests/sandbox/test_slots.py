from __future__ import annotations

import asyncio
import threading

import pytest

from renditor.errors import Overloaded, Unavailable
from renditor.sandbox.slots import Slots


async def test_items_go_to_one_holder_at_a_time_in_order_of_arrival() -> None:
    slots = Slots(["a"], queue=5, wait=5)
    assert await slots.acquire() == "a"
    order: list[int] = []

    async def take(number: int) -> None:
        item = await slots.acquire()
        order.append(number)
        slots.release(item)

    waiting = [asyncio.create_task(take(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert order == []
    slots.release("a")
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3, 4]


async def test_a_full_queue_refuses_at_once_with_a_hint() -> None:
    slots = Slots(["a"], queue=1, wait=5)
    await slots.acquire()
    waiting = asyncio.create_task(slots.acquire())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as caught:
        await slots.acquire()
    assert caught.value.hint
    slots.release("a")
    assert await waiting == "a"


async def test_waiting_ends_and_leaves_the_queue() -> None:
    slots = Slots(["a"], queue=1, wait=0.05)
    await slots.acquire()
    for _ in range(2):
        with pytest.raises(Overloaded):
            await slots.acquire()
    slots.release("a")
    assert await slots.acquire() == "a"


async def test_a_waiter_cancelled_in_any_moment_loses_nothing() -> None:
    slots = Slots(["a"], queue=5, wait=5)
    await slots.acquire()
    for steps in range(6):  # loop turns between handing over and cancelling
        waiting = asyncio.create_task(slots.acquire())
        await asyncio.sleep(0)
        slots.release("a")
        for _ in range(steps):
            await asyncio.sleep(0)
        if waiting.cancel():
            with pytest.raises(asyncio.CancelledError):
                await waiting
            async with asyncio.timeout(1):
                assert await slots.acquire() == "a"
        else:
            assert await waiting == "a"


async def test_close_refuses_those_who_wait_and_those_who_come() -> None:
    slots = Slots(["a", "b"], queue=5, wait=5)
    held = await slots.acquire()
    assert slots.close() == ["a"]
    assert not slots.release(held)
    with pytest.raises(Unavailable):
        await slots.acquire()


async def test_close_wakes_waiters() -> None:
    slots = Slots(["a"], queue=5, wait=5)
    await slots.acquire()
    waiting = asyncio.create_task(slots.acquire())
    await asyncio.sleep(0)
    assert slots.close() == []
    with pytest.raises(Unavailable):
        await waiting


async def test_an_item_passes_between_loops_and_past_a_closed_one() -> None:
    slots = Slots(["a"], queue=5, wait=5)
    await slots.acquire()
    dead = asyncio.new_event_loop()
    abandoned = dead.create_task(slots.acquire())
    abandoned._log_destroy_pending = False  # type: ignore[attr-defined] # its loop ends under it: the case to test
    got: list[str] = []

    async def elsewhere() -> None:
        item = await slots.acquire()
        got.append(item)
        slots.release(item)

    def in_thread() -> None:
        dead.call_soon(dead.stop)
        dead.run_forever()
        asyncio.run(elsewhere())

    thread = threading.Thread(target=in_thread)
    thread.start()
    await asyncio.sleep(0.2)
    assert got == []
    dead.close()
    slots.release("a")
    await asyncio.to_thread(thread.join)
    assert got == ["a"]
    assert await slots.acquire() == "a"
    del abandoned

"""A bounded queue for a fixed number of places, shared by the event loops and threads of one process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import Generic, TypeVar

from renditor.errors import Overloaded, Unavailable

T = TypeVar("T")


class Slots(Generic[T]):
    """Gives out each item to one holder at a time, first come, first served.

    Args:
        items: what there is to give.
        queue: how many may wait; the next one is refused at once. Unbounded queues turn a burst into an outage.
        wait: seconds a waiter stays.
    """

    def __init__(self, items: list[T], *, queue: int, wait: float) -> None:
        self._free = list(items)
        self._queue = queue
        self._wait = wait
        self._lock = threading.Lock()
        self._waiting: deque[asyncio.Future[T]] = deque()
        self._closed = False

    async def acquire(self) -> T:
        """Take an item; the one used last comes first (its caches are warm).

        Raises:
            Overloaded: the queue is full, or no item came free in time.
            Unavailable: closed.
        """
        with self._lock:
            if self._closed:
                raise _stopping()
            if self._free:
                return self._free.pop()
            if len(self._waiting) >= self._queue:
                raise _overloaded()
            future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
        try:
            async with asyncio.timeout(self._wait):
                return await future
        except BaseException as error:
            self._leave(future)
            if isinstance(error, TimeoutError):
                raise _overloaded() from None
            raise

    def release(self, item: T) -> bool:
        """Give an item back, from any thread. False: closed, the item stays with the caller."""
        with self._lock:
            if self._closed:
                return False
            if not self._waiting:
                self._free.append(item)
                return True
            future = self._waiting.popleft()
        try:
            future.get_loop().call_soon_threadsafe(self._hand_over, future, item)
        except RuntimeError:  # that loop has been closed: on to the next waiter
            return self.release(item)
        return True

    def close(self) -> list[T]:
        """Refuse everybody from now on. Returns the items that were free."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = list(self._waiting), deque()
            free, self._free = self._free, []
        for future in waiting:
            with contextlib.suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_refuse, future)
        return free

    def _hand_over(self, future: asyncio.Future[T], item: T) -> None:
        if future.done():  # the waiter left in the meantime
            self.release(item)
        else:
            future.set_result(item)

    def _leave(self, future: asyncio.Future[T]) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._waiting.remove(future)
        # Cancelled in the moment between getting the item and waking up.
        if future.done() and not future.cancelled() and future.exception() is None:
            self.release(future.result())


def _refuse(future: asyncio.Future[T]) -> None:
    if not future.done():
        future.set_exception(_stopping())


def _stopping() -> Unavailable:
    return Unavailable("The server is stopping.")


def _overloaded() -> Overloaded:
    return Overloaded("All decoders are busy.", hint="Try again in a few seconds.")

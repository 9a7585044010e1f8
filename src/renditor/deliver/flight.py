"""Single flight: many requests for one missing picture are one rendering, also from several processes of a machine.

Within a process the others wait for the first one's future. Between processes it is a lock on one byte of a file, at a
place made from the picture's digest: nothing to clean up, and the kernel frees it when its holder dies, however it
dies. Several machines with one database may each make a picture once: the second one to store it finds the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Generic, TypeVar

from renditor import observe

T = TypeVar("T")

# Seconds between looks at a lock that another process holds. The first picture that is waited for takes 20 ms and more.
_FIRST_LOOK, _SLOWER, _LAST_LOOK = 0.002, 1.3, 0.02
# Two pictures with one place would wait for each other: 60 bits make that a rarity without harm.
_HEX_DIGITS = 15


class Flights(Generic[T]):
    """``locks``: the file whose bytes are locked, the same for all processes of a machine."""

    def __init__(self, locks: Path) -> None:
        self._locks = locks
        self._flights: dict[str, asyncio.Future[T]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def once(self, digest: str, work: Callable[[asyncio.Future[T]], Awaitable[None]]) -> T:
        """The result of ``work``, run for this digest by one caller at a time.

        ``work`` sets the result of the future it is given as soon as there is one, and may go on (to store it): the
        callers are answered meanwhile, other processes wait for its end. What it raises before, the callers get.
        """
        flight = self._flights.get(digest)
        if flight is None:
            flight = asyncio.get_running_loop().create_future()
            self._flights[digest] = flight
            task = asyncio.create_task(self._fly(digest, flight, work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # Shielded: a client that goes away must not take the picture from the others who wait for it.
        return await asyncio.shield(flight)

    async def settled(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _fly(
        self, digest: str, flight: asyncio.Future[T], work: Callable[[asyncio.Future[T]], Awaitable[None]]
    ) -> None:
        try:
            async with self._locked(digest):
                await work(flight)
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait must hear of it
            if flight.done():
                observe.log().warning("rendition_not_stored", error_type=type(error).__name__)
            else:
                flight.set_exception(error)
                flight.exception()  # seen, even when every client has gone away
        finally:
            self._flights.pop(digest, None)
            flight.cancel()  # without effect but when this task was cancelled

    @contextlib.asynccontextmanager
    async def _locked(self, digest: str) -> AsyncIterator[None]:
        # A file description of its own for each lock: it is the owner of the lock.
        descriptor = os.open(self._locks, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # struct flock of Linux: type, whence, start, length, pid (0 for locks of an open file description).
        place = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, int(digest[:_HEX_DIGITS], 16), 1, 0)
        wait = _FIRST_LOOK
        try:
            while True:
                try:
                    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, place)
                    break
                except (BlockingIOError, PermissionError):
                    await asyncio.sleep(wait)
                    wait = min(wait * _SLOWER, _LAST_LOOK)
            yield
        finally:
            os.close(descriptor)

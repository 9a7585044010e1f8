"""What a program prints, read by callbacks of the event loop and bounded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

from renditor.errors import LimitExceeded

_STDERR_KEPT: Final = 64 * 1024  # bytes: the end of a log says why


class Pipe:
    """A pipe from a child, read by callbacks of the running loop (no task, no thread)."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(self.writer, True)  # a program does not expect "try again" from its output
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._reader, self._readable)

    async def drained(self) -> None:
        """Wait until every writer has closed it. Our own end goes first: the child has its copy."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1
        await self._end

    def _readable(self) -> None:
        try:
            data = os.read(self._reader, 65536)
            if data:
                self._take(data)
                return
        except Exception as error:  # noqa: BLE001 - from on_line: it belongs to the waiting caller, not to the loop
            self._finish(error)
        else:
            self._finish(None)

    def _finish(self, error: Exception | None) -> None:
        self._loop.remove_reader(self._reader)
        if self._end.done():  # its waiter was cancelled
            return
        if error is None:
            self._end.set_result(None)
        else:
            self._end.set_exception(error)

    def close(self) -> None:
        self._loop.remove_reader(self._reader)
        os.close(self._reader)
        if self.writer >= 0:
            os.close(self.writer)
        if not self._end.cancel() and not self._end.cancelled():
            self._end.exception()  # seen, whether or not somebody waited for it


class Output:
    """What a program prints: bounded, and cut into lines if somebody listens."""

    def __init__(self, most: int, on_line: Callable[[str], None] | None) -> None:
        self._most = most
        self._on_line = on_line
        self.stdout = bytearray()
        self.stderr = bytearray()

    def take_stdout(self, data: bytes) -> None:
        self.stdout += data
        if self._on_line is not None:
            *lines, rest = self.stdout.split(b"\n")
            self.stdout = rest
            for line in lines:
                self._on_line(line.decode(errors="replace").rstrip("\r"))
        if len(self.stdout) > self._most:
            raise LimitExceeded("The file describes more than this server reads.")

    def take_stderr(self, data: bytes) -> None:
        self.stderr += data
        del self.stderr[:-_STDERR_KEPT]

    def finish(self) -> None:
        """A last line without line end is a line too."""
        if self._on_line is not None and self.stdout:
            self._on_line(self.stdout.decode(errors="replace").rstrip("\r"))
            self.stdout.clear()

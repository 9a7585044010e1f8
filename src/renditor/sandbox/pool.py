"""Long-lived decoder processes, one per core, each working on one file at a time.

A decoder that crashes, hangs or is taken over costs the one request that did it: the pool kills it, answers 503 and
starts another in the background. Usable from any event loop and thread of the process at the same time.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from pydantic import BaseModel, Field

from renditor.errors import RenditorError, Unavailable
from renditor.sandbox import frames
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.policy import Limits
from renditor.sandbox.process import DecoderProcess
from renditor.sandbox.slots import Slots

T = TypeVar("T")

log = logging.getLogger(__name__)

_GRACE_SECONDS: Final = 0.25  # to finish a job nobody waits for: less work than starting a new decoder
_LIFETIME_CPU_SECONDS: Final = 24 * 3600  # of a whole decoder; each job has its own budget


class SandboxSettings(BaseModel, extra="forbid"):
    """Decoder processes for images."""

    decoders: int = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        ge=1,
        description="Decoder processes; by default one per usable core.",
    )
    queue: int = Field(default=64, ge=0, description="Requests that may wait for a decoder; more get 503 at once.")
    queue_wait: float = Field(
        default=10.0, gt=0, description="Seconds a request waits for a decoder before it gets 503."
    )
    recycle_after: int = Field(default=1000, ge=1, description="Jobs after which a decoder is replaced by a fresh one.")
    memory: int = Field(
        default=1024**3,
        ge=256 * 1024**2,
        description="Bytes of address space per decoder. A 2 KB AVIF can ask for 2 GB.",
    )
    answer_size: int = Field(default=256 * 1024**2, ge=1, description="Bytes of the largest file a decoder may make.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a decoder made of a file. It handled hostile input: check ``meta`` before relying on it."""

    meta: dict[str, Any]
    content: bytes


class Decoder(Protocol):
    """Answered by ``DecoderPool`` (in this process) and ``BrokerClient`` (by the machine's ``renderer`` process)."""

    async def call(
        self,
        request: dict[str, Any],
        source: int,
        *,
        timeout: float,  # noqa: ASYNC109 - the limit belongs to the decoder: it is killed, not only left
        layers: Sequence[int] = (),
    ) -> Answer:
        """Have one request worked on.

        Args:
            request: plain JSON, understood by the decoder's handler.
            source: a descriptor of a file opened for this call, read only; stays the caller's. Its offset will move.
            timeout: seconds of work, without waiting; then the decoder is killed.
            layers: descriptors of more files to read, at most ``frames.MAX_LAYERS``; as ``source``. They reach the
                handler in this order.

        Raises:
            RenditorError: what the decoder said is wrong with the file or the request.
            Overloaded: no decoder was free, or the one that worked on it stopped or took too long.
            Unavailable: decoders cannot be started.
        """
        ...


@dataclass(slots=True)
class _Slot:
    """A place for one decoder. Only the holder of the slot talks to the decoder."""

    process: DecoderProcess | None = None

    def clear(self) -> None:
        if self.process is not None:
            self.process.close()
            self.process = None


class DecoderPool:
    """Decoders ``python -m <module>``, where the module ends in ``renditor.sandbox.decoder.serve(handler)``.

    Args:
        launcher: starts them.
        module: see above.
        settings: their number and limits.
        background: they get a core only when nobody else wants it (nice 19).
    """

    def __init__(self, launcher: Launcher, module: str, settings: SandboxSettings, *, background: bool = False) -> None:
        self._launcher = launcher
        self._background = background
        self._module = module
        self._recycle_after = settings.recycle_after
        self._limits = Limits(
            memory=settings.memory,
            cpu_seconds=_LIFETIME_CPU_SECONDS,
            file_size=settings.answer_size,
            open_files=64,
        )
        self._count = settings.decoders
        places = [_Slot() for _ in range(settings.decoders)]
        self._slots = Slots(places, queue=settings.queue, wait=settings.queue_wait)
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Start all decoders now, so that the first requests need not wait for it.

        Raises:
            Unavailable: a decoder does not start.
        """
        slots = [await self._slots.acquire() for _ in range(self._count)]
        await asyncio.gather(*(self._fill(slot) for slot in slots))

    async def close(self) -> None:
        """Stop all decoders. Requests under way and waiting end with ``Unavailable``."""
        for slot in self._slots.close():
            slot.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.get_loop().call_soon_threadsafe(task.cancel)
        here = asyncio.get_running_loop()
        await asyncio.gather(*(task for task in tasks if task.get_loop() is here), return_exceptions=True)

    async def call(
        self,
        request: dict[str, Any],
        source: int,
        *,
        timeout: float,  # noqa: ASYNC109 - see Decoder
        layers: Sequence[int] = (),
    ) -> Answer:
        """See ``Decoder``."""
        with frames.memory_file() as output:
            meta = await self.exchange(request, source, output, timeout=timeout, layers=layers)
            return Answer(meta, frames.content_of(output))

    async def exchange(
        self,
        request: dict[str, Any],
        source: int,
        output: int,
        *,
        timeout: float,  # noqa: ASYNC109 - see Decoder
        layers: Sequence[int] = (),
    ) -> dict[str, Any]:
        """``call`` with the caller's own file for the content. Returns the meta of the answer.

        When the caller is cancelled, the decoder may finish within a moment or is killed; its answer goes nowhere.
        """
        slot = await self._slots.acquire()
        number = next(self._numbers)
        message = {"id": number, "request": request, "timeout": timeout}
        try:
            process = await self._send(slot, message, (source, output), layers)
        except BaseException:
            self._release(slot)
            raise
        job = self._track(self._finish(slot, process, number, timeout))
        try:
            await asyncio.wait([job])
        except asyncio.CancelledError:
            job.add_done_callback(_discard)
            asyncio.get_running_loop().call_later(_GRACE_SECONDS, _give_up, job, process)
            raise
        if job.cancelled():
            raise Unavailable("The server is stopping.")
        return job.result()

    async def _send(
        self, slot: _Slot, message: dict[str, Any], descriptors: tuple[int, int], layers: Sequence[int]
    ) -> DecoderProcess:
        process = await self._ready(slot)
        try:
            process.send(message, *descriptors, layers)
        except OSError:  # it died while it was idle: not this request's fault
            slot.clear()
            process = await self._ready(slot)
            process.send(message, *descriptors, layers)
        return process

    async def _finish(self, slot: _Slot, process: DecoderProcess, number: int, seconds: float) -> dict[str, Any]:
        """Take the answer, then give the slot on: with this decoder if it is still good, else with a new one."""
        try:
            answer = await process.answer(number, seconds)
        except RenditorError:
            self._replace(slot)
            raise
        except BaseException:  # the loop or the pool ends
            slot.clear()
            self._release(slot)
            raise
        if process.jobs >= self._recycle_after:
            self._replace(slot)
        else:
            self._release(slot)
        meta = answer.get("meta")
        if not isinstance(meta, dict):
            raise frames.unpack_error(answer.get("error"))
        return meta

    def _replace(self, slot: _Slot) -> None:
        """Start the next decoder before somebody needs it."""
        slot.clear()
        self._track(self._refill(slot))

    async def _refill(self, slot: _Slot) -> None:
        try:
            await self._fill(slot)
        except Unavailable as error:  # the next request tries again, and says so to somebody
            log.warning("no new decoder: %s", error.detail)

    async def _fill(self, slot: _Slot) -> None:
        try:
            await self._ready(slot)
        finally:
            self._release(slot)

    async def _ready(self, slot: _Slot) -> DecoderProcess:
        if slot.process is None:
            slot.process = await DecoderProcess.start(self._launcher, self._module, self._limits)
            if self._background:
                slot.process.stand_back()
        return slot.process

    def _release(self, slot: _Slot) -> None:
        if not self._slots.release(slot):
            slot.clear()

    def _track(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Keep a reference: the loop itself holds tasks only weakly."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _discard(job: asyncio.Task[Any]) -> None:
    """Look at the outcome, so that the loop does not report it as overlooked."""
    if not job.cancelled():
        job.exception()


def _give_up(job: asyncio.Task[Any], process: DecoderProcess) -> None:
    if not job.done():
        process.give_up()

"""One decoder process as the pool sees it: started, spoken to, and asked why it died."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from renditor.errors import LimitExceeded, Overloaded, RenditorError, Unavailable
from renditor.sandbox import frames
from renditor.sandbox.launcher import Child, Launcher
from renditor.sandbox.policy import Limits, Policy

log = logging.getLogger(__name__)

_START_SECONDS: Final = 30.0  # imports on a machine that is busy with encodes
_POST_MORTEM_SECONDS: Final = 1.0
_LOG_TAIL: Final = 4096  # bytes
_LEAST_PRIORITY: Final = 19

_ENVIRONMENT: Final = {
    "MALLOC_ARENA_MAX": "2",  # else glibc reserves 64 MB of address space per thread, which the memory limit counts
    "OMP_NUM_THREADS": "1",  # the face detector would start one thread per core
    "VIPS_CONCURRENCY": "1",  # one core per decoder: throughput comes from their number
    "VIPS_BLOCK_UNTRUSTED": "1",  # no loaders that libvips itself calls unsafe: .v, Matlab, Analyze, SVG, ...
    "VIPS_DISC_THRESHOLD": "4g",  # never spill to a temporary file: a sealed decoder cannot open one
}


class DecoderProcess:
    """A running decoder child. ``jobs`` counts what it was given."""

    def __init__(self, child: Child, channel: socket.socket, printed: int) -> None:
        self.jobs = 0
        self._child = child
        self._channel = channel
        self._printed = printed
        self._unwanted = False

    @classmethod
    async def start(cls, launcher: Launcher, module: str, limits: Limits) -> Self:
        """Start ``python -m <module>`` and wait until it has sealed itself.

        Raises:
            Unavailable: it does not start; the log says what it printed.
        """
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel.setblocking(False)
        printed = os.memfd_create("decoder-log", os.MFD_CLOEXEC)
        try:
            with theirs:
                child = await launcher.spawn(
                    [_interpreter(), "-S", "-s", "-P", "-B", "-m", module],
                    policy=Policy(read=_import_folders(), limits=limits),
                    env={**_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(_import_path())},
                    stdout=printed,
                    stderr=printed,
                    pass_fds=[theirs.fileno()],
                )
        except BaseException as error:
            channel.close()
            os.close(printed)
            if isinstance(error, OSError):
                raise Unavailable("A decoder process cannot be started.") from error
            raise
        process = cls(child, channel, printed)
        try:
            await process._greet()
        except BaseException:
            process.close()
            raise
        return process

    def stand_back(self) -> None:
        """Have it run only when no other process wants the core. Its own lockdown forbids it to do that."""
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self._child.pid, _LEAST_PRIORITY)

    async def _greet(self) -> None:
        frame: frames.Frame | None = None
        try:
            async with asyncio.timeout(_START_SECONDS):
                frame = await frames.receive_async(self._channel)
        except (TimeoutError, ValueError):
            pass
        if frame is None or "hello" not in frame[0]:
            log.error("a decoder did not start: %s", self._tail())
            raise Unavailable("A decoder process cannot be started.", hint="Run `renditor doctor`.")

    def send(self, message: dict[str, Any], source: int, output: int, layers: Sequence[int] = ()) -> None:
        """Hand over a job. Source and layers are read from their start.

        Raises:
            OSError: the process has died since its last job.
            ValueError: the source or a layer is open for writing (a decoder taken over could change the original),
                there are too many layers, or the message is too large.
        """
        for descriptor in (source, *layers):
            if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
                raise ValueError("the source must be open for reading only")
            os.lseek(descriptor, 0, os.SEEK_SET)  # an attempt that failed may have moved it
        frames.send(self._channel, message, (source, output, *layers))
        self.jobs += 1

    async def answer(self, number: int, seconds: float) -> dict[str, Any]:
        """The answer to job ``number``.

        Raises:
            Overloaded: the process died, took longer than ``seconds``, or answered something else.
            LimitExceeded: it used up its processor time. In both cases the process is of no more use.
        """
        try:
            async with asyncio.timeout(seconds):
                frame = await frames.receive_async(self._channel)
        except TimeoutError:
            log.warning("a decoder was killed after %g s", seconds)
            raise Overloaded(
                f"The file took longer than {seconds:g} s and was stopped.",
                hint="Ask for a smaller size, or try again when the server is less busy.",
            ) from None
        except ValueError:
            frame = None
        if frame is None or frame[0].get("id") != number:
            raise await self._post_mortem()
        return frame[0]

    async def _post_mortem(self) -> RenditorError:
        returncode: int | None = None
        self._child.kill()
        try:
            async with asyncio.timeout(_POST_MORTEM_SECONDS):
                returncode = await self._child.wait()
        except (TimeoutError, Unavailable):
            pass
        if not self._unwanted:
            log.warning("a decoder ended with %s: %s", returncode, self._tail())
        if returncode == -signal.SIGPROF:
            # Unlike time on the clock, processor time is a property of the file: another try ends the same way.
            return LimitExceeded("The file took more processor time than allowed and was stopped.")
        return Overloaded("The decoder stopped while it worked on this file.", hint="The file may be damaged.")

    def give_up(self) -> None:
        """Kill it in the middle of a job: nobody waits for the answer."""
        self._unwanted = True
        self._child.kill()

    def close(self) -> None:
        """Kill it and forget it."""
        self._child.close()
        self._channel.close()
        os.close(self._printed)

    def _tail(self) -> str:
        size = os.fstat(self._printed).st_size
        return os.pread(self._printed, _LOG_TAIL, max(0, size - _LOG_TAIL)).decode(errors="replace").strip()


def _interpreter() -> str:
    """Python itself, not the link in a virtual environment: PYTHONPATH says all that the link would."""
    return os.path.realpath(sys.executable)


def _import_path() -> list[str]:
    """What this process can import, a decoder can. Relative entries ("here") are not handed on."""
    return [entry for entry in dict.fromkeys(sys.path) if Path(entry).is_absolute() and Path(entry).exists()]


def _import_folders() -> tuple[str, ...]:
    """Readable during the imports only: a decoder seals itself before the first request."""
    base = Path(sys.base_prefix)
    # cpuinfo: native libraries are loaded only where the processor has the instructions they use.
    library = (base / "lib", base / sys.platlibdir, Path(os.__file__).parent, Path("/proc/cpuinfo"))
    return tuple(dict.fromkeys([*_import_path(), *(str(folder) for folder in library if folder.exists())]))

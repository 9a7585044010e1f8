"""The client of the launcher process: starts confined programs from any event loop or thread of this process.

Nothing it starts can stay behind: a child dies with its own end, when its caller is cancelled or times out, when this
process dies (however it dies), and when the launcher process dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from renditor.errors import Unavailable
from renditor.sandbox.folders import Watch
from renditor.sandbox.pipes import Output, Pipe
from renditor.sandbox.policy import Policy

_SEND_SECONDS: Final = 5.0
_QUICK_SECONDS: Final = 0.5
_DEATH_SECONDS: Final = 2.0  # a killed process is gone in milliseconds unless the disk hangs

# All a child gets from us: its parent's environment may hold keys and passwords.
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended. ``returncode`` is negative for a signal; ``stderr`` holds the last 64 KiB;
    ``cpu_seconds`` is the processor time it took, over all threads."""

    returncode: int
    stdout: bytes
    stderr: bytes
    cpu_seconds: float = 0.0


class _LauncherDied(Unavailable):
    """The launcher process has ended, and every child with it."""

    title = "The launcher of media programs stopped; the program was killed."


class Child:
    """A running program. Dropping the last reference to it kills it, as ``close`` does."""

    def __init__(self, pid: int, reply: socket.socket) -> None:
        self.pid = pid
        self._reply = reply
        self._returncode: int | None = None
        self.cpu_seconds = 0.0  # known once it has ended

    async def wait(self) -> int:
        """The exit code once it has ended, negative for a signal. One waiter at a time.

        Raises:
            Unavailable: the launcher process has died, and the child with it.
        """
        if self._returncode is None:
            news = await _receive(self._reply)
            self._returncode, self.cpu_seconds = int(news["rc"]), float(news["cpu"])
            self._reply.close()
        return self._returncode

    def kill(self) -> None:
        """Ask for SIGKILL to the whole group. Returns at once; ``wait`` says when it is done."""
        with contextlib.suppress(OSError):
            self._reply.shutdown(socket.SHUT_WR)

    async def end(self) -> None:
        """Kill it and wait until it is dead, at most two seconds."""
        await _bury(self._reply)

    def close(self) -> None:
        """Kill it and forget it."""
        self._reply.close()


class Launcher:
    """Owns one launcher process. Safe to share between threads and event loops."""

    _script = Path(__file__).with_name("forkserver.py")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False

    def start(self) -> None:
        """Start the launcher process unless there is one. ``spawn`` and ``run`` do so too, and replace a dead one."""
        with self._lock:
            self._closed = False
            self._open()

    def close(self) -> None:
        """Stop the launcher process and every child it has. Nothing starts any more until ``start``."""
        with self._lock:
            self._closed = True
            self._stop()

    def _open(self) -> socket.socket:
        if self._control is not None:
            return self._control
        if self._closed:
            raise Unavailable("The server is stopping.")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_SEND_SECONDS)
        with theirs:
            self._process = _keep(self._script, theirs.fileno())
        self._control = ours
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(_DEATH_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    async def spawn(  # noqa: PLR0913 - the parts of a process: argv, rights, folder, environment, descriptors
        self,
        argv: Sequence[str],
        *,
        policy: Policy,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """Start a program, locked down by ``policy``, in a session of its own.

        Args:
            argv: the program by its absolute path, then its arguments.
            policy: what it may reach; must have limits. The program itself and the system's libraries are added.
            cwd: folder to start in (default ``/``).
            env: all of its environment beside PATH, LANG and HOME. Nothing is inherited.
            stdin: descriptor, as the next two; None is ``/dev/null``.
            stdout: see ``stdin``.
            stderr: see ``stdin``.
            pass_fds: further descriptors; the child finds them as 3, 4, 5, ... in this order.

        Raises:
            OSError: the program or a path of the policy is missing, or the kernel refused to start it.
            Unavailable: the launcher process cannot be reached.
        """
        standard = [stdin, stdout, stderr]
        request = {
            "argv": list(argv),
            "policy": asdict(policy),
            "cwd": str(cwd or "/"),
            "env": {**_ENVIRONMENT, **(env or {})},
            "standard": [descriptor is not None for descriptor in standard],
        }
        given = [descriptor for descriptor in standard if descriptor is not None]
        payload = json.dumps(request).encode()
        try:
            return await self._request(payload, [*given, *pass_fds])
        except _LauncherDied:  # killed from outside: once more with another
            return await self._request(payload, [*given, *pass_fds])

    async def _request(self, payload: bytes, descriptors: list[int]) -> Child:
        with self._lock:
            control = self._open()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            with theirs:
                socket.send_fds(control, [payload], [theirs.fileno(), *descriptors])
            answer = await _receive(ours)
        except (BrokenPipeError, ConnectionResetError, _LauncherDied):
            ours.close()
            self._discard(control)
            raise _LauncherDied from None
        except asyncio.CancelledError:
            await _bury(ours)
            raise
        except BaseException:
            ours.close()
            raise
        if "error" in answer:
            ours.close()
            raise OSError(answer["error"], os.strerror(answer["error"]))
        return Child(answer["pid"], ours)

    def _discard(self, control: socket.socket) -> None:
        with self._lock:
            if self._control is control:
                self._stop()

    async def run(  # noqa: PLR0913 - as spawn
        self,
        argv: Sequence[str],
        *,
        policy: Policy,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float,  # noqa: ASYNC109 - the limit belongs to the program: it is killed, not only left
        on_line: Callable[[str], None] | None = None,
        on_data: Callable[[bytes], None] | None = None,
        max_output: int = 8 * 1024 * 1024,
    ) -> Completed:
        """Run a program to its end. However this call ends, the program and all it started have ended too.

        Args:
            argv: see ``spawn``, as ``policy``, ``cwd`` and ``env``.
            policy: see ``spawn``.
            cwd: see ``spawn``.
            env: see ``spawn``.
            timeout: seconds from now until its whole group gets SIGKILL.
            on_line: called with each line of stdout as it comes (without line end); ``stdout`` then stays empty.
            on_data: instead of that, called with stdout as it comes, at most 64 KiB at once. ``stdout`` stays empty and
                ``max_output`` says nothing: what of it is kept, and how much, is up to the caller.
            max_output: bytes of stdout (with ``on_line``: of one line) that are taken before the program is killed.

        Raises:
            TimeoutError: it took too long and was killed.
            LimitExceeded: it printed more than ``max_output``.
            Overfull: it wrote more than the limits of the policy allow all its files together, and was killed.
            OSError, Unavailable: as ``spawn``.
        """
        output = Output(max_output, on_line)
        with contextlib.ExitStack() as closing:
            ends = []
            for take in (on_data or output.take_stdout, output.take_stderr):
                pipe = Pipe(take)
                closing.callback(pipe.close)
                ends.append(pipe)
            async with asyncio.timeout(timeout):
                watch = _watch(policy)
                child = await self.spawn(
                    argv, policy=policy, cwd=cwd, env=env, stdout=ends[0].writer, stderr=ends[1].writer
                )
                try:
                    returncode = await _ended(child, ends, watch)
                except BaseException:
                    await child.end()
                    raise
        output.finish()
        return Completed(returncode, bytes(output.stdout), bytes(output.stderr), child.cpu_seconds)


def _keep(script: Path, control: int) -> subprocess.Popen[bytes]:
    """Start the launcher process from a thread that stays for as long as the process does.

    The kernel ties "dies with its parent" to the thread that forked: had a short-lived thread started it, it would
    die with that thread.
    """
    started: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()

    def keep() -> None:
        argv = [sys.executable, "-I", "-S", "-E", str(script), str(control), str(os.getpid())]
        try:
            process = subprocess.Popen(
                argv, pass_fds=[control], stdin=subprocess.DEVNULL, env=_ENVIRONMENT, cwd="/", start_new_session=True
            )
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    threading.Thread(target=keep, name="launcher", daemon=True).start()
    result = started.get()
    if isinstance(result, OSError):
        raise Unavailable("The launcher of media programs cannot be started.") from result
    return result


def _watch(policy: Policy) -> Watch | None:
    """None: there is nothing to watch. It looks at the folder here: a hop through a thread costs ten times as much."""
    limits = policy.limits
    if limits is None or not policy.write or (limits.total_size, limits.files) == (None, None):
        return None
    return Watch(policy.write, limits)


async def _ended(child: Child, pipes: Sequence[Pipe], watch: Watch | None) -> int:
    """The exit code once the program has closed its pipes and ended. Raises Overfull."""

    async def wait() -> int:
        for pipe in pipes:
            await pipe.drained()
        return await child.wait()

    if watch is None:
        return await wait()
    began = time.monotonic()
    returncode = await _first(wait(), watch.follow(child.pid))
    if time.monotonic() - began < _QUICK_SECONDS:
        watch.look()  # in so short a time it has not left much to look at
    else:
        await asyncio.to_thread(watch.look)
    return returncode


async def _first(work: Coroutine[Any, Any, int], guard: Coroutine[Any, Any, None]) -> int:
    """The result of ``work``, unless ``guard`` raises before. Neither runs on."""
    working, guarding = asyncio.create_task(work), asyncio.create_task(guard)
    try:
        await asyncio.wait((working, guarding), return_when=asyncio.FIRST_COMPLETED)
        if guarding.done():
            guarding.result()
        return await working
    finally:
        for task in (working, guarding):
            task.cancel()
        await asyncio.gather(working, guarding, return_exceptions=True)


async def _bury(reply: socket.socket) -> None:
    """Have the child killed, and wait for that: nobody shall clear a folder the child still writes to."""
    if reply.fileno() < 0:  # it is dead, and the news has been read
        return
    with contextlib.suppress(OSError):
        reply.shutdown(socket.SHUT_WR)
    try:
        async with asyncio.timeout(_DEATH_SECONDS):
            while "pid" in await _receive(reply):  # the news of its start may still be on the way
                pass
    except (TimeoutError, Unavailable):
        pass
    finally:
        reply.close()


async def _receive(reply: socket.socket) -> dict[str, Any]:
    try:
        payload = await asyncio.get_running_loop().sock_recv(reply, 4096)
    except ConnectionResetError:
        payload = b""
    if not payload:
        reply.close()
        raise _LauncherDied
    message: dict[str, Any] = json.loads(payload)
    return message

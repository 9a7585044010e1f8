"""The launcher process: starts, confines, guards and reaps every tool and decoder. Standard library only.

Started by ``launcher.Launcher`` as ``python -I -S -E forkserver.py CONTROL_FD PARENT_PID``. It is small and has one
thread, so a fork costs little and is safe, which it is not in a server with threads; and it lives as long as its
owner, so PDEATHSIG (which follows the *thread* that forked) means what it should.

One request is one message on the control socket: JSON, plus descriptors ``[reply, stdin?, stdout?, stderr?, ...]``.
The reply socket then carries ``{"pid"}`` once the program runs (or ``{"error": errno}``) and ``{"rc", "cpu"}`` when
it has ended (negative: the signal; its processor time in s). End of file on it means that nobody wants the child any
more: SIGKILL for its group.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import gc
import json
import os
import selectors
import signal
import socket
import struct
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

if __name__ == "__main__":
    # Started by path: make the two packages without running their __init__, which may import the whole product.
    _here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs 5 ms at start
    for _name, _folder in (("renditor", os.path.dirname(_here)), ("renditor.sandbox", _here)):  # noqa: PTH120
        _package = types.ModuleType(_name)
        _package.__path__ = [_folder]
        sys.modules[_name] = _package

from renditor.sandbox import descriptors as opened
from renditor.sandbox import policy
from renditor.sandbox.policy import Limits, Policy

MESSAGE_SIZE: Final = 256 * 1024  # bytes; more than the kernel's default for one message of a socket
MAX_DESCRIPTORS: Final = 32

# What every dynamically linked program reads: its loader's cache, libraries, and two devices.
_LIBRARIES: Final = tuple(
    path
    for path in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/dev/urandom")
    if os.path.exists(path)  # noqa: PTH110 - as above
)
_NULL: Final = "/dev/null"

# Python ignores the last two, and whoever starts a server in the background (nohup) others; a program expects the
# default, and inherits "ignored" through exec.
_RESET: Final = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ)

# The kernel's choice when memory runs out: a decoder or encoder rather than the server.
_OOM_SCORE: Final = b"500"


@dataclass(slots=True)
class _Child:
    """``status`` is a pipe that closes itself at exec; an errno comes through it if there is no exec."""

    pid: int
    reply: socket.socket
    status: int


class ForkServer:
    """Serves one client over ``control`` until that socket closes, then kills every child."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, _Child] = {}
        self._pid = os.getpid()
        self._null = os.open(_NULL, os.O_RDWR | os.O_CLOEXEC)
        self._running = True

    def serve(self) -> None:
        wake, signalled = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        self._watch(self._control, self._accept)
        self._watch(wake, lambda: self._reap(wake))
        gc.freeze()  # children share these pages as long as the collector leaves them alone
        while self._running:
            for key, _ in self._selector.select():
                # An earlier event of this round may have ended the child this one is about, and reused its number.
                if self._selector.get_map().get(key.fd) == key:
                    key.data()
        for child in self._children.values():
            _kill(child.pid)

    def _watch(self, source: socket.socket | int, action: Callable[[], None]) -> None:
        self._selector.register(source, selectors.EVENT_READ, action)

    def _accept(self) -> None:
        payload, descriptors, complete = opened.receive(self._control, MESSAGE_SIZE, MAX_DESCRIPTORS)
        if not descriptors:
            self._running = bool(payload)
            return
        reply = socket.socket(fileno=descriptors[0])
        reply.setblocking(False)
        try:
            child = self._start(payload if complete else b"", reply, descriptors[1:])
        except (OSError, ValueError) as error:
            _answer(reply, {"error": getattr(error, "errno", errno.E2BIG)})
            reply.close()
        else:
            self._children[child.pid] = child
            self._watch(child.status, lambda: self._settle(child))
            self._watch(reply, lambda: self._abandon(child))
        finally:
            opened.close(descriptors[1:])

    def _start(self, payload: bytes, reply: socket.socket, descriptors: list[int]) -> _Child:
        request = json.loads(payload)
        status, report = os.pipe2(os.O_CLOEXEC)
        given = iter(descriptors)
        wanted = [next(given) if present else self._null for present in request["standard"]]
        wanted += given
        try:
            pid = os.fork()
            if pid == 0:
                self._become(request, wanted, report)
        except OSError:  # no processes or memory left
            os.close(status)
            raise
        finally:
            os.close(report)
        return _Child(pid, reply, status)

    def _become(self, request: dict[str, Any], descriptors: list[int], report: int) -> NoReturn:
        """In the child: turn into the program. Whatever goes wrong is reported, never raised into the server."""
        try:
            policy.die_with_parent(self._pid)
            os.setsid()
            signal.set_wakeup_fd(-1)
            for signum in _RESET:
                signal.signal(signum, signal.SIG_DFL)
            with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as score:
                score.write(_OOM_SCORE)
            report = _place(descriptors, report)
            os.chdir(request["cwd"])
            argv = request["argv"]
            policy.lockdown(_allow_program(_policy(request["policy"]), argv[0]))
            os.execve(argv[0], argv, request["env"])  # noqa: S606 - no shell is the point
        except Exception as error:  # noqa: BLE001 - its number is all that can be said from here
            os.write(report, struct.pack("<i", getattr(error, "errno", None) or errno.EINVAL))
        finally:
            os._exit(127)

    def _settle(self, child: _Child) -> None:
        """Tell the client how the start went, as soon as that is known."""
        self._selector.unregister(child.status)
        failure = os.read(child.status, 4)
        os.close(child.status)
        child.status = -1
        _answer(child.reply, {"error": struct.unpack("<i", failure)[0]} if failure else {"pid": child.pid})

    def _abandon(self, child: _Child) -> None:
        self._selector.unregister(child.reply)
        _kill(child.pid)

    def _reap(self, wake: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(wake, 4096)
        while self._children:
            # WNOWAIT keeps the pid taken until its whole group is dead: no other process can get it in between.
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            _kill(ended.si_pid)
            _, status, used = os.wait4(ended.si_pid, 0)
            child = self._children.pop(ended.si_pid)
            if child.status >= 0:
                self._settle(child)
            with contextlib.suppress(KeyError):  # abandoned before
                self._selector.unregister(child.reply)
            cpu = used.ru_utime + used.ru_stime
            _answer(child.reply, {"rc": os.waitstatus_to_exitcode(status), "cpu": round(cpu, 3)})
            child.reply.close()


def _answer(reply: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the client has gone: nobody to tell
        reply.send(json.dumps(message).encode())


def _kill(pid: int) -> None:
    """The group, and the process itself in case it has not made its group yet."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _place(descriptors: list[int], report: int) -> int:
    """Give the child its descriptors as 0, 1, 2, ... and nothing else. Returns where ``report`` is now."""
    count = len(descriptors)
    report = fcntl.fcntl(report, fcntl.F_DUPFD_CLOEXEC, count)
    # First out of the way of the numbers they shall get, else one could overwrite another.
    aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, count) for descriptor in descriptors]
    for number, descriptor in enumerate(aside):
        os.dup2(descriptor, number)
    os.closerange(count, report)
    os.closerange(report + 1, os.sysconf("SC_OPEN_MAX"))
    return report


def _policy(fields: dict[str, Any]) -> Policy:
    limits = fields["limits"]
    return Policy(tuple(fields["read"]), tuple(fields["write"]), limits and Limits(**limits))


def _allow_program(given: Policy, program: str) -> Policy:
    """Add what it takes to start: the program and its ELF interpreter, and the libraries to read.

    The filter cannot forbid the exec that starts the program itself, so Landlock holds the rest: no other file can
    be executed, execveat and memory files are forbidden, and the program cannot fork.
    """
    interpreter = _interpreter(program)
    execute = (program,) if interpreter is None else (program, interpreter)
    return replace(given, read=given.read + _LIBRARIES, write=(*given.write, _NULL), execute=execute)


@functools.cache
def _interpreter(program: str) -> str | None:
    """The dynamic loader an ELF file names (PT_INTERP); None for a static one. Source: elf(5)."""
    with open(program, "rb") as file:
        header = file.read(64)
        if len(header) < 64 or header[:5] != b"\x7fELF\x02":
            return None
        offset = struct.unpack_from("<Q", header, 32)[0]
        size, count = struct.unpack_from("<HH", header, 54)
        for index in range(count):
            file.seek(offset + index * size)
            segment = file.read(size)
            if struct.unpack_from("<I", segment)[0] == 3:
                start, _, _, length = struct.unpack_from("<4Q", segment, 8)
                file.seek(start)
                return file.read(length).rstrip(b"\0").decode()
    return None


def main() -> None:
    control, parent = int(sys.argv[1]), int(sys.argv[2])
    policy.die_with_parent(parent)
    policy.protections()  # asked once here, known in every child
    os.set_inheritable(control, False)
    ForkServer(socket.socket(fileno=control)).serve()


if __name__ == "__main__":
    main()

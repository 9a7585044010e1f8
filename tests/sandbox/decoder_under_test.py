"""A decoder for the tests: does what the request says, harmless or hostile, inside the real sandbox."""

# One line per attack, in terms of the system call it makes:
# ruff: noqa: ARG005, PTH101, PTH104, PTH108, PTH208, SIM115
from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from renditor.errors import CorruptMedia
from renditor.sandbox.decoder import serve

_idle_thread_may_end = threading.Event()
_thread_findings: list[str] = []
_kept: list[bytes] = []


def handle(request: dict[str, Any], source: int, output: BinaryIO, layers: Sequence[int]) -> dict[str, Any]:
    if request["do"] == "read_all":
        result: Any = [os.read(file, 1000).decode() for file in (source, *layers)]
    else:
        result = ACTIONS[request["do"]](request, source, output)
    return {"pid": os.getpid(), "result": result}


def _outcome(action: Callable[[], Any]) -> str:
    """What an attack came to, as text."""
    try:
        return f"done: {action()}"
    except OSError as error:
        return type(error).__name__
    except ValueError as error:  # what Python makes of EPERM from setrlimit
        return str(error)


def _attack(request: dict[str, Any], source: int, output: BinaryIO) -> str:
    return _outcome(lambda: ATTACKS[request["attack"]](request))


def _attack_from_old_thread(request: dict[str, Any], source: int, output: BinaryIO) -> str:
    """By a thread that was there before the process was sealed."""
    _thread_findings.append(request["path"])
    _idle_thread_may_end.set()
    _old_thread.join(5)
    return _thread_findings.pop()


def _wait_then_open() -> None:
    _idle_thread_may_end.wait()
    path = _thread_findings.pop()
    _thread_findings.append(_outcome(lambda: open(path, "rb").read(1)))


def _new_thread(request: dict[str, Any], source: int, output: BinaryIO) -> str:
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append("ran"))
    thread.start()
    thread.join()
    return seen[0]


def _copy(request: dict[str, Any], source: int, output: BinaryIO) -> int:
    return output.write(os.pread(source, os.fstat(source).st_size, 0))


def _scatter(request: dict[str, Any], source: int, output: BinaryIO) -> None:
    """Leave freed memory that glibc keeps: many small blocks, of which the last stays in use."""
    blocks = [bytes(60_000) for _ in range(request["bytes"] // 60_000)]
    _kept.append(blocks.pop())


def _sleep(request: dict[str, Any], source: int, output: BinaryIO) -> Any:
    time.sleep(request["seconds"])
    return request.get("tag")


def _spin(request: dict[str, Any], source: int, output: BinaryIO) -> None:
    while True:
        pass


def _refuse(request: dict[str, Any], source: int, output: BinaryIO) -> None:
    raise CorruptMedia("The file ends in the middle.", hint="Send it again.")


def _bug(request: dict[str, Any], source: int, output: BinaryIO) -> None:
    raise ValueError("a bug in the decoder")


def _ptrace(request: dict[str, Any]) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, ctypes.c_long(os.getppid()), None, None) != 0:  # PTRACE_ATTACH
        raise OSError(ctypes.get_errno(), "ptrace")
    return 0


ACTIONS: dict[str, Any] = {
    "attack": _attack,
    "attack_from_old_thread": _attack_from_old_thread,
    "new_thread": _new_thread,
    "copy": _copy,
    "read": lambda request, source, output: os.read(source, 1000).decode(),
    "scatter": _scatter,
    "echo": lambda request, source, output: request.get("tag"),
    "sleep": _sleep,
    "spin": _spin,
    "refuse": _refuse,
    "bug": _bug,
    "crash": lambda request, source, output: os.kill(os.getpid(), signal.SIGSEGV),
    "memory": lambda request, source, output: len(bytearray(request["bytes"])),
    "fill": lambda request, source, output: output.write(bytes(request["bytes"])),
    "meta": lambda request, source, output: "x" * request["bytes"],
    "environment": lambda request, source, output: dict(os.environ),
    "write_source": lambda request, source, output: _outcome(lambda: os.pwrite(source, b"!", 0)),
}

ATTACKS: dict[str, Any] = {
    "read": lambda request: open(request["path"], "rb").read(1),
    "write": lambda request: open(request["path"], "wb").write(b"x"),
    "list": lambda request: os.listdir("/"),
    "chmod": lambda request: os.chmod(request["path"], 0o777),
    "unlink": lambda request: os.unlink(request["path"]),
    "rename": lambda request: os.rename(request["path"], request["path"] + ".moved"),
    "socket": lambda request: socket.socket(),
    "unix_socket": lambda request: socket.socket(socket.AF_UNIX),
    "fork": lambda request: os.fork(),
    "spawn": lambda request: os.posix_spawn("/bin/true", ["true"], {}),
    "subprocess": lambda request: subprocess.run(["/bin/true"], check=True),
    "exec": lambda request: os.execv("/bin/true", ["true"]),
    "kill_parent": lambda request: os.kill(os.getppid(), signal.SIGKILL),
    "kill_all": lambda request: os.kill(-1, signal.SIGKILL),
    "ptrace": _ptrace,
    "memory_file": lambda request: os.memfd_create("program"),
    "raise_limit": lambda request: __import__("resource").setrlimit(__import__("resource").RLIMIT_AS, (-1, -1)),
}

if __name__ == "__main__":
    _old_thread = threading.Thread(target=_wait_then_open, daemon=True)
    _old_thread.start()
    import resource as _resource  # noqa: F401 - imported before the process is sealed

    serve(handle)

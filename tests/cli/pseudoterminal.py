"""A program whose stderr is a terminal, and what a person would see of it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Seen:
    """``written`` to the terminal; ``status`` as of ``subprocess``; ``out``: stdout, where that was no terminal."""

    written: str = ""
    status: int = 0
    out: str = ""
    resized: list[int] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """What stood in the line one after the other."""
        return [piece for piece in re.split(r"\r\x1b\[K|\r\n", self.written) if piece]

    @property
    def left(self) -> str:
        """What is on the screen at the end; only clearing of a line is understood."""
        rows = [row.split("\r\x1b[K")[-1] for row in self.written.split("\r\n")]
        return "\n".join(rows).strip()


def watch(
    command: Sequence[str | Path],
    columns: int = 100,
    each: Callable[[Seen, Callable[[int], None], subprocess.Popen[bytes]], None] = lambda *_: None,
    *,
    both: bool = False,
    **env: str,
) -> Seen:
    """Run a program on a terminal of so many ``columns``.

    Args:
        command: what to run.
        columns: of the terminal.
        each: called after each piece of output with what was seen so far, a way to resize the window, and the program.
        both: stdout is the terminal too.
        env: more of the environment.
    """
    master, slave = pty.openpty()
    seen = Seen()

    def resize(to: int) -> None:
        seen.resized.append(to)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, to, 0, 0))

    resize(columns)
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=slave if both else subprocess.PIPE,
        stderr=slave,
        stdin=subprocess.DEVNULL,
        env={**clean, "TERM": "xterm", **env},
    )
    try:
        while process.poll() is None or _readable(master):
            if _readable(master):
                seen.written += os.read(master, 65536).decode()
                each(seen, resize, process)
        if process.stdout:
            seen.out = process.stdout.read().decode()
    finally:
        process.kill()
        process.communicate()
        os.close(slave)
        os.close(master)
    seen.status = process.returncode
    return seen


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0.05)[0])

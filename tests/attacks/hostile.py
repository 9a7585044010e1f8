"""What a hostile file could make FFmpeg do once it has taken it over, as lines of Python under FFmpeg's own policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from renditor.ffmpeg.binaries import Binaries, Tool
from renditor.ffmpeg.budget import Budget
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.process import _import_folders
from tests.sandbox.conftest import python

BUDGET = Budget(seconds=20, file_size=1_000_000, cpu_seconds=5)

# `attempt` tells what became of a try: "done", or the name of the error.
_PRELUDE = """
import ctypes, errno, json, os, signal, socket, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in arguments]) < 0:
        raise OSError(ctypes.get_errno(), "")
def attempt(action):
    try:
        return f"done: {action()!r}"
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
"""


class HostileToolbox(Toolbox):
    """The product's own toolbox (its policy, limits, environment and launcher) whose FFmpeg runs other code."""

    def __init__(self, launcher: Launcher) -> None:
        super().__init__(launcher, Binaries(), FFmpegSettings())

    def command(self, tool: Tool, arguments: Sequence[str]) -> list[str]:  # noqa: ARG002 - the toolbox's own form
        (code,) = arguments
        return python(_PRELUDE + code)

    async def run(self, code: str, folder: Path, budget: Budget = BUDGET, reads: Sequence[Path] = ()) -> None:
        """As a run of FFmpeg. What Python itself needs can be read beside ``reads``, and nothing more."""
        await self.ffmpeg([code], folder=folder, budget=budget, reads=[*map(Path, _import_folders()), *reads])

    async def attempts(self, folder: Path, *actions: str, reads: Sequence[Path] = ()) -> list[str]:
        """What became of each of these expressions."""
        tried = ", ".join(f"attempt(lambda: {action})" for action in actions)
        await self.run(f"json.dump([{tried}], open('said', 'w'))", folder, reads=reads)
        said: list[str] = json.loads((folder / "said").read_text())
        return said

"""Real launcher and decoders on the real kernel, and a way to run lines of Python inside the sandbox."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from renditor.sandbox.frames import MAX_LAYERS
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.policy import Limits, Policy
from renditor.sandbox.pool import DecoderPool, SandboxSettings
from renditor.sandbox.process import _import_folders

LIMITS = Limits(memory=1024**3, cpu_seconds=20, file_size=16 * 1024**2)
DECODER = f"{__name__.rpartition('.')[0]}.decoder_under_test"


def python(code: str, *arguments: str) -> list[str]:
    """A command line that runs these lines, as a stand-in for a media program."""
    return [os.path.realpath(sys.executable), "-I", "-S", "-B", "-c", code, *arguments]


def python_policy(*, read: tuple[Path, ...] = (), write: tuple[Path, ...] = (), limits: Limits = LIMITS) -> Policy:
    return Policy(read=(*_import_folders(), *map(str, read)), write=tuple(map(str, write)), limits=limits)


def gone(pid: int) -> bool:
    """Dead, or a zombie that only waits for a parent that does not reap."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """For what other processes do: wait until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    launcher = Launcher()
    launcher.start()
    yield launcher
    launcher.close()


@pytest.fixture
async def make_pool(launcher: Launcher) -> AsyncIterator[Callable[..., DecoderPool]]:
    """Pools of test decoders; keyword arguments are settings."""
    made: list[DecoderPool] = []

    def make(**settings: float) -> DecoderPool:
        made.append(DecoderPool(launcher, DECODER, SandboxSettings.model_validate({"decoders": 1, **settings})))
        return made[-1]

    yield make
    for pool in made:
        await pool.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[int]:
    """A small file, open for reading."""
    path = tmp_path / "source.bin"
    path.write_bytes(b"original bytes")
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def layers(tmp_path: Path) -> Iterator[list[int]]:
    """As many more files as a request may carry, each saying its number."""
    descriptors = []
    for number in range(MAX_LAYERS):
        path = tmp_path / f"layer{number}.bin"
        path.write_text(f"layer {number}")
        descriptors.append(os.open(path, os.O_RDONLY))
    yield descriptors
    for descriptor in descriptors:
        os.close(descriptor)

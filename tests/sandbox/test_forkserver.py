from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from renditor.sandbox import forkserver
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.policy import Policy

from .conftest import LIMITS, python, python_policy


def test_it_starts_with_the_standard_library_alone() -> None:
    """Nothing of the product but the sandbox's own files: it stays small, and forks fast."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()  # so that it ends at once
    with theirs:
        done = subprocess.run(
            [sys.executable, "-ISE", "-X", "importtime", forkserver.__file__, str(theirs.fileno()), str(os.getpid())],
            pass_fds=[theirs.fileno()], capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    modules = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    ours_loaded = {name for name in modules if name.startswith("renditor")}
    assert ours_loaded == {f"renditor.sandbox.{name}" for name in ("policy", "seccomp", "descriptors")}
    assert not modules & {"asyncio", "pydantic", "typing_extensions"}


def test_it_does_not_serve_without_its_parent() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-E", forkserver.__file__, str(theirs.fileno()), "1"],
            pass_fds=[theirs.fileno()], timeout=10, check=False,
        )  # fmt: skip
    assert done.returncode == 1


def test_the_loader_is_read_from_the_program(tmp_path: Path) -> None:
    loader = forkserver._interpreter(python("")[0])
    assert loader is not None
    assert Path(loader).name.startswith("ld-")
    text = tmp_path / "script"
    text.write_text("#!/bin/sh\n")
    assert forkserver._interpreter(str(text)) is None
    assert forkserver._interpreter(str(Path(loader).resolve())) is None  # static itself


async def test_descriptors_land_on_their_numbers_whatever_theirs_were(launcher: Launcher, tmp_path: Path) -> None:
    """The launcher's own descriptors lie where the child's shall go: none may be overwritten before its turn."""
    opened = []
    for number in range(25):
        (tmp_path / str(number)).write_text(str(number))
        opened.append(os.open(tmp_path / str(number), os.O_RDONLY))
    reader, writer = os.pipe()
    child = await launcher.spawn(
        python("import os\nprint([int(os.read(n, 9)) for n in range(3, 28)])"),
        policy=python_policy(), stdout=writer, pass_fds=opened,
    )  # fmt: skip
    assert await child.wait() == 0
    assert os.read(reader, 1000).decode() == f"{list(range(25))}\n"
    for descriptor in (*opened, reader, writer):
        os.close(descriptor)


async def test_too_many_descriptors_are_refused(launcher: Launcher) -> None:
    reader, writer = os.pipe()
    with pytest.raises(OSError, match="too long"):
        await launcher.spawn(["/bin/true"], policy=Policy(limits=LIMITS), pass_fds=[reader] * 40)
    child = await launcher.spawn(["/bin/true"], policy=Policy(limits=LIMITS))
    assert await child.wait() == 0
    os.close(reader)
    os.close(writer)


async def test_standard_streams_are_empty_unless_given(launcher: Launcher) -> None:
    done = await launcher.run(
        python("import os\nprint(os.readlink('/proc/self/fd/0'), repr(os.read(0, 1)))"),
        policy=python_policy(read=(Path("/proc"),)),
        timeout=10,
    )
    assert done.stdout == b"/dev/null b''\n"


async def test_a_program_starts_with_default_signals(launcher: Launcher) -> None:
    """Python ignores SIGPIPE and SIGXFSZ; inherited, FFmpeg would write on into a closed pipe."""
    done = await launcher.run(
        ["/bin/grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"],
        policy=Policy(read=("/proc",), limits=LIMITS),
        timeout=9,
    )
    masks = [int(mask, 16) for mask in re.findall(rb"\t(\w+)", done.stdout)]
    assert len(masks) == 2
    # 32 and 33 belong to the C library's threads: no program can set them, and some starters leave them ignored.
    assert [mask & ~(0b11 << 31) for mask in masks] == [0, 0]

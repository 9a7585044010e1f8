"""The child's side by itself: what it does when nobody reads its answers, or the channel ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from renditor.errors import LimitExceeded, Overloaded
from renditor.sandbox import frames
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.policy import Limits
from renditor.sandbox.process import DecoderProcess

from .conftest import DECODER, eventually, gone

LIMITS = Limits(memory=1024**3, cpu_seconds=1000, file_size=1024**2, open_files=64)


async def test_one_job_has_a_budget_of_processor_time(launcher: Launcher, source: int) -> None:
    """Also when the pool's process, whose timer comes first otherwise, hangs."""
    process = await DecoderProcess.start(launcher, DECODER, LIMITS)
    with frames.memory_file() as output:
        for number in range(3):  # idle time and earlier jobs do not count
            process.send({"id": number, "request": {"do": "sleep", "seconds": 0.3}, "timeout": 0.2}, source, output)
            assert (await process.answer(number, 10))["id"] == number
        process.send({"id": 9, "request": {"do": "spin"}, "timeout": 0.2}, source, output)
        with pytest.raises(LimitExceeded, match="processor time"):
            await process.answer(9, 10)
    process.close()


async def test_an_answer_to_another_question_is_not_taken(launcher: Launcher, source: int) -> None:
    process = await DecoderProcess.start(launcher, DECODER, LIMITS)
    with frames.memory_file() as output:
        process.send({"id": 1, "request": {"do": "echo"}, "timeout": 5}, source, output)
        with pytest.raises(Overloaded):
            await process.answer(2, 10)
    process.close()


async def test_it_ends_with_its_channel(launcher: Launcher, source: int) -> None:
    process = await DecoderProcess.start(launcher, DECODER, LIMITS)
    pid = process._child.pid
    process._channel.shutdown(2)
    assert await process._child.wait() == 0
    assert await asyncio.to_thread(eventually, lambda: gone(pid))
    process.close()


async def test_it_keeps_no_descriptor_of_a_job(launcher: Launcher, source: int, layers: list[int]) -> None:
    process = await DecoderProcess.start(launcher, DECODER, LIMITS)
    child = psutil.Process(process._child.pid)
    before = child.num_fds()
    with frames.memory_file() as output:
        for number, do in enumerate(["echo", "copy", "refuse", "bug"]):
            process.send({"id": number, "request": {"do": do}, "timeout": 5}, source, output, layers[:number])
            await process.answer(number, 10)
    assert child.num_fds() == before
    process.close()


async def test_its_environment_and_folder_tell_nothing(launcher: Launcher) -> None:
    process = await DecoderProcess.start(launcher, DECODER, LIMITS)
    child = psutil.Process(process._child.pid)
    assert child.cwd() == "/"
    assert Path(child.exe()).name.startswith("python")
    assert not set(child.environ()) - {
        "HOME", "LANG", "LC_CTYPE", "PATH", "PYTHONPATH",
        "MALLOC_ARENA_MAX", "OMP_NUM_THREADS", "VIPS_BLOCK_UNTRUSTED", "VIPS_CONCURRENCY", "VIPS_DISC_THRESHOLD",
    }  # fmt: skip
    process.close()

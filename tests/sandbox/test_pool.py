from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from renditor.errors import CorruptMedia, Internal, LimitExceeded, Overloaded, Unavailable
from renditor.sandbox import frames
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.pool import Answer, DecoderPool, SandboxSettings

from .conftest import eventually, gone
from .decoder_under_test import ATTACKS

MakePool = Callable[..., DecoderPool]


async def ask(pool: DecoderPool, source: int, do: str, *, timeout: float = 20, **more: Any) -> Any:  # noqa: ASYNC109
    answer = await pool.call({"do": do, **more}, source, timeout=timeout)
    return answer.meta["result"]


async def pid_of(pool: DecoderPool, source: int) -> int:
    answer = await pool.call({"do": "echo"}, source, timeout=20)
    return int(answer.meta["pid"])


async def test_content_and_meta_come_back(make_pool: MakePool, source: int) -> None:
    pool = make_pool()
    answer = await pool.call({"do": "copy"}, source, timeout=20)
    assert answer == Answer({"pid": answer.meta["pid"], "result": 14}, b"original bytes")
    os.lseek(source, 0, os.SEEK_END)
    assert await ask(pool, source, "read") == "original bytes"  # from the start, wherever the offset stood
    assert (await pool.call({"do": "echo"}, source, timeout=20)).content == b""


@pytest.mark.parametrize("attack", sorted(ATTACKS))
async def test_a_decoder_reaches_nothing(make_pool: MakePool, source: int, tmp_path: Path, attack: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("x")
    victim.chmod(0o600)
    result = await ask(make_pool(), source, "attack", attack=attack, path=str(victim))
    assert result in {"PermissionError", "not allowed to raise maximum limit"}
    assert victim.read_text() == "x"
    assert victim.stat().st_mode & 0o777 == 0o600


async def test_threads_from_before_the_sealing_are_sealed_too(make_pool: MakePool, source: int) -> None:
    pool = make_pool()
    readable_during_imports = str(Path(os.__file__))
    assert await ask(pool, source, "attack_from_old_thread", path=readable_during_imports) == "PermissionError"
    assert await ask(pool, source, "new_thread") == "ran"


async def test_a_source_can_only_be_read(make_pool: MakePool, source: int, tmp_path: Path) -> None:
    pool = make_pool()
    assert await ask(pool, source, "write_source") == "OSError"
    descriptor = os.open(tmp_path / "source.bin", os.O_RDWR)
    with pytest.raises(ValueError, match="reading only"):
        await ask(pool, descriptor, "echo")
    os.close(descriptor)
    assert await ask(pool, source, "echo", tag=1) == 1


async def test_layers_arrive_in_order_and_can_only_be_read(make_pool: MakePool, layers: list[int], source: int) -> None:
    pool = make_pool()
    for count in (0, 1, len(layers)):
        texts = [f"layer {number}" for number in range(count)]
        answer = await pool.call({"do": "read_all"}, source, timeout=20, layers=layers[:count])
        assert answer.meta["result"] == ["original bytes", *texts]
    with pytest.raises(ValueError, match="too many"):
        await pool.call({"do": "read_all"}, source, timeout=20, layers=[*layers, source])
    with frames.memory_file() as writable, pytest.raises(ValueError, match="reading only"):
        await pool.call({"do": "read_all"}, source, timeout=20, layers=[layers[0], writable])
    assert await ask(pool, source, "echo", tag=1) == 1


async def test_secrets_of_the_server_are_not_in_its_environment(
    make_pool: MakePool, source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    environment = await ask(make_pool(), source, "environment")
    assert "hunter2" not in str(environment)
    assert environment["VIPS_BLOCK_UNTRUSTED"] == environment["VIPS_CONCURRENCY"] == "1"


async def test_errors_of_the_decoder_arrive_and_it_lives_on(make_pool: MakePool, source: int) -> None:
    pool = make_pool(answer_size=1_000_000)
    pid = await pid_of(pool, source)
    with pytest.raises(CorruptMedia, match="ends in the middle") as corrupt:
        await ask(pool, source, "refuse")
    assert corrupt.value.hint == "Send it again."
    with pytest.raises(Internal):
        await ask(pool, source, "bug")
    with pytest.raises(LimitExceeded, match="memory"):
        await ask(pool, source, "memory", bytes=4 * 1024**3)
    with pytest.raises(LimitExceeded, match="too large"):
        await ask(pool, source, "fill", bytes=2_000_000)
    with pytest.raises(Internal, match="too large"):
        await ask(pool, source, "meta", bytes=1_000_000)
    assert await pid_of(pool, source) == pid


async def test_a_crash_costs_one_request_and_no_neighbour(
    make_pool: MakePool, source: int, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make_pool(decoders=2)
    await pool.start()
    neighbour = asyncio.create_task(ask(pool, source, "sleep", seconds=0.5, tag="fine"))
    await asyncio.sleep(0.05)
    started = time.monotonic()
    with pytest.raises(Overloaded, match="stopped"):
        await ask(pool, source, "crash")
    assert time.monotonic() - started < 0.4
    assert await ask(pool, source, "echo", tag="next") == "next"
    assert await neighbour == "fine"
    assert f"ended with {-signal.SIGSEGV}" in caplog.text


async def test_a_timeout_kills_and_replaces(make_pool: MakePool, source: int) -> None:
    pool = make_pool()
    pid = await pid_of(pool, source)
    started = time.monotonic()
    with pytest.raises(Overloaded, match=r"longer than 0\.3 s") as caught:
        await ask(pool, source, "sleep", seconds=60, timeout=0.3)
    assert time.monotonic() - started < 2
    assert caught.value.status == 503
    assert await pid_of(pool, source) != pid
    assert await asyncio.to_thread(eventually, lambda: gone(pid))


async def test_a_full_queue_refuses_at_once(make_pool: MakePool, source: int) -> None:
    pool = make_pool(queue=1)
    await pool.start()
    held = [asyncio.create_task(ask(pool, source, "sleep", seconds=0.5, tag=n)) for n in range(2)]
    await asyncio.sleep(0.05)
    started = time.monotonic()
    with pytest.raises(Overloaded, match="busy") as caught:
        await ask(pool, source, "echo")
    assert time.monotonic() - started < 0.2
    assert caught.value.hint
    assert await asyncio.gather(*held) == [0, 1]


async def test_decoders_are_recycled(make_pool: MakePool, source: int) -> None:
    pool = make_pool(recycle_after=2)
    pids = [await pid_of(pool, source) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


async def test_answers_of_cancelled_requests_go_nowhere(make_pool: MakePool, source: int) -> None:
    pool = make_pool()
    pid = await pid_of(pool, source)
    for n in range(5):
        task = asyncio.create_task(ask(pool, source, "sleep", seconds=0.05, tag=f"late {n}"))
        await asyncio.sleep(0.02)
        task.cancel()
        assert await ask(pool, source, "echo", tag=n) == n
    assert await pid_of(pool, source) == pid  # a job that ends soon is not worth a new process


async def test_a_long_job_nobody_waits_for_is_killed(make_pool: MakePool, source: int) -> None:
    pool = make_pool()
    pid = await pid_of(pool, source)
    task = asyncio.create_task(ask(pool, source, "sleep", seconds=60, timeout=60))
    await asyncio.sleep(0.05)
    task.cancel()
    started = time.monotonic()
    assert await pid_of(pool, source) != pid
    assert time.monotonic() - started < 3


async def test_a_decoder_that_died_idle_costs_nobody(make_pool: MakePool, source: int) -> None:
    pool = make_pool()
    pid = await pid_of(pool, source)
    os.kill(pid, signal.SIGKILL)
    assert await asyncio.to_thread(eventually, lambda: not psutil.pid_exists(pid))
    assert await ask(pool, source, "echo", tag=1) == 1


async def test_a_decoder_that_does_not_start_is_reported(
    launcher: Launcher, source: int, caplog: pytest.LogCaptureFixture
) -> None:
    pool = DecoderPool(launcher, "no.such.module", SandboxSettings(decoders=1))
    with pytest.raises(Unavailable):
        await pool.start()
    with pytest.raises(Unavailable):
        await ask(pool, source, "echo")
    assert "No module named" in caplog.text
    await pool.close()


async def test_close_ends_everything(make_pool: MakePool, source: int) -> None:
    pool = make_pool()
    pid = await pid_of(pool, source)
    busy = asyncio.create_task(ask(pool, source, "sleep", seconds=60))
    await asyncio.sleep(0.05)
    waiting = asyncio.create_task(ask(pool, source, "echo"))
    await asyncio.sleep(0.05)
    await pool.close()
    results = await asyncio.gather(busy, waiting, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert await asyncio.to_thread(eventually, lambda: gone(pid))
    with pytest.raises(Unavailable):
        await ask(pool, source, "echo")


async def test_two_event_loops_share_a_pool(make_pool: MakePool, source: int, tmp_path: Path) -> None:
    pool = make_pool(decoders=2)

    async def many(prefix: str) -> list[Any]:
        descriptor = os.open(tmp_path / "source.bin", os.O_RDONLY)
        calls = [ask(pool, descriptor, "sleep", seconds=0.01, tag=f"{prefix}{n}") for n in range(20)]
        results = await asyncio.gather(*calls)
        os.close(descriptor)
        return results

    elsewhere: list[Any] = []
    thread = threading.Thread(target=lambda: elsewhere.extend(uvloop.run(many("b"))))
    thread.start()
    assert await many("a") == [f"a{n}" for n in range(20)]
    await asyncio.to_thread(thread.join)
    assert elsewhere == [f"b{n}" for n in range(20)]


async def test_a_loop_that_ends_in_the_middle_gives_its_decoder_back(make_pool: MakePool, source: int) -> None:
    pool = make_pool()

    async def leave() -> None:
        task = asyncio.create_task(ask(pool, source, "sleep", seconds=60))
        await asyncio.sleep(0.3)
        del task

    await asyncio.to_thread(lambda: asyncio.run(leave()))
    assert await ask(pool, source, "echo", tag=1) == 1


async def test_no_descriptor_stays_open(make_pool: MakePool, source: int, layers: list[int]) -> None:
    pool = make_pool(recycle_after=3)
    await ask(pool, source, "echo")
    us = psutil.Process()
    before = us.num_fds()
    for _ in range(6):
        await ask(pool, source, "copy")
        await pool.call({"do": "read_all"}, source, timeout=20, layers=layers)
    with pytest.raises(Overloaded):
        await ask(pool, source, "crash")
    await ask(pool, source, "echo")
    assert us.num_fds() == before


async def test_an_idle_decoder_returns_memory(make_pool: MakePool, source: int) -> None:
    pool = make_pool()
    process = psutil.Process(await pid_of(pool, source))
    await ask(pool, source, "scatter", bytes=100 * 1024**2)
    assert await asyncio.to_thread(eventually, lambda: process.memory_info().rss < 60 * 1024**2)


def test_there_is_a_decoder_for_each_core() -> None:
    assert SandboxSettings().decoders == len(os.sched_getaffinity(0))


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

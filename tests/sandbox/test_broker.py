from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from renditor.errors import CorruptMedia, Internal, Overloaded, Unavailable
from renditor.sandbox import broker, frames
from renditor.sandbox.broker import BrokerClient, serve_broker
from renditor.sandbox.pool import DecoderPool

from .conftest import DECODER, eventually, gone

MakePool = Callable[..., DecoderPool]


@contextlib.asynccontextmanager
async def served(pool: DecoderPool, path: Path) -> AsyncIterator[BrokerClient]:
    server = asyncio.create_task(serve_broker(pool, path))
    yield BrokerClient(path)
    server.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server


async def ask(client: BrokerClient, source: int, do: str, *, timeout: float = 20, **more: Any) -> Any:  # noqa: ASYNC109
    answer = await client.call({"do": do, **more}, source, timeout=timeout)
    return answer.meta["result"]


async def test_a_call_is_as_one_to_the_pool(make_pool: MakePool, source: int, tmp_path: Path) -> None:
    async with served(make_pool(), tmp_path / "renderer.sock") as client:
        answer = await client.call({"do": "copy"}, source, timeout=20)
        assert answer.content == b"original bytes"
        assert answer.meta["result"] == 14
        with pytest.raises(CorruptMedia) as caught:
            await ask(client, source, "refuse")
        assert caught.value.hint == "Send it again."
        with pytest.raises(Overloaded, match="stopped"):
            await ask(client, source, "crash")
        with pytest.raises(Overloaded, match="longer"):
            await ask(client, source, "sleep", seconds=60, timeout=0.2)
        assert await ask(client, source, "echo", tag=1) == 1


async def test_large_answers_travel_as_files(make_pool: MakePool, source: int, tmp_path: Path) -> None:
    async with served(make_pool(), tmp_path / "renderer.sock") as client:
        answer = await client.call({"do": "fill", "bytes": 20_000_000}, source, timeout=20)
        assert len(answer.content) == 20_000_000


async def test_layers_go_through(make_pool: MakePool, source: int, layers: list[int], tmp_path: Path) -> None:
    async with served(make_pool(), tmp_path / "renderer.sock") as client:
        await ask(client, source, "echo")
        before = psutil.Process().num_fds()
        for _ in range(3):
            answer = await client.call({"do": "read_all"}, source, timeout=20, layers=layers)
            assert answer.meta["result"] == ["original bytes", *(f"layer {number}" for number in range(len(layers)))]
        with pytest.raises(CorruptMedia):
            await client.call({"do": "refuse"}, source, timeout=20, layers=layers)
        with pytest.raises(ValueError, match="too many"):
            await client.call({"do": "read_all"}, source, timeout=20, layers=[*layers, source])
        await asyncio.sleep(0.05)
        assert psutil.Process().num_fds() == before


async def test_a_long_path_and_a_private_socket(make_pool: MakePool, source: int, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    path = folder / "renderer.sock"
    async with served(make_pool(), path) as client:
        assert await ask(client, source, "echo", tag=1) == 1
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(folder.iterdir()) == [path]
    assert list(folder.iterdir()) == []


async def test_a_socket_left_behind_is_replaced(make_pool: MakePool, source: int, tmp_path: Path) -> None:
    path = tmp_path / "renderer.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stale:
        stale.bind(str(path))
    async with served(make_pool(), path) as client:
        assert await ask(client, source, "echo", tag=1) == 1


async def test_a_broker_that_was_replaced_leaves_the_socket_alone(
    make_pool: MakePool, source: int, tmp_path: Path
) -> None:
    path, pool = tmp_path / "renderer.sock", make_pool()
    async with contextlib.AsyncExitStack() as second:
        async with served(pool, path) as client:
            assert await ask(client, source, "echo", tag=1) == 1
            await second.enter_async_context(served(pool, path))
            await asyncio.sleep(0.05)
        assert await ask(client, source, "echo", tag=2) == 2


async def test_many_clients_in_two_loops_get_their_own_answers(
    make_pool: MakePool, source: int, tmp_path: Path
) -> None:
    async with served(make_pool(decoders=2), tmp_path / "renderer.sock") as client:

        async def many(prefix: str) -> list[Any]:
            descriptor = os.open(tmp_path / "source.bin", os.O_RDONLY)
            calls = [ask(client, descriptor, "sleep", seconds=0.01, tag=f"{prefix}{n}") for n in range(20)]
            results = await asyncio.gather(*calls)
            os.close(descriptor)
            return results

        elsewhere: list[Any] = []
        thread = threading.Thread(target=lambda: elsewhere.extend(uvloop.run(many("b"))))
        thread.start()
        assert await many("a") == [f"a{n}" for n in range(20)]
        await asyncio.to_thread(thread.join)
        assert elsewhere == [f"b{n}" for n in range(20)]


async def test_a_client_that_leaves_frees_the_decoder(make_pool: MakePool, source: int, tmp_path: Path) -> None:
    async with served(make_pool(), tmp_path / "renderer.sock") as client:
        await ask(client, source, "echo")
        task = asyncio.create_task(ask(client, source, "sleep", seconds=60, timeout=60))
        await asyncio.sleep(0.05)
        task.cancel()
        started = time.monotonic()
        assert await ask(client, source, "echo", tag="next") == "next"
        assert time.monotonic() - started < 3


async def test_a_full_queue_is_said(make_pool: MakePool, source: int, tmp_path: Path) -> None:
    async with served(make_pool(queue=0), tmp_path / "renderer.sock") as client:
        await ask(client, source, "echo")
        busy = asyncio.create_task(ask(client, source, "sleep", seconds=0.3, tag="done"))
        await asyncio.sleep(0.1)
        with pytest.raises(Overloaded, match="busy"):
            await ask(client, source, "echo")
        assert await busy == "done"


async def test_odd_clients_disturb_nobody(make_pool: MakePool, source: int, tmp_path: Path) -> None:
    path = tmp_path / "renderer.sock"
    async with served(make_pool(), path) as client:
        assert await ask(client, source, "echo", tag=0) == 0
        before = psutil.Process().num_fds()
        odd = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(4)]
        for connection in odd:
            connection.connect(str(path))
        odd[0].close()  # says nothing and leaves
        odd[1].send(b"nonsense")
        socket.send_fds(odd[2], [b'{"request":{"do":"echo"},"timeout":1}'], [source] * 11)
        frames.send(odd[3], {"unknown": 1}, (source, source))
        odd[3].setblocking(False)
        reply = await frames.receive_async(odd[3])
        assert reply is not None
        assert isinstance(frames.unpack_error(reply[0]["error"]), Internal)
        writable = os.open(tmp_path / "source.bin", os.O_RDWR)
        with pytest.raises(Internal):
            await client.call({"do": "echo"}, writable, timeout=5)
        os.close(writable)
        assert await ask(client, source, "echo", tag=1) == 1
        for connection in odd:
            connection.close()
        await asyncio.sleep(0.05)
        assert psutil.Process().num_fds() == before


async def test_a_process_of_another_user_gets_no_answer(
    make_pool: MakePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        assert broker._same_user(left)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        assert broker._same_user(left) is (os.getuid() == 0)


async def test_without_a_broker_the_call_says_so(source: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "_CONNECT_SECONDS", 0.2)
    with pytest.raises(Unavailable) as caught:
        await ask(BrokerClient(tmp_path / "nobody.sock"), source, "echo")
    assert caught.value.hint


RENDERER = f"""
import asyncio, sys
from pathlib import Path
from renditor.sandbox.broker import serve_broker
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.pool import DecoderPool, SandboxSettings

async def main():
    launcher = Launcher()
    pool = DecoderPool(launcher, {DECODER!r}, SandboxSettings(decoders=1))
    await pool.start()
    print(launcher._process.pid, flush=True)
    await serve_broker(pool, Path(sys.argv[1]))

asyncio.run(main())
"""


class Renderer:
    """The ``renderer`` process, as the supervisor would start it."""

    def __init__(self, path: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", RENDERER, str(path)], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.launcher = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def renderers() -> Iterator[list[Renderer]]:
    started: list[Renderer] = []
    yield started
    for renderer in started:
        renderer.kill()


async def test_kill_9_of_the_renderer_is_survived(source: int, tmp_path: Path, renderers: list[Renderer]) -> None:
    path = tmp_path / "renderer.sock"
    renderers.append(await asyncio.to_thread(Renderer, path))
    client = BrokerClient(path)
    first = (await client.call({"do": "echo"}, source, timeout=5)).meta["pid"]
    call = asyncio.create_task(ask(client, source, "sleep", seconds=0.5, tag="retried"))
    await asyncio.sleep(0.2)
    renderers[0].kill()
    assert await asyncio.to_thread(eventually, lambda: gone(first) and gone(renderers[0].launcher))
    renderers.append(await asyncio.to_thread(Renderer, path))
    assert await call == "retried"
    assert (await client.call({"do": "echo"}, source, timeout=5)).meta["pid"] != first


async def test_a_renderer_that_dies_twice_under_one_call_ends_it(
    source: int, tmp_path: Path, renderers: list[Renderer]
) -> None:
    path = tmp_path / "renderer.sock"
    call = asyncio.create_task(ask(BrokerClient(path), source, "sleep", seconds=20))
    for _ in range(2):
        renderers.append(await asyncio.to_thread(Renderer, path))
        await asyncio.sleep(0.5)
        renderers[-1].kill()
    with pytest.raises(Overloaded, match="service stopped"):
        await call

"""A large upload must pass through the server, not into it."""

from __future__ import annotations

import contextlib
import http.client
import threading
from typing import Self

import psutil
import pytest

from tests.client import Client

MEBIBYTE = 1024 * 1024
SIZE = 256 * MEBIBYTE
ALLOWED_GROWTH = 32 * MEBIBYTE


def held(processes: list[psutil.Process]) -> int:
    """Bytes that the processes hold for themselves alone."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().uss
    return total


class Watch:
    """The highest memory of some processes while a block runs."""

    def __init__(self, processes: list[psutil.Process]) -> None:
        self._processes = processes
        self._stop = threading.Event()
        self.start = self.peak = held(processes)
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            self.peak = max(self.peak, held(self._processes))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize("form", [False, True], ids=["raw", "multipart"])
def test_a_quarter_gibibyte_leaves_no_trace(client: Client, form: bool) -> None:
    # Enough of an MP4 to be received whole, as far as the probe, which refuses it.
    first = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(MEBIBYTE - 24)
    before = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n' if form else b""
    after = b"\r\n--x--\r\n" if form else b""
    kind = "multipart/form-data; boundary=x" if form else "video/mp4"
    connection = http.client.HTTPConnection("127.0.0.1", client.server.port, timeout=60)
    connection.putrequest("POST", "/media/upload")
    connection.putheader("Authorization", client.headers["authorization"])
    connection.putheader("Content-Type", kind)
    connection.putheader("Content-Length", str(len(before) + SIZE + len(after)))
    connection.endheaders()
    with Watch(psutil.Process(client.server.pid).children(recursive=True)) as watch:
        connection.send(before + first)
        block = bytes(MEBIBYTE)
        for _ in range(SIZE // MEBIBYTE - 1):
            connection.send(block)
        connection.send(after)
        assert connection.getresponse().status == 422
    connection.close()
    assert watch.peak - watch.start < ALLOWED_GROWTH

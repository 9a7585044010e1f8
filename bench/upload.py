"""A 256 MiB upload against two floors, each one pass of write + sha256 in plain Python.

``memory``: the bytes are in memory already. ``socket``: they come from another process over a loopback socket, 256 KiB
at a time, which is the least any server must do. All run in turns, five rounds, on the same disk; a ratio is the median
of the rounds' ratios. What counts is the CPU time of the web processes (user + system, from /proc) and how much their
own memory grows. The boundary of the form is one that curl makes. ``tus``: created, and sent in one PATCH. At the end
eight at once. Targets, of the socket pass: 1.25 times for the raw body, 1.4 times for a form; eight grow memory by less
than 64 MiB.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import resource
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from tests.server import RunningServer, start_server

MEBIBYTE = 1024 * 1024
SIZE = 256 * MEBIBYTE
ROUNDS = 5
CHUNK = MEBIBYTE
AT_ONCE = 8
BOUNDARY = b"-" * 24 + b"d74496d66958873e"


def video_head() -> bytes:
    """Enough to be taken for an MP4: the whole body is received before the probe refuses it."""
    return b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"


def body() -> Iterator[bytes]:
    """Always the same bytes, which no disk or network layer can compress away."""
    yield video_head() + os.urandom(CHUNK - len(video_head()))
    block = os.urandom(CHUNK)
    for _ in range(SIZE // CHUNK - 1):
        yield block


def one_pass(folder: Path, pieces: Iterable[bytes | memoryview]) -> float:
    """CPU seconds of writing and hashing the pieces in one pass."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    digest = hashlib.sha256()
    with (folder / "floor").open("wb", buffering=0) as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    after = resource.getrusage(resource.RUSAGE_SELF)
    (folder / "floor").unlink()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def from_socket(blocks: list[bytes]) -> Iterator[memoryview]:
    """The blocks as another process sends them."""
    buffer = memoryview(bytearray(256 * 1024))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = os.fork()
        if sender == 0:
            with socket.create_connection(listener.getsockname()) as connection:
                for block in blocks:
                    connection.sendall(block)
            os._exit(0)
        connection, _ = listener.accept()
        with connection:
            while count := connection.recv_into(buffer):
                yield buffer[:count]
        os.waitpid(sender, 0)


def web_workers(server: RunningServer) -> list[psutil.Process]:
    """The processes below the web server's master."""
    for child in psutil.Process(server.pid).children():
        if "web" in child.cmdline():
            return [child, *child.children(recursive=True)]
    raise SystemExit("the web process is not there")


def cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes if process.is_running())


def memory(processes: list[psutil.Process]) -> int:
    return sum(process.memory_full_info().uss for process in processes if process.is_running())


def upload(server: RunningServer, path: str, headers: dict[str, str], blocks: list[bytes], method: str = "POST") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.putrequest(method, path)
    length = sum(len(block) for block in blocks)
    for name, value in {"Authorization": f"Bearer {server.key}", "Content-Length": str(length), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    for block in blocks:
        connection.send(block)
    status = connection.getresponse().status
    connection.close()
    return status


def form(blocks: list[bytes]) -> list[bytes]:
    head = b'Content-Disposition: form-data; name="file"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
    return [b"--" + BOUNDARY + b"\r\n" + head, *blocks, b"\r\n--" + BOUNDARY + b"--\r\n"]


def resumable(server: RunningServer, blocks: list[bytes]) -> int:
    """The status of the last piece, which is also the first."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    fixed = {"Authorization": f"Bearer {server.key}", "Tus-Resumable": "1.0.0"}
    connection.request("POST", "/uploads", headers={**fixed, "Upload-Length": str(SIZE), "Content-Length": "0"})
    made = connection.getresponse()
    made.read()
    path = "/uploads/" + str(made.getheader("Location")).rpartition("/")[2]
    connection.close()
    headers = {**fixed, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return upload(server, path, headers, blocks, "PATCH")


def side_by_side(server: RunningServer, workers: list[psutil.Process], blocks: list[bytes]) -> int:
    """By how much eight uploads at once grow the memory of the web processes at most, bytes."""
    held, most, done = memory(workers), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.1):
            most = max(most, memory(workers) - held)

    watching = threading.Thread(target=watch)
    watching.start()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(
            threads.map(
                lambda _: upload(server, "/media/upload", {"Content-Type": "video/mp4"}, blocks), range(AT_ONCE)
            )
        )
    done.set()
    watching.join()
    return most


def main() -> None:
    blocks = list(body())
    kind, content = f"multipart/form-data; boundary={BOUNDARY.decode()}", form(blocks)
    ways: dict[str, Callable[[RunningServer], int]] = {
        "raw body": lambda server: upload(server, "/media/upload", {"Content-Type": "video/mp4"}, blocks),
        "multipart": lambda server: upload(server, "/media/upload", {"Content-Type": kind}, content),
        "tus": lambda server: resumable(server, blocks),
    }
    taken: dict[str, list[float]] = {name: [] for name in ("memory", "socket", *ways)}
    grown: dict[str, list[int]] = {name: [0] for name in taken}
    with tempfile.TemporaryDirectory() as folder, start_server(Path(folder) / "data") as server:
        workers = web_workers(server)
        for _ in range(ROUNDS):
            taken["memory"].append(one_pass(Path(folder), blocks))
            taken["socket"].append(one_pass(Path(folder), from_socket(blocks)))
            for name, send in ways.items():
                before, held = cpu(workers), memory(workers)
                status = send(server)
                time.sleep(0.5)  # the last of the work is accounted
                if status not in (415, 422):
                    raise SystemExit(f"the upload was answered with {status}")
                taken[name].append(cpu(workers) - before)
                grown[name].append(memory(workers) - held)
        most = side_by_side(server, workers, blocks)
    print(f"{'':12}{'CPU s':>8}{'/ memory':>10}{'/ socket':>10}{'growth MiB':>12}")
    for name, seconds in taken.items():
        ratios = [
            statistics.median(mine / base for mine, base in zip(seconds, taken[floor], strict=True))
            for floor in ("memory", "socket")
        ]
        growth = max(grown[name]) / MEBIBYTE
        print(f"{name:12}{statistics.median(seconds):8.2f}{ratios[0]:10.2f}{ratios[1]:10.2f}{growth:12.1f}")
    print(f"{AT_ONCE} raw bodies at once: memory grows by {most / MEBIBYTE:.1f} MiB at most")


if __name__ == "__main__":
    main()

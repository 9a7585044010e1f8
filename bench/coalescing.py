"""A hundred requests for one picture that nobody has asked for yet, all at once: it is made once.

    python -m bench.coalescing [--rounds 5] [--requests 100]

Wall time of all against the wall time of one alone; both take turns, with fresh widths, over connections that are open
already. How often it was made is what the server's own counter says, over all its processes.
"""

from __future__ import annotations

import argparse
import itertools
import re
import selectors
import socket
import statistics
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.client import Client
from tests.server import RunningServer, start_server

from bench._measure import photo, table, verdict

TARGET = 1.3
_RENDERS = re.compile(r"^renditor_renders_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)
_SECONDS = 60.0


def renders(server: RunningServer) -> float:
    """Pictures made so far."""
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        return sum(map(float, _RENDERS.findall(answer.read().decode())))


@dataclass
class Crowd:
    """Many connections, and no more work for each than sending and receiving: the client is not what is measured."""

    connections: list[socket.socket]

    @classmethod
    def of(cls, server: RunningServer, count: int) -> Crowd:
        return cls([socket.create_connection(("127.0.0.1", server.port), _SECONDS) for _ in range(count)])

    def ask(self, path: str, count: int) -> float:
        """Milliseconds until the last of ``count`` requests is answered."""
        request = f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        waiting = dict.fromkeys(self.connections[:count], b"")
        bodies: list[bytes] = []
        with selectors.DefaultSelector() as ready:
            for connection in waiting:
                ready.register(connection, selectors.EVENT_READ)
            began = time.perf_counter()
            for connection in waiting:
                connection.sendall(request)
            while len(bodies) < count:
                for key, _ in ready.select(_SECONDS):
                    answering = key.fileobj
                    assert isinstance(answering, socket.socket)
                    waiting[answering] += answering.recv(1 << 20)
                    if _is_whole(waiting[answering]):
                        bodies.append(waiting[answering])
            taken = (time.perf_counter() - began) * 1000
        contents = {body.partition(b"\r\n\r\n")[2] for body in bodies}
        if len(contents) != 1 or any(not body.startswith(b"HTTP/1.1 200") for body in bodies):
            raise SystemExit(f"{path}: {sorted({body[:60] for body in bodies})}")
        return taken

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    return bool(end and length) and len(body) >= int(length[1] if length else 0)


def compare(server: RunningServer, rounds: int, requests: int) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of one alone, of all at once, and how often the picture was made then."""
    client = Client(server)
    public_id = client.upload(photo(4000, 3266)).json()["public_id"]
    client.close()
    paths = (f"/main/image/upload/c_limit,w_{width}/{public_id}.jpg" for width in itertools.count(700))
    crowd = Crowd.of(server, requests)
    alone, together, made = [], [], []
    try:
        crowd.ask(next(paths), requests)
        for _ in range(rounds):
            alone.append(crowd.ask(next(paths), 1))
            before = renders(server)
            together.append(crowd.ask(next(paths), requests))
            made.append(renders(server) - before)
    finally:
        crowd.close()
    return alone, together, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_server(Path(folder) / "data", ("--no-worker",)) as server:
        alone, together, made = compare(server, options.rounds, options.requests)
    share = statistics.median(b / a for a, b in zip(alone, together, strict=True))
    rows = [
        ["times the picture was made", f"{max(made):.0f}", "1", verdict(max(made), 1)],
        ["wall time, all / one", f"{share:.2f}", f"{TARGET}", verdict(share, TARGET)],
        ["median ms, one", f"{statistics.median(alone):.0f}", "", ""],
        ["median ms, all", f"{statistics.median(together):.0f}", "", ""],
    ]
    table([f"{options.requests} requests for one cold picture", "", "target", ""], rows)


if __name__ == "__main__":
    main()

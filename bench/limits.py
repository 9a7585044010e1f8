"""CPU of a request to the API with its rates counted, and without.

    python -m bench.limits [--rounds 5] [--requests 2000]

Two servers with one web process each; rounds are interleaved, and shown is the median of all rounds, of the CPU of the
whole server. Each request lists the assets of an owner who has none: a key is checked and one question asked.
"""

from __future__ import annotations

import contextlib
import http.client
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.client import Client  # noqa: E402
from tests.server import RunningServer, start_server  # noqa: E402

from bench._measure import asked, cpu  # noqa: E402

_CONNECTIONS = 4
_OFF = {"RENDITOR_LIMITS__REQUESTS": "off", "RENDITOR_LIMITS__ADDRESS_REQUESTS": "off"}


def main() -> None:
    wanted = asked(__doc__, rounds=5, requests=2000)
    took: dict[str, list[float]] = {"not counted": [], "counted": []}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {
            name: stack.enter_context(start_server(folder / name, ("--workers", "1", "--no-worker"), **settings))
            for name, settings in (("not counted", _OFF), ("counted", {}))
        }
        keys = {name: _writer(server) for name, server in servers.items()}
        for _ in range(wanted["rounds"]):
            for name, server in servers.items():
                took[name].append(_round(server, keys[name], wanted["requests"]))
    for name, rounds in took.items():
        print(f"{name:12} {statistics.median(rounds):7.0f} us of CPU a request")
    pairs = zip(took["counted"], took["not counted"], strict=True)
    print(f"difference   {statistics.median(one - other for one, other in pairs):7.0f} us")


def _writer(server: RunningServer) -> str:
    client = Client(server)
    key: str = client.call("POST", "/keys", json={"name": "bench", "scopes": ["write"]}).json()["key"]
    client.close()
    return key


def _round(server: RunningServer, key: str, requests: int) -> float:
    """CPU of the server for one request, microseconds."""
    before = cpu(server.pid)
    with ThreadPoolExecutor(_CONNECTIONS) as many:
        list(many.map(lambda _: _ask(server, key, requests // _CONNECTIONS), range(_CONNECTIONS)))
    return (cpu(server.pid) - before) / requests * 1e6


def _ask(server: RunningServer, key: str, requests: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for _ in range(requests):
        connection.request("GET", "/media", headers={"authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"answered {answer.status}")
    connection.close()


if __name__ == "__main__":
    main()

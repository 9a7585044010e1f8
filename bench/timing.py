"""Whether the time of an answer tells what exists: assets of others against ids that nobody has.

    python -m bench.timing [--requests 2000]

A stranger with a valid key asks in turns, in random order, over one connection, and sees 404 each time. Shown are
medians, and the chance that an answer of one kind takes longer than one of the other (the Mann-Whitney statistic
U / n m: 0.5 says nothing, 0 and 1 say it every time) with its 99 % interval where nothing is to be seen. Whether what
lies outside can be used is a matter of averaging over the network: the difference of the medians says so.
"""

from __future__ import annotations

import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from tests.client import Client
from tests.server import RunningServer, start_server

from bench._measure import asked
from renditor.models import new_id
from renditor.testing import media

ASSETS = 20

Kinds = dict[str, list[str]]


def main() -> None:
    count = asked(__doc__, requests=2000)["requests"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with start_server(folder / "data") as server:
            for kinds in ways(server, folder, count):
                report(measured(server, kinds, key_of(server, "stranger")))


def ways(server: RunningServer, folder: Path, count: int) -> list[Kinds]:
    """What is asked for, by kind; the first is what exists. Each address comes as often as any other."""
    owner = Client(server)
    content = media.photo(folder / "photo.jpg", 64, 48).read_bytes()
    made = [owner.upload(content, visibility="private").json() for _ in range(ASSETS)]
    owner.close()
    tails = [one["url"].partition("/upload/")[2] for one in made]
    api = {
        "foreign": [f"/media/{one['id']}" for one in made],
        "unknown": [f"/media/{new_id()}" for _ in made],
        "malformed": [f"/media/no-id-{random.randbytes(10).hex()}" for _ in made],
    }
    delivery = {
        "private": [f"/main/image/upload/{tail}" for tail in tails],
        "unknown": [f"/main/image/upload/{like(tail)}" for tail in tails],
    }
    return [{kind: urls * (count // ASSETS) for kind, urls in kinds.items()} for kinds in (api, delivery)]


def like(tail: str) -> str:
    """An address of the same form that leads to nothing."""
    version, _, name = tail.rpartition("/")
    return f"{version}/{new_id()}.{name.rpartition('.')[2]}".lstrip("/")


def key_of(server: RunningServer, owner: str) -> str:
    """The key of somebody who owns nothing."""
    command = [sys.executable, "-m", "renditor.cli", "keys", "create", "--data", str(server.data), "--json"]
    done = subprocess.run(
        [*command, "--owner", owner, "--name", owner, "--scopes", "read"], capture_output=True, check=True, text=True
    )
    key: str = json.loads(done.stdout)["key"]
    return key


def measured(server: RunningServer, kinds: Kinds, key: str) -> dict[str, np.ndarray]:
    """Microseconds until each answer."""
    order = [(kind, url) for kind, urls in kinds.items() for url in urls]
    random.shuffle(order)
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {key}"}) as stranger:
        for kind, url in order:
            began = time.perf_counter()
            answer = stranger.get(url)
            times[kind].append((time.perf_counter() - began) * 1e6)
            assert answer.status_code == 404, (url, answer.text)
    return {kind: np.array(taken) for kind, taken in times.items()}


def report(times: dict[str, np.ndarray]) -> None:
    """The first kind against each other one."""
    (existing, first), *others = times.items()
    for kind, second in others:
        chance = slower(first, second)
        # The spread of U where both come from one distribution (Mann and Whitney 1947), of 99 %.
        spread = 2.576 * math.sqrt((len(first) + len(second) + 1) / (12 * len(first) * len(second)))
        medians = f"{statistics.median(first):7.0f} us {existing}, {statistics.median(second):7.0f} us {kind}"
        print(f"{medians}: slower in {chance:.3f} of all pairs (0.5 +- {spread:.3f} by chance)")


def slower(first: np.ndarray, second: np.ndarray) -> float:
    """The share of all pairs in which the first took longer; a tie counts as half."""
    ordered = np.sort(second)
    below = np.searchsorted(ordered, first, "left") + np.searchsorted(ordered, first, "right")
    return float(below.mean() / 2 / len(second))


if __name__ == "__main__":
    main()

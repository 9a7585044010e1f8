"""Cached deliveries a second and CPU of each: one web process against one of nginx and thumbor's result storage.

    python -m bench.delivery [--rounds 3] [--seconds 4] [--connections 8] [--without-thumbor]

A JPEG of about 100 KB. Rounds are interleaved; shown are medians, and ratios within the same round, since the speed of
a shared machine changes. Needs wrk; nginx is taken from the distribution's package without being installed; thumbor is
put into a virtual environment that is removed again. What cannot be had is left out and said.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import pyvips

ROOT = Path(__file__).resolve().parents[1]

from tests.client import Client  # noqa: E402
from tests.server import RunningServer, free_port, start_server  # noqa: E402

PICTURE_BYTES = 100_000
_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; types {{ image/jpeg jpg; }}
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""
_THUMBOR = """
ALLOW_UNSAFE_URL = True
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = "{folder}/www"
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = "thumbor.result_storages.file_storage"
RESULT_STORAGE_FILE_STORAGE_ROOT_PATH = "{folder}/results"
RESULT_STORAGE_STORES_UNSAFE = True
"""


@dataclass
class Contender:
    """``pid``: of the process whose tree does the work. ``results``: (requests/s, CPU us a request) of each round."""

    name: str
    url: str
    pid: int
    header: str | None = None
    status: int = 200
    results: list[tuple[float, float]] = field(default_factory=list)


def photo(path: Path) -> None:
    """Grain over soft shapes, at the quality that makes about 100 KB."""
    xyz = pyvips.Image.xyz(800, 653)
    shapes = ((xyz[0] * 0.21).sin() * 40 + (xyz[1] * 0.13).cos() * 40 + 128).gaussblur(2)
    grain = pyvips.Image.gaussnoise(800, 653, mean=0, sigma=7, seed=1)
    image = (shapes + grain).cast("uchar").copy(interpretation="b-w")
    best = min(range(40, 96, 3), key=lambda q: abs(len(image.jpegsave_buffer(Q=q)) - PICTURE_BYTES))
    image.jpegsave(str(path), Q=best)


def cpu(pid: int) -> float:
    """CPU seconds of a process and all below it."""
    top = psutil.Process(pid)
    total = 0.0
    for process in [top, *top.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def measure(contender: Contender, seconds: int, connections: int) -> None:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    command += ["-H", contender.header] if contender.header else []
    before = cpu(contender.pid)
    text = subprocess.run([*command, contender.url], capture_output=True, text=True, check=True).stdout
    used = cpu(contender.pid) - before
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"{contender.name}: {text}")
    count = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", text)
    assert count
    assert rate
    contender.results.append((float(rate[1]), used / int(count[1]) * 1e6))


def answered(url: str, header: str | None = None) -> tuple[int, bytes, dict[str, str]]:
    name, _, value = (header or "").partition(":")
    request = urllib.request.Request(url, headers={name: value.strip()} if header else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read(), {k.lower(): v for k, v in response.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, error.read(), {}


# -- who takes part ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def process(command: list[str], url: str, **more: object) -> Iterator[int]:
    """A server that answers at ``url``; its pid."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more) as running:  # type: ignore[call-overload]
        try:
            end = time.monotonic() + 30
            while time.monotonic() < end and running.poll() is None:
                with contextlib.suppress(OSError):
                    answered(url)
                    break
                time.sleep(0.1)
            else:
                raise RuntimeError(f"{command[0]} does not answer")
            yield running.pid
        finally:
            running.send_signal(signal.SIGTERM)


def find_nginx(folder: Path) -> str | None:
    """nginx on the path, else unpacked from the distribution's package."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found or not shutil.which("apt-get"):
        return found
    place = folder / "deb"
    place.mkdir()
    with contextlib.suppress(subprocess.CalledProcessError):
        subprocess.run(["apt-get", "download", "nginx"], cwd=place, check=True, capture_output=True)
        package = next(place.glob("*.deb"))
        subprocess.run(["dpkg", "-x", str(package), str(place)], check=True, capture_output=True)
        return str(place / "usr" / "sbin" / "nginx")
    return None


@contextlib.contextmanager
def nginx(folder: Path, picture: bytes) -> Iterator[list[Contender]]:
    program = find_nginx(folder)
    if program is None:
        print("nginx: not here, and its package cannot be had (apt-get install nginx-light): left out")
        yield []
        return
    (folder / "www").mkdir(exist_ok=True)
    (folder / "www" / "picture.jpg").write_bytes(picture)
    port = free_port()
    user = f"user {_user()};" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, user=user))
    url = f"http://127.0.0.1:{port}/picture.jpg"
    with process([program, "-p", str(folder), "-c", str(config)], url) as pid:
        yield [Contender("nginx, static file", url, pid)]


def _user() -> str:
    import pwd  # noqa: PLC0415

    return pwd.getpwuid(os.geteuid()).pw_name


@contextlib.contextmanager
def thumbor(folder: Path, source: Path, *, wanted: bool) -> Iterator[list[Contender]]:
    """thumbor answering from its file result storage."""
    if not wanted:
        yield []
        return
    (folder / "www").mkdir(exist_ok=True)
    shutil.copy(source, folder / "www" / "source.jpg")
    config = folder / "thumbor.conf"
    config.write_text(_THUMBOR.format(folder=folder))
    python = folder / "venv" / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, capture_output=True)
        pip = [str(python), "-m", "pip", "install", "-q", "thumbor", "setuptools<81"]
        subprocess.run(pip, check=True, capture_output=True, timeout=600)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = getattr(error, "stderr", b"") or b""
        print(f"thumbor: cannot be installed here, left out ({said.decode().strip().splitlines()[-1:]})")
        yield []
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}/unsafe/800x653/filters:quality(80)/{quote('source.jpg')}"
    command = [str(python.with_name("thumbor")), "-p", str(port), "-i", "127.0.0.1", "-c", str(config)]
    with process(command, url) as pid:
        status, content, _ = answered(url)
        if status != 200:
            print(f"thumbor: answers {status}, left out")
            yield []
            return
        print(f"thumbor's picture has {len(content) / 1000:.0f} KB")
        yield [Contender("thumbor, result storage", url, pid)]


def ours(server: RunningServer, source: Path) -> tuple[str, str, int]:
    """URL and entity tag of a delivered picture, and the pid of the web server."""
    client = Client(server)
    try:
        uploaded = client.upload(source, public_id="bench")
        assert uploaded.status_code == 201, uploaded.text
        asset = uploaded.json()
        url = asset["url"].replace("/upload/", "/upload/c_limit,w_800/")
        for _ in range(3):
            status, content, headers = answered(url)
            time.sleep(0.5)
        assert status == 200, content
    finally:
        client.close()
    web = next(p for p in psutil.Process(server.pid).children() if p.cmdline()[-1] == "web")
    return url, headers["etag"], web.pid


@contextlib.contextmanager
def renditor(folder: Path, source: Path) -> Iterator[list[Contender]]:
    one = ("--workers", "1", "--no-worker")
    with (
        start_server(folder / "memory", one) as memory,
        start_server(folder / "disk", one, RENDITOR_DELIVERY__MEMORY_LARGEST="0") as disk,
    ):
        url, etag, pid = ours(memory, source)
        disk_url, _, disk_pid = ours(disk, source)
        yield [
            Contender("renditor, from memory", url, pid),
            Contender("renditor, from disk", disk_url, disk_pid),
            Contender("renditor, 304", url, pid, f"If-None-Match: {etag}", 304),
        ]


# -- the table --------------------------------------------------------------------------------------------------------


def ratio(one: Contender, other: Contender) -> float:
    return statistics.median(a[0] / b[0] for a, b in zip(one.results, other.results, strict=True))


def show(contenders: list[Contender]) -> None:
    base = {name: next((c for c in contenders if c.name.startswith(name)), None) for name in ("nginx", "thumbor")}
    print(f"\n{'':26} {'requests/s':>11} {'CPU us':>8} {'x nginx':>8} {'x thumbor':>10}")
    for one in contenders:
        rate, used = (statistics.median(column) for column in zip(*one.results, strict=True))
        cells = [f"{ratio(one, other):.2f}" if other else "-" for other in base.values()]
        print(f"{one.name:26} {rate:11.0f} {used:8.0f} {cells[0]:>8} {cells[1]:>10}")


def run(options: argparse.Namespace, folder: Path) -> None:
    source = folder / "source.jpg"
    photo(source)
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(renditor(folder, source))
        _, picture, _ = answered(own[0].url)
        print(f"the picture has {len(picture) / 1000:.0f} KB")
        makers: list[Callable[[], contextlib.AbstractContextManager[list[Contender]]]] = [
            lambda: nginx(folder, picture),
            lambda: thumbor(folder, source, wanted=not options.without_thumbor),
        ]
        contenders = [*own, *(one for make in makers for one in stack.enter_context(make()))]
        for one in contenders:
            status, _, _ = answered(one.url, one.header)
            assert status == one.status, (one.name, status)
        for _ in range(options.rounds):
            for one in contenders:
                measure(one, options.seconds, options.connections)
        show(contenders)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--without-thumbor", action="store_true")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("This needs wrk: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="bench-delivery-") as folder:
        Path(folder).chmod(0o755)
        run(options, Path(folder))


if __name__ == "__main__":
    main()

"""The programs renditor is compared with: installed from their registries into the cache, versions pinned, run here."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.server import free_port

from bench._measure import cache

THUMBOR = "7.8.0"
IPX, SHARP = "3.1.1", "0.35.5"
SSIMULACRA2 = "0.3.0"
_READY_SECONDS = 30


@dataclass(frozen=True)
class Peer:
    """A running server. ``pid``: of its process tree."""

    name: str
    url: str
    pid: int


@contextlib.contextmanager
def thumbor(photos: Path) -> Iterator[Peer]:
    """thumbor serving the pictures of a folder, as it comes, without storages."""
    home = _python_packages("thumbor", f"thumbor=={THUMBOR}")
    port = free_port()
    settings = cache() / f"thumbor-{port}.conf"
    settings.write_text(
        "ALLOW_UNSAFE_URL = True\n"
        "LOADER = 'thumbor.loaders.file_loader'\n"
        f"FILE_LOADER_ROOT_PATH = {str(photos)!r}\n"
        "STORAGE = 'thumbor.storages.no_storage'\n"
    )
    command = [str(home / "bin" / "thumbor"), "--port", str(port), "--ip", "127.0.0.1", "-c", str(settings)]
    try:
        with _running("thumbor", command, port, "/healthcheck") as peer:
            yield peer
    finally:
        settings.unlink()


@contextlib.contextmanager
def ipx(photos: Path) -> Iterator[Peer]:
    """ipx (sharp) serving the pictures of a folder, as it comes."""
    home = _ipx_home()
    port = free_port()
    command = ["node", str(home / "node_modules" / "ipx" / "bin" / "ipx.mjs"), "serve", "--dir", str(photos)]
    with _running("ipx", [*command, "--port", str(port), "--host", "127.0.0.1"], port, "/w_1/ready.png") as peer:
        yield peer


def ssimulacra2(pairs: Sequence[tuple[Path, Path]]) -> list[float]:
    """The perceptual similarity of (reference, distorted) PNG files: 100 identical, 90 hardly to be told apart."""
    home = _python_packages("metrics", f"ssimulacra2=={SSIMULACRA2}")
    code = (
        "import sys; from ssimulacra2 import compute_ssimulacra2 as score\n"
        "for pair in sys.stdin.read().splitlines(): print(score(*pair.split('\\t')))"
    )
    given = "\n".join(f"{reference}\t{distorted}" for reference, distorted in pairs)
    python = str(home / "bin" / "python")
    done = subprocess.run([python, "-c", code], input=given, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def _python_packages(name: str, *packages: str) -> Path:
    home = cache() / name
    stamp = home / ".installed"
    if not stamp.exists() or stamp.read_text() != " ".join(packages):
        print(f"installing {' '.join(packages)} into {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
        stamp.write_text(" ".join(packages))
    return home


def _ipx_home() -> Path:
    if shutil.which("npm") is None:
        raise SystemExit("npm is needed to install ipx")
    home = cache() / "ipx"
    wanted = f'{{"private":true,"dependencies":{{"ipx":"{IPX}","sharp":"{SHARP}"}},"overrides":{{"sharp":"{SHARP}"}}}}'
    package = home / "package.json"
    if not package.exists() or package.read_text() != wanted or not (home / "node_modules" / "ipx").exists():
        print(f"installing ipx {IPX} with sharp {SHARP} into {home}", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        package.write_text(wanted)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=home, check=True)
    return home


@contextlib.contextmanager
def _running(name: str, command: list[str], port: int, probe: str) -> Iterator[Peer]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RENDITOR_")}
    with (cache() / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}{probe}", process, name)
        yield Peer(name, url, process.pid)
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], name: str) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:  # it answers
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{name} does not start; see {cache() / f'{name}.log'}")

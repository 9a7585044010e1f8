"""What the benchmarks share: CPU of whole process trees, photos to work on, tables."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyvips

_TICKS = os.sysconf("SC_CLK_TCK")

_QUIET_SECONDS = 0.4

# The photo that everything is made from, where it is there; else a picture of large shapes. Neither is ever committed.
_PHOTO = "2569067123_aca715a2ee_o.jpg"


def cache() -> Path:
    """The folder for peers and photos, outside of the tree (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "renditor" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def asked(description: str | None, **defaults: int) -> dict[str, int]:
    """The numbers of the command line, such as ``--rounds 3``, by their names."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return vars(parser.parse_args())


def cpu(pid: int) -> float:
    """CPU seconds (user + system) of a process and all its children so far, ended ones included."""
    total = 0.0
    for each in _tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile: its parent has its time
            continue
        total += sum(map(int, fields[11:15])) / _TICKS  # utime, stime, cutime, cstime
    return total


def memory(pid: int) -> int:
    """Bytes resident in a process that belong to it alone."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no memory of {pid}")


def children(pid: int, words: str) -> list[int]:
    """The processes below ``pid`` whose command line holds ``words``."""
    return [
        each for each in _tree(pid) if words in Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    ]


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue
    return found


class Meter:
    """CPU of a server, without what it spends while nobody asks for anything."""

    def __init__(self, pid: int, seconds: float = 3.0) -> None:
        self._pid = pid
        before = cpu(pid)
        time.sleep(seconds)
        self._idle = (cpu(pid) - before) / seconds

    def spent(self, work: Callable[[], object]) -> float:
        """CPU seconds of ``work``, what is done behind the answers included."""
        before, began = cpu(self._pid), time.monotonic()
        work()
        last = cpu(self._pid)
        while True:
            time.sleep(_QUIET_SECONDS)
            now = cpu(self._pid)
            if now - last <= self._idle * _QUIET_SECONDS + 2 / _TICKS:
                return now - before - self._idle * (time.monotonic() - began)
            last = now


def photo(width: int, height: int, *, progressive: bool = False) -> Path:
    """A JPEG like those of cameras (4:2:0), with film grain: 1.5 bits per px. Made once and kept in the cache."""
    path = cache() / f"photo-{width}x{height}{'-progressive' if progressive else ''}.jpg"
    if not path.exists():
        original = _original()
        factor = max(width / original.width, height / original.height)
        scaled = original.resize(factor, kernel="lanczos3")
        grown = scaled.crop((scaled.width - width) // 2, (scaled.height - height) // 2, width, height)
        grain = pyvips.Image.gaussnoise(width, height, mean=0, sigma=4, seed=7)
        ready = (grown + grain).cast("uchar").copy(interpretation="srgb")
        temporary = path.with_suffix(f".{os.getpid()}.jpg")
        ready.jpegsave(str(temporary), Q=90, interlace=progressive, subsample_mode="on", keep="none")
        temporary.rename(path)
    return path


def _original() -> pyvips.Image:
    given = os.environ.get("RENDITOR_BENCH_PHOTO", "")
    for path in (Path(given), Path(__file__).resolve().parents[2] / "shared" / "media" / "images" / _PHOTO):
        if path.is_file():
            return pyvips.Image.new_from_file(str(path)).copy_memory()
    xyz = pyvips.Image.xyz(2048, 1536)
    shapes = ((xyz[0] * 0.021).sin() * 40 + (xyz[1] * 0.013).cos() * 40 + 128).gaussblur(2)
    return shapes.bandjoin([shapes * 0.8, shapes * 0.6]).cast("uchar").copy(interpretation="srgb").copy_memory()


def ratio(mine: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of rounds that ran one after the other."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print as Markdown, ready for the docs."""
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    for number, line in enumerate(lines):
        print("| " + " | ".join(map(str.ljust, line, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def verdict(value: float, target: float) -> str:
    """``met``, or by how much it is missed."""
    return "met" if value <= target else f"missed ({value / target - 1:+.0%})"

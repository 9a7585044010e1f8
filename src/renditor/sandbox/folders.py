"""The folders that a confined program writes to: how full it makes them, and how they are cleared afterwards.

The kernel bounds each file of a program (RLIMIT_FSIZE), not their sum and not their number: a hundred thousand empty
files use up the inodes of a disk, and a file that was removed while it is open is in no folder. Standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from renditor.sandbox.policy import Limits

_BLOCK: Final = 512  # bytes; the unit of st_blocks whatever the file system (stat(2))
_MOST_DEPTH: Final = 16  # results are two folders deep; paths of thousands of folders can be neither listed nor removed
_INTERVAL: Final = 0.2  # seconds: what a disk takes in this time is how far beyond its limit a program comes
_SHARE: Final = 10  # looking takes at most a tenth of the time, however many files there are
_DELETED: Final = " (deleted)"  # proc_pid_maps(5)


class Overfull(Exception):
    """A program was killed because it wrote too much. ``what``: of bytes or of files."""

    def __init__(self, what: Literal["bytes", "files"]) -> None:
        super().__init__(what)
        self.what: Final = what


@dataclass(frozen=True, slots=True)
class Held:
    """What folders hold: bytes on the disk (a hole takes none), and how many files and folders."""

    bytes: int
    files: int


class Watch:
    """Compares what a program adds to its folders with its limits.

    Made before the program starts: what others have left there does not count.

    Args:
        folders: all that it can write to.
        limits: ``total_size`` and ``files`` of it; None is no limit.
    """

    def __init__(self, folders: Sequence[str], limits: Limits) -> None:
        self._folders = [os.path.realpath(folder) for folder in folders]
        self._limits = limits
        self._before = held(self._folders)

    async def follow(self, pid: int) -> None:
        """Look again and again, until cancelled.

        Raises:
            Overfull: beyond a limit. The program still runs.
        """
        pause = _INTERVAL
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            await asyncio.to_thread(self.look, pid)
            pause = max(_INTERVAL, _SHARE * (time.monotonic() - began))

    def look(self, pid: int | None = None) -> None:
        """Look once. ``pid``: the program, if it still runs. Raises Overfull."""
        now, limits = held(self._folders), self._limits
        hidden = 0 if pid is None else _removed(pid, self._folders, limits.file_size)
        if limits.files is not None and now.files - self._before.files > limits.files:
            raise Overfull("files")
        if limits.total_size is not None and now.bytes + hidden - self._before.bytes > limits.total_size:
            raise Overfull("bytes")


def held(folders: Sequence[str]) -> Held:
    """Count what is in the folders. What disappears meanwhile is not counted. Raises Overfull: nested too deep."""
    size = files = 0
    for folder in folders:
        for _, status in below(Path(folder)):
            size += status.st_blocks * _BLOCK
            files += 1
    return Held(size, files)


def below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything in a folder and in those below it; links are not followed.

    Raises:
        Overfull: folders in folders in folders, deeper than any program of ours makes them.
    """
    waiting = [(folder, 0)]
    while waiting:
        current, depth = waiting.pop()
        if depth > _MOST_DEPTH:
            raise Overfull("files")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(current) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    yield current / entry.name, status
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append((current / entry.name, depth + 1))


def clear(path: Path) -> None:
    """Remove a file, or a folder whatever a program has made of it: nested by the thousand, or closed to its owner.

    ``shutil.rmtree`` ends in RecursionError at a thousand levels, and the folder would stay for ever. Here each folder
    is first moved to the top, so no path becomes long.

    Raises:
        OSError: the file system refuses.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    waiting = [path]
    while waiting:
        current = waiting.pop()
        current.chmod(0o700)  # made without any rights, it could not even be listed
        with os.scandir(current) as entries:
            found = [(Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in entries]
        for one, is_folder in found:
            if not is_folder:
                one.unlink()
                continue
            one.chmod(0o700)  # to move a folder is to write to it
            # A name that nobody could have taken before.
            waiting.append(one.rename(path.with_name(f"{path.name}.{secrets.token_hex(8)}")))
        current.rmdir()


def _removed(pid: int, folders: Sequence[str], file_size: int) -> int:
    """Bytes of files that a program has removed and still holds: open, or mapped into its memory.

    How large a mapped one is cannot be seen; it counts as large as it may be.
    """
    size, seen = 0, set()
    below_ours = tuple(f"{folder}/" for folder in folders)
    # The program may end while we look: then nothing of it is left to count.
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - plain strings
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(f"/proc/{pid}/fd/{name}")  # noqa: PTH116 - as above
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 0 and status.st_ino not in seen:
                    seen.add(status.st_ino)
                    size += status.st_blocks * _BLOCK
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as lines:
            fields = [line.rstrip("\n").split(maxsplit=5) for line in lines if line.endswith(f"{_DELETED}\n")]
        mapped = {int(field[4]) for field in fields if field[5].startswith(below_ours)}
        size += file_size * len(mapped - seen)
    return size

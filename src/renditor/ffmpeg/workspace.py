"""The job folder of a run: where intermediate files lie, and how nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from renditor.errors import ProcessingFailed
from renditor.sandbox.folders import Overfull, below, clear

WORK: Final = PurePosixPath("work")  # below the job folder; gone at the end of a run


@contextlib.asynccontextmanager
async def workspace(folder: Path, outputs: Sequence[str]) -> AsyncIterator[None]:
    """``folder/work`` for the length of a run. Whatever goes wrong, none of the ``outputs`` stays in ``folder``.

    What an earlier run left there because the machine or the process died is removed first.

    Raises:
        ProcessingFailed: an output is or holds something else than plain files: a link, a device, a socket, or folders
            nested very deep. FFmpeg makes none; one that a hostile file has taken over might, and what a
            link points to would be published.
    """
    work = folder / WORK
    for path in (work, *(folder / name for name in outputs)):
        await asyncio.to_thread(clear, path)
    work.mkdir()
    try:
        yield
        for name in outputs:
            await asyncio.to_thread(_expect_plain_files, folder / name)
    except BaseException:
        for name in outputs:
            clear(folder / name)
        raise
    finally:
        # Shielded: a second cancellation must not leave the files.
        await asyncio.shield(asyncio.to_thread(clear, work))


def stored_bytes(path: Path) -> int:
    """Size of a file, or of all files below a folder; 0 if there is nothing."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else 0


def _expect_plain_files(path: Path) -> None:
    try:
        found = [status for _, status in below(path)]
        found.append(path.lstat())
    except FileNotFoundError:  # an output that was not made
        return
    except Overfull:
        raise ProcessingFailed("The result holds folders nested too deep.") from None
    for status in found:
        # A file of two names may be somebody else's.
        if not stat.S_ISDIR(status.st_mode) and (not stat.S_ISREG(status.st_mode) or status.st_nlink > 1):
            raise ProcessingFailed("The result holds something else than a plain file.")

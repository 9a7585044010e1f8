"""The job folder of a run: where intermediate files lie, and how nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from renditor.errors import ProcessingFailed

WORK: Final = PurePosixPath("work")  # below the job folder; gone at the end of a run


@contextlib.asynccontextmanager
async def workspace(folder: Path, outputs: Sequence[str]) -> AsyncIterator[None]:
    """``folder/work`` for the length of a run. Whatever goes wrong, none of the ``outputs`` stays in ``folder``.

    What an earlier run left there because the machine or the process died is removed first.

    Raises:
        ProcessingFailed: an output is or holds a symbolic link. FFmpeg makes none; one that a hostile file has taken
            over might, and what the link points to would be published.
    """
    work = folder / WORK
    for path in (work, *(folder / name for name in outputs)):
        await asyncio.to_thread(_remove, path)
    work.mkdir()
    try:
        yield
        for name in outputs:
            await asyncio.to_thread(_expect_no_links, folder / name)
    except BaseException:
        for name in outputs:
            _remove(folder / name)
        raise
    finally:
        # Shielded: a second cancellation must not leave the files.
        await asyncio.shield(asyncio.to_thread(_remove, work))


def stored_bytes(path: Path) -> int:
    """Size of a file, or of all files below a folder; 0 if there is nothing."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else 0


def _expect_no_links(path: Path) -> None:
    if path.is_symlink() or any(one.is_symlink() for one in path.rglob("*")):
        raise ProcessingFailed("The result holds a link instead of a file.")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""Files that arrive in pieces: one file for each upload, one writer at a time."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

from renditor.content.spool import Chunk
from renditor.errors import Locked, NotFound, OutOfSpace, TooLarge, Unavailable, of_disk

Value = TypeVar("Value")

# Free space that uploads leave alone, bytes.
_RESERVE = 256 * 1024 * 1024
_COPIED = 1024 * 1024
# How long a request waits for the one before it, and how often it looks. Seconds.
_PATIENCE, _POLL = 2.0, 0.05


class PieceFiles:
    """The files of unfinished uploads. Whoever writes holds a lock on the file, which ends with the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.upload"

    def make(self, upload_id: str, length: int) -> None:
        """An empty file, if ``length`` bytes fit on the disk. Blocking. Raises: OutOfSpace, Unavailable."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            free = os.statvfs(self._folder)
            if free.f_bavail * free.f_frsize < length + _RESERVE:
                raise OutOfSpace("There is no space for an upload of this size.")
            os.close(os.open(self.path(upload_id), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise of_disk(error) from error

    def remove(self, upload_id: str) -> None:
        """Blocking. Raises: Unavailable."""
        try:
            for path in (self._whole(upload_id), self.path(upload_id)):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise of_disk(error) from error

    @contextlib.asynccontextmanager
    async def handed_over(self, upload_id: str) -> AsyncIterator[Path]:
        """The same bytes under a second name, for storage to take over. What a killed process left there goes.

        Raises: OutOfSpace, Unavailable.
        """
        whole = self._whole(upload_id)
        try:
            await asyncio.to_thread(_link, self.path(upload_id), whole)
            yield whole
        finally:
            await asyncio.to_thread(whole.unlink, missing_ok=True)

    def join(self, fd: int, parts: Iterable[str], length: int) -> None:
        """Copy whole uploads into one. Blocking. Raises: NotFound: one has gone; OutOfSpace, Unavailable."""
        try:
            with os.fdopen(os.dup(fd), "wb") as whole:
                for part in parts:
                    with self.path(part).open("rb") as source:
                        shutil.copyfileobj(source, whole, _COPIED)
            if os.fstat(fd).st_size != length:
                raise Unavailable("The parts of the upload are not what they were.")
        except FileNotFoundError:
            raise NotFound from None
        except OSError as error:
            raise of_disk(error) from error

    def beginning(self, upload_id: str, size: int) -> bytes:
        """The first bytes. Blocking. Raises: Unavailable."""
        try:
            with self.path(upload_id).open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise of_disk(error) from error

    def names(self) -> list[str]:
        """The uploads that there are files of. Blocking."""
        return sorted({path.stem for kind in ("upload", "whole") for path in self._folder.glob(f"*.{kind}")})

    def idle(self, upload_id: str, seconds: float) -> bool:
        """Whether nothing was written for so long. Blocking."""
        try:
            return time.time() - self.path(upload_id).stat().st_mtime > seconds
        except FileNotFoundError:
            return True

    @contextlib.asynccontextmanager
    async def locked(self, upload_id: str, *, missing_ok: bool = False) -> AsyncIterator[int]:
        """The open file, for this request alone; -1 where it is missing and may be.

        Raises: Locked; NotFound: the file is gone; Unavailable.
        """
        fd = await to_the_end(asyncio.to_thread(_open, self.path(upload_id)))
        try:
            if fd >= 0 and not await _alone(fd):  # it was removed while we waited for it
                os.close(fd)
                fd = -1
            if fd < 0 and not missing_ok:
                raise NotFound
            yield fd
        finally:
            if fd >= 0:
                os.close(fd)

    def _whole(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.whole"


class PieceWriter:
    """Gathers chunks of a body and writes them where the upload ends.

    Args:
        fd: of the file, locked.
        offset, length: bytes that count already, and bytes that there will be.
        hashed: what is to see the bytes too, such as a hash.
    """

    def __init__(self, fd: int, offset: int, length: int, hashed: Any = None) -> None:
        self._fd = fd
        self._left = length - offset
        self._hashed = hashed
        self._chunks: list[Chunk] = []
        self.end = offset
        self.waiting = 0

    def begin(self) -> None:
        """Cut off what an earlier request wrote and could not count. Blocking. Raises: Unavailable."""
        try:
            os.ftruncate(self._fd, self.end)
        except OSError as error:
            raise of_disk(error) from error

    def take(self, chunk: Chunk) -> None:
        """Raises: TooLarge: more than was announced."""
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge("This is more than the Upload-Length that was announced.", code="upload-overflow")
        self._chunks.append(chunk)
        self.waiting += len(chunk)

    def flush(self) -> None:
        """Write what waits; ``end`` is how far it came. Blocking. Raises: OutOfSpace, Unavailable."""
        chunks, self._chunks, self.waiting = self._chunks, [], 0
        data = b"".join(chunks)
        if self._hashed:
            self._hashed.update(data)
        try:
            view = memoryview(data)
            while view:
                done = os.pwrite(self._fd, view, self.end)
                view, self.end = view[done:], self.end + done
        except OSError as error:
            raise of_disk(error) from error


async def to_the_end(work: Coroutine[Any, Any, Value]) -> Value:
    """Do it whole, also where the request is given up meanwhile: a thread that still writes to a file must be done with
    it before its descriptor is closed, and may be another file's."""
    task = asyncio.ensure_future(work)
    given_up: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            given_up = error
    if given_up is not None:
        raise given_up
    return task.result()


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise of_disk(error) from error


async def _alone(fd: int) -> bool:
    """Lock it. False: the one before us has removed it. Raises: Locked."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # A client that comes back is often here before its broken request has ended.
            if time.monotonic() > until:
                raise Locked("Another request is writing to this upload.", hint="Try again in a second.") from None
            await asyncio.sleep(_POLL)
        else:
            return os.fstat(fd).st_nlink > 0


def _link(path: Path, beside: Path) -> None:
    try:
        beside.unlink(missing_ok=True)
        os.link(path, beside)
    except OSError as error:
        raise of_disk(error) from error

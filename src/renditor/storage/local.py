"""LocalStorage: objects as files below one folder.

An object appears by ``rename`` of a file that is already on the disk (fsync), so that a crash at any moment leaves
the old object, the new one or none. Files are opened with ``O_NOFOLLOW``: a link planted in the folder is not followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from stat import S_ISREG

from renditor.errors import NotFound, RenditorError, Unavailable, of_disk
from renditor.storage.base import ObjectStat

_KEY = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*")
_CHUNK = 1024 * 1024
# Files up to this size are read in one go on the event loop: they come from the page cache in about 50 us, a hop
# through a thread costs more than twice that.
_INLINE = 1024 * 1024
_RENAME_ATTEMPTS = 20
_ABANDONED_SECONDS = 3600


class LocalStorage:
    """Objects below ``root``. Files have mode 0600, folders 0700.

    Args:
        root: the folder; made when missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / ".incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep_incoming()

    async def put(self, key: str, source: Path) -> None:
        await asyncio.to_thread(self._put, self._path(key), source)

    async def write(self, key: str, content: bytes, *, durable: bool = True) -> None:
        await asyncio.to_thread(self._write, self._path(key), content, durable)

    async def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        fd, size = self._open(self._path(key))
        try:
            stop = size if end is None else min(end, size)
            while start < stop:
                want = min(_CHUNK, stop - start)
                if size <= _INLINE:
                    chunk = os.pread(fd, want, start)
                else:
                    chunk = await asyncio.to_thread(os.pread, fd, want, start)
                if not chunk:  # shortened behind our back: end the answer rather than loop
                    return
                yield chunk
                start += len(chunk)
        finally:
            os.close(fd)

    async def stat(self, key: str) -> ObjectStat | None:
        try:
            found = self._path(key).lstat()
        except (FileNotFoundError, NotADirectoryError):
            self._check_there()
            return None
        except OSError as error:
            raise _unreadable(error) from error
        if not S_ISREG(found.st_mode):
            return None
        return ObjectStat(key, found.st_size, found.st_mtime_ns // 1_000_000)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._delete, self._path(key))

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        for item in await asyncio.to_thread(lambda: list(self._walk(prefix))):
            yield item

    async def checkout(self, key: str, folder: Path) -> Path:  # noqa: ARG002  # a copy is never needed here
        path = self._path(key)
        if await self.stat(key) is None:
            raise NotFound
        return path

    def _check_there(self) -> None:
        """Objects of a disk that is not mounted are not gone. Raises: Unavailable."""
        if not self._incoming.is_dir():
            raise Unavailable("The storage is not there.", hint="Its disk may not be mounted.")

    # -- what runs in a thread ----------------------------------------------------------------------------------------

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise NotFound
        return self.root / key

    def _put(self, target: Path, source: Path) -> None:
        self._check_there()  # else its folders would be made anew, below the place where the disk belongs
        with _disk_errors():
            try:
                _sync_file(source)
                _rename(source, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                # The spool lies on another disk: copy beside the target first, so that the last act is still a rename.
                with self._temporary() as temporary:
                    shutil.copyfile(source, temporary)
                    _sync_file(temporary)
                    _rename(temporary, target)
                source.unlink()

    def _write(self, target: Path, content: bytes, durable: bool) -> None:
        with _disk_errors(), self._temporary() as temporary:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                if durable:  # without it a power cut may leave an empty file under the object's name
                    os.fsync(fd)
            # The folder is not synced: a small object that a power cut takes whole is made again.
            _rename(temporary, target, sync=False)

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        """A name for a file that is renamed away in the end; where that fails, nothing of it stays."""
        path = self._incoming / secrets.token_hex(16)
        try:
            yield path
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _sweep_incoming(self) -> None:
        """Remove what killed processes left behind half-way. Nobody writes to one file for an hour."""
        for path in self._incoming.iterdir():
            with contextlib.suppress(OSError):  # another process may sweep too
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()

    def _open(self, path: Path) -> tuple[int, int]:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self._check_there()
            raise NotFound from None
        except OSError as error:
            raise _unreadable(error) from error
        found = os.fstat(fd)
        if not S_ISREG(found.st_mode):
            os.close(fd)
            raise NotFound
        return fd, found.st_size

    def _delete(self, path: Path) -> None:
        self._check_there()
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise of_disk(error) from error
        with contextlib.suppress(OSError):  # stops at the first folder that still holds something
            for parent in path.parents:
                if parent == self.root:
                    break
                parent.rmdir()

    def _walk(self, prefix: str) -> Iterator[ObjectStat]:
        for folder, _, names in os.walk(self._path(prefix.rstrip("/"))):
            for name in sorted(names):
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    found = path.lstat()
                    key = path.relative_to(self.root).as_posix()
                    yield ObjectStat(key, found.st_size, found.st_mtime_ns // 1_000_000)


def _unreadable(error: OSError) -> RenditorError:
    """A name that no file can have is a name of nothing; all else is trouble with the disk."""
    return NotFound() if error.errno == errno.ENAMETOOLONG else Unavailable("The storage cannot be read.")


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except RenditorError:
        raise
    except OSError as error:
        raise of_disk(error) from error


def _sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _rename(source: Path, target: Path, *, sync: bool = True) -> None:
    """Move ``source`` over ``target``. A folder that concurrent deletes keep removing in between is made again."""
    for attempt in range(_RENAME_ATTEMPTS):
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            source.replace(target)
            break
        except (FileNotFoundError, FileExistsError):  # the latter: gone between mkdir and its own second look
            if attempt == _RENAME_ATTEMPTS - 1 or not source.exists():
                raise
    if sync:
        fd = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

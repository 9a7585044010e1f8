"""Where the bytes of an upload go while they arrive."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from renditor.errors import of_disk

# A piece of a body; whoever hands it over does not change it afterwards.
Chunk = bytes | bytearray
# Pieces given to the kernel in one call, which takes 1024 at most (IOV_MAX).
IOV_BATCH = 512


class Received(Protocol):
    """A whole upload in a file of its own."""

    @property
    def path(self) -> Path: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    def discard(self) -> None:
        """Remove the file unless storage has taken it over. Blocking."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that came in pieces and is whole now. ``sha256`` in hex."""

    path: Path
    bytes: int
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Arrived:
        """Hash a file, and see that it is on the disk. Blocking. Raises: OutOfSpace, Unavailable."""
        try:
            with path.open("rb") as file:
                os.fsync(file.fileno())
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                return cls(path, file.tell(), digest)
        except OSError as error:
            raise of_disk(error) from error

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


class Spool:
    """A file that receives an upload while it is hashed and counted.

    The holder keeps the file locked: what a killed process left behind can be told from what is still being written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{secrets.token_hex(16)}.part"
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(fd, "wb", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._hash = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, chunks: list[Chunk]) -> None:
        """Blocking. Raises: OutOfSpace, Unavailable."""
        for chunk in chunks:
            self._hash.update(chunk)
            self.bytes += len(chunk)
        # One call for the whole batch: the kernel then takes large pages, which costs less than many small writes.
        try:
            for start in range(0, len(chunks), IOV_BATCH):  # the first batch waits for the type: any number
                self._write([memoryview(chunk) for chunk in chunks[start : start + IOV_BATCH]])
        except OSError as error:
            raise of_disk(error) from error

    def _write(self, left: list[memoryview]) -> None:
        while left:
            written = os.writev(self._file.fileno(), left)
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if left:
                left[0] = left[0][written:]

    def discard(self) -> None:
        """Close, and remove the file unless storage has taken it over."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    @staticmethod
    def sweep(folder: Path) -> int:
        """Remove what killed processes left behind. Returns how many files went."""
        removed = 0
        for path in folder.glob("*.part"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed += 1
        return removed

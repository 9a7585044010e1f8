"""The storage seam. Keys are ours alone (``[a-z0-9._/-]``); no user's text is ever part of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """``modified_at`` in ms since 1970, ``bytes`` the size."""

    key: str
    bytes: int
    modified_at: int


class Storage(Protocol):
    """Keeps objects. A ``put`` is all or nothing: a reader sees the old object, the new one, or none."""

    async def put(self, key: str, source: Path) -> None:
        """Store the file ``source`` under ``key``, durably; ``source`` is taken over (moved or removed).

        Raises: OutOfSpace, Unavailable.
        """
        ...

    async def write(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """Store a small object. One that is not ``durable`` may be cut short by a power cut: for what can be made anew.

        Raises: OutOfSpace, Unavailable.
        """
        ...

    def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes ``start`` (included) to ``end`` (excluded) in chunks. Raises: NotFound, Unavailable."""
        ...

    async def stat(self, key: str) -> ObjectStat | None: ...

    async def delete(self, key: str) -> None:
        """Remove one object; unknown keys are fine."""
        ...

    def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        """All objects whose key starts with the folder ``prefix``."""
        ...

    async def checkout(self, key: str, folder: Path) -> Path:
        """A path on this machine with the object's bytes, to be read only: the object itself where storage is a local
        disk, else a copy inside ``folder``. Raises: NotFound, Unavailable."""
        ...

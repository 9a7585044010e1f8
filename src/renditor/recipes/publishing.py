"""Storing what a recipe made, and making it known: all of it or nothing stays.

A set that can be played may be shown before the job ends. It is known then, but its objects stay marked for removal as
the job's: however the job ends without completing, and wherever its worker dies, they go. The set grows when the job
completes: under the same id and in the same folder, so that players that began go on. Nothing that is stored is ever
written over: the first playlists have names of their own (see ``catalog.sets``).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from renditor.catalog import assets, jobs, pictures, sets, trash
from renditor.catalog.base import Catalog
from renditor.errors import failed_check
from renditor.models import Output, Rendition, new_id, now_ms
from renditor.recipes.recipe import Attempt, JobGone
from renditor.storage import keys
from renditor.storage.base import Storage
from renditor.video.streams.package import MANIFEST, MASTER

# What recipes make. Another recipe for the same asset replaces all of it.
KINDS: Final = ("hls", "mp4", "poster", "storyboard", "preview", "chapters", "audio", "waveform", sets.KEPT)
# The files of a set that name all others, and where they are stored for as long as there is only a part of it.
_FIRST: Final = {MASTER: "master-first.m3u8", MANIFEST: "manifest-first.mpd"}
# For so long players that hold one of them may ask for it again, ms.
_STILL_READ_MS: Final = 120_000

# A file that was being stored when its job was stopped is there this much later at the latest: threads are not stopped.
LATE_MS: Final = 5_000


class Publication:
    """What one attempt at a job publishes: perhaps a part first, then everything, with which the job ends."""

    def __init__(self, catalog: Catalog, storage: Storage, attempt: Attempt) -> None:
        self._catalog = catalog
        self._storage = storage
        self._attempt = attempt
        self._shown: Rendition | None = None
        self._stored: dict[str, str] = {}  # files of the set that is shown, with the digests of their bytes

    async def show(self, output: Output) -> None:
        """Make a set known while the job goes on; its files stay where they are, and are copied.

        Raises: JobGone: the job had ended meanwhile; nothing stays stored.
        """
        rendition = _rendition(self._attempt.asset.id, output)
        rendition = replace(rendition, metadata=rendition.metadata | {"heads": _FIRST})
        copied = self._attempt.folder / "shown"
        stored = await asyncio.to_thread(_copy, output.path, copied)
        async with self._marked([rendition.key]):
            await self._store(copied, rendition.key, list(stored))
            await self._catalog.write(partial(_show, job_id=self._attempt.job.id, rendition=rendition))
        self._shown, self._stored = rendition, stored

    async def complete(self, outputs: tuple[Output, ...], on_stored: Callable[[float], None]) -> None:
        """Store everything, then make it known and end the job in one transaction.

        Args:
            outputs: what was made; its files are taken over.
            on_stored: called with the share of the bytes that is stored, 0..1.

        Raises:
            JobGone: the job had ended meanwhile; nothing stays stored.
            ProcessingFailed: a file that was shown already has become another.
        """
        made = [(output, self._known(output) or _rendition(self._attempt.asset.id, output)) for output in outputs]
        prefixes = [rendition.key for _, rendition in made]
        total, done = sum(output.bytes for output in outputs) or 1, 0
        async with self._marked(prefixes):
            for output, rendition in made:
                await self._store(*await asyncio.to_thread(self._remaining, output, rendition))
                done += output.bytes
                on_stored(done / total)
            known = [_grown(rendition, output) for output, rendition in made]
            await self._catalog.write(partial(_complete, attempt=self._attempt, known=known, shown=self._shown))

    def _known(self, output: Output) -> Rendition | None:
        shown = self._shown
        return shown if shown is not None and (shown.kind, shown.name) == (output.kind, output.name) else None

    def _remaining(self, output: Output, rendition: Rendition) -> tuple[Path, str, list[str]]:
        """Where the files of an output lie, the folder they go to, and which of them are not stored yet."""
        if not output.path.is_dir():
            return output.path.parent, rendition.key, [output.path.name]
        if rendition is not self._shown:
            return output.path, rendition.key, _files(output.path)
        digests = _digests(output.path)
        # Players and caches hold these files, for ever: they cannot become others.
        if any(digests.get(name) != digest for name, digest in self._stored.items() if name not in _FIRST.values()):
            raise failed_check("a file of the first quality has changed")
        return output.path, rendition.key, [name for name in digests if name not in self._stored]

    async def _store(self, folder: Path, key: str, names: list[str]) -> None:
        for name in names:
            await self._storage.put(key + name, folder / name)

    @contextlib.asynccontextmanager
    async def _marked(self, prefixes: list[str]) -> AsyncIterator[None]:
        """Mark folders before anything is stored in them, and give them up where they do not become known.

        The one that is shown is marked already, unless somebody took it back: that stays so.
        """
        fresh = [prefix for prefix in prefixes if self._shown is None or prefix != self._shown.key]
        await self._catalog.write(lambda c: trash.intend(c, fresh, job_id=self._attempt.job.id))
        try:
            yield
        except BaseException:
            # Marked anew: the sweeps may have come by while we were still storing.
            await asyncio.shield(self._catalog.write(partial(_throw_unknown, prefixes=prefixes)))
            raise


def _show(connection: Any, job_id: str, rendition: Rendition) -> None:
    """Raises: JobGone: the job has ended, or its objects were given up."""
    if not jobs.is_running(connection, job_id) or not trash.marked(connection, [rendition.key]):
        raise JobGone
    assets.keep_rendition(connection, rendition)


def _complete(connection: Any, attempt: Attempt, known: list[Rendition], shown: Rendition | None) -> None:
    """End the job as completed, with what it made. Raises: JobGone: it had ended, or its objects were given up."""
    job, asset_id = attempt.job, attempt.asset.id
    if trash.take_back(connection, [rendition.key for rendition in known]) != len(known):
        raise JobGone
    if not jobs.finish(connection, job.id, "completed"):
        raise JobGone
    if assets.forget_renditions(connection, asset_id, KINDS, [rendition.id for rendition in known]):
        # Another recipe than before: what is cached for ever under the old URLs is old now, pictures of the old poster
        # are, too.
        assets.renew_version(connection, asset_id)
        pictures.drop_all(connection, asset_id)
    assets.update(connection, asset_id, recipe=job.recipe)
    for rendition in known:
        if shown is not None and rendition.id == shown.id:
            assets.grow_rendition(connection, rendition)
            later = now_ms() + _STILL_READ_MS
            trash.throw(connection, [rendition.key + name for name in _FIRST.values()], not_before=later)
        else:
            assets.keep_rendition(connection, rendition)


def _throw_unknown(connection: Any, prefixes: list[str]) -> None:
    """Send folders to the trash, unless their rendition did become known (an answer of the database that was lost)."""
    later = now_ms() + LATE_MS
    trash.throw(connection, assets.unknown_folders(connection, prefixes), not_before=later)


def _rendition(asset_id: str, output: Output) -> Rendition:
    rendition_id = new_id()
    blank = Rendition(rendition_id, asset_id, output.kind, output.name, keys.set_folder(rendition_id), "", 0, now_ms())
    return _grown(blank, output)


def _grown(rendition: Rendition, output: Output) -> Rendition:
    """The rendition with what is so of this output."""
    return replace(
        rendition,
        content_type=output.content_type,
        bytes=output.bytes,
        width=output.width,
        height=output.height,
        duration=output.duration,
        metadata=output.metadata | ({} if output.path.is_dir() else {"file": output.path.name}),
    )


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for name in _files(folder):
        with (folder / name).open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _copy(folder: Path, to: Path) -> dict[str, str]:
    """Copy a first part, its heads under their first names. Returns: the digests of all files."""
    shutil.copytree(folder, to)
    for name, first in _FIRST.items():
        (to / name).rename(to / first)
    return _digests(to)

"""Storing what a recipe made, and making it known: all of it or nothing is seen."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from renditor.catalog import Catalog, assets, jobs, trash
from renditor.models import Job, Output, Rendition, new_id, now_ms
from renditor.recipes.recipe import JobGone
from renditor.storage import keys
from renditor.storage.base import Storage

# A file that was being stored when its job was stopped is there this much later at the latest: threads are not stopped.
_LATE_MS = 5_000


@dataclass(frozen=True, slots=True)
class Publisher:
    """Ends jobs as completed, with their outputs."""

    catalog: Catalog
    storage: Storage

    async def publish(self, job: Job, outputs: tuple[Output, ...]) -> None:
        """Store everything under fresh keys, then make it known in one transaction.

        Raises: JobGone: the job had ended meanwhile; nothing stays stored.
        """
        made = [(output, _rendition(job.asset_id, output)) for output in outputs]
        prefixes = [rendition.key for _, rendition in made]
        await self.catalog.write(lambda c: trash.intend(c, prefixes, job_id=job.id))
        try:
            for output, rendition in made:
                await self._store(output, rendition.key)
            await self.catalog.write(partial(_make_known, job=job, renditions=[rendition for _, rendition in made]))
        except BaseException:
            # Marked anew: the sweeps may have come by while we were still storing.
            await asyncio.shield(self.catalog.write(partial(_throw_unknown, prefixes=prefixes)))
            raise

    async def _store(self, output: Output, key: str) -> None:
        files = sorted(output.path.rglob("*")) if output.path.is_dir() else [output.path]
        base = output.path if output.path.is_dir() else output.path.parent
        for file in files:
            if file.is_file():
                await self.storage.put(key + file.relative_to(base).as_posix(), file)


def _make_known(connection: Any, job: Job, renditions: list[Rendition]) -> None:
    """End the job as completed, with what it made. Raises: JobGone: it had ended, or its objects were given up."""
    if trash.take_back(connection, [rendition.key for rendition in renditions]) != len(renditions):
        raise JobGone
    if not jobs.finish(connection, job.id, "completed"):
        raise JobGone
    for rendition in renditions:
        assets.keep_rendition(connection, rendition)


def _throw_unknown(connection: Any, prefixes: list[str]) -> None:
    """Send folders to the trash, unless their rendition did become known (an answer of the database that was lost)."""
    later = now_ms() + _LATE_MS
    trash.throw(connection, assets.unknown_folders(connection, prefixes), not_before=later)


def _rendition(asset_id: str, output: Output) -> Rendition:
    rendition_id = new_id()
    return Rendition(
        id=rendition_id,
        asset_id=asset_id,
        kind=output.kind,
        name=output.name,
        key=keys.set_folder(rendition_id),
        content_type=output.content_type,
        bytes=output.bytes,
        created_at=now_ms(),
        width=output.width,
        height=output.height,
        duration=output.duration,
        metadata=output.metadata | ({} if output.path.is_dir() else {"file": output.path.name}),
    )

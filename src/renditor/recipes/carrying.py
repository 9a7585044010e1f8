"""What people have done to the captions of a video stays when everything else is made anew.

What they added stays until they remove it; what they removed of the video's own file stays away. A recipe that makes no
streams keeps both as a rendition of its own, from which the next one that does takes them.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from renditor.catalog import sets
from renditor.catalog.base import Catalog
from renditor.ffmpeg.workspace import stored_bytes
from renditor.models import Output, Rendition
from renditor.recipes.recipe import Attempt
from renditor.storage.base import Storage
from renditor.video.streams.package import MANIFEST, MASTER
from renditor.video.subtitles.cues import Track
from renditor.video.subtitles.parsing import parse_webvtt
from renditor.video.subtitles.sets import CAPTIONS, SetTrack, files, in_manifest, in_master
from renditor.video.subtitles.writing import CONTENT_TYPE


@dataclass(frozen=True, slots=True)
class _Changes:
    """What was added, and the names of the file's own tracks that were removed."""

    added: tuple[tuple[SetTrack, Track], ...]
    removed: frozenset[str]

    def metadata(self, tracks: list[SetTrack]) -> dict[str, Any]:
        return {"captions": [track.to_json() for track in tracks], "removed": sorted(self.removed)}


async def carry_captions(
    catalog: Catalog, storage: Storage, attempt: Attempt, outputs: tuple[Output, ...]
) -> tuple[Output, ...]:
    """Do to the new set of a video what people did to the one before it.

    Args:
        catalog: knows the present set.
        storage: has it.
        attempt: at the job that made a new one.
        outputs: what was made; its set is changed where it lies.

    Returns: the outputs; where there is no set among them, also one that keeps the changes for the next.
    """
    asset = attempt.asset
    before = await catalog.read(partial(sets.captioned, asset_id=asset.id))
    changes = None if before is None else await _changes(storage, before)
    if changes is None or not (changes.added or changes.removed):
        return outputs
    if not any(output.kind == sets.SET for output in outputs):
        kept = await asyncio.to_thread(_keep, attempt.folder / sets.KEPT, changes, asset.duration or 0.0)
        return *outputs, kept
    return tuple(
        [await asyncio.to_thread(_with, output, changes) if output.kind == sets.SET else output for output in outputs]
    )


async def _changes(storage: Storage, rendition: Rendition) -> _Changes:
    tracks = map(SetTrack.from_json, rendition.metadata.get("captions", ()))
    added = [(track, await _read(storage, rendition, track)) for track in tracks if track.uploaded]
    return _Changes(tuple(added), sets.removed_tracks(rendition))


async def _read(storage: Storage, rendition: Rendition, track: SetTrack) -> Track:
    key = f"{rendition.key}{track.folder}/{CAPTIONS}"
    return parse_webvtt(b"".join([chunk async for chunk in storage.open(key)]).decode())


def _keep(folder: Path, changes: _Changes, length: float) -> Output:
    folder.mkdir(mode=0o700)
    _write(folder, changes, length)
    metadata = changes.metadata([track for track, _ in changes.added])
    return Output(sets.KEPT, sets.KEPT, folder, CONTENT_TYPE, stored_bytes(folder), metadata=metadata)


def _with(output: Output, changes: _Changes) -> Output:
    """The set with what was added beside the tracks of the video's own file, but without those that were removed."""
    folder, length = output.path, output.duration or 0.0
    # A track of the file that another version of renditor names or labels like one that was added gives way, too.
    taken = changes.removed.union(*((track.name, track.label) for track, _ in changes.added))
    own = []
    for track in map(SetTrack.from_json, output.metadata.get("captions", ())):
        if taken & {track.name, track.label}:
            shutil.rmtree(folder / track.folder)
        else:
            own.append(track)
    _write(folder, changes, length)
    chosen = any(track.default for track, _ in changes.added)
    tracks = [replace(track, default=track.default and not chosen) for track in own]
    tracks += [track for track, _ in changes.added]
    master, manifest = folder / MASTER, folder / MANIFEST
    master.write_text(in_master(master.read_text(), tracks))
    manifest.write_text(in_manifest(manifest.read_text(), tracks, length))
    return replace(output, metadata=output.metadata | changes.metadata(tracks), bytes=stored_bytes(folder))


def _write(folder: Path, changes: _Changes, length: float) -> None:
    for track, captions in changes.added:
        for name, content in files(track, captions, length).items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

"""What people have added to a video stays with it when everything else is made anew."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from renditor.catalog import assets
from renditor.catalog.base import Catalog
from renditor.ffmpeg.workspace import stored_bytes
from renditor.models import Asset, Output, Rendition
from renditor.storage.base import Storage
from renditor.video.streams.package import MANIFEST, MASTER
from renditor.video.subtitles.cues import Track
from renditor.video.subtitles.parsing import parse_webvtt
from renditor.video.subtitles.sets import CAPTIONS, SetTrack, files, in_manifest, in_master

_SET: Final = "hls"


async def carry_captions(
    catalog: Catalog, storage: Storage, asset: Asset, outputs: tuple[Output, ...]
) -> tuple[Output, ...]:
    """Put the captions that were added to the asset's present set into the one that will take its place.

    Args:
        catalog: knows the present set.
        storage: has it.
        asset: the video.
        outputs: what was made; its set is changed where it lies.

    Returns: the outputs; the set with all its tracks.
    """
    before = await catalog.read(lambda c: assets.rendition(c, asset.id, _SET))
    added = [] if before is None else _added(before)
    if before is None or not added:
        return outputs
    captions = [(track, await _read(storage, before, track)) for track in added]
    return tuple(
        [await asyncio.to_thread(_with, output, captions) if output.kind == _SET else output for output in outputs]
    )


def _added(rendition: Rendition) -> list[SetTrack]:
    tracks = map(SetTrack.from_json, rendition.metadata.get("captions", ()))
    return [track for track in tracks if track.uploaded]


async def _read(storage: Storage, rendition: Rendition, track: SetTrack) -> Track:
    key = f"{rendition.key}{track.folder}/{CAPTIONS}"
    return parse_webvtt(b"".join([chunk async for chunk in storage.open(key)]).decode())


def _with(output: Output, added: Sequence[tuple[SetTrack, Track]]) -> Output:
    """The set with these tracks beside those of the video's own file.

    One of its own that goes by the same name had been removed, and another added in its place.
    """
    folder, length = output.path, output.duration or 0.0
    taken = {name for track, _ in added for name in (track.name, track.label)}
    own = []
    for track in map(SetTrack.from_json, output.metadata.get("captions", ())):
        if taken & {track.name, track.label}:
            shutil.rmtree(folder / track.folder)
        else:
            own.append(track)
    for track, captions in added:
        for name, content in files(track, captions, length).items():
            _write(folder / name, content)
    chosen = any(track.default for track, _ in added)
    tracks = [replace(track, default=track.default and not chosen) for track in own] + [track for track, _ in added]
    master, manifest = folder / MASTER, folder / MANIFEST
    master.write_text(in_master(master.read_text(), tracks))
    manifest.write_text(in_manifest(manifest.read_text(), tracks, length))
    metadata = output.metadata | {"captions": [track.to_json() for track in tracks]}
    return replace(output, metadata=metadata, bytes=stored_bytes(folder))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)

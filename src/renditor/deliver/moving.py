"""Answers about video and audio: files and playlists that recipes made, and frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from renditor.audio.formats import FORMATS as FILES
from renditor.catalog import assets, sets
from renditor.catalog.base import Catalog
from renditor.deliver.pictures import Pictures
from renditor.deliver.plan import Plan
from renditor.deliver.playlists import rebase_manifest, rebase_playlist
from renditor.deliver.responses import (
    CONTENT_TYPES,
    IMMUTABLE,
    Body,
    Head,
    NotModified,
    ReadRange,
    Request,
    Response,
    disposition,
)
from renditor.errors import InvalidTransformation, NotFound, Overloaded, StillProcessing
from renditor.images.base import Source
from renditor.images.codecs.formats import FORMATS
from renditor.models import Asset, Rendition
from renditor.routing import MediaRouter
from renditor.storage.base import Storage
from renditor.transformation.operations import FLAG, START, STREAMING_PROFILE
from renditor.video.streams.package import MANIFEST, MASTER

# Frames of videos that one process takes at once, and requests that may wait for their turn: each is a run of FFmpeg
# over the original, and anybody can ask for another time.
_FRAMES_AT_ONCE = 2
_FRAMES_WAITING = 32


# The files of a set that name all others, by their extension.
_STREAMS: Final = {"m3u8": MASTER, "mpd": MANIFEST}
# Seconds for which they may be cached. A set that is being made gets its other qualities within a minute or an hour,
# one that is complete may get captions; the files that they name are immutable.
_GROWING_SECONDS = 2
_GROWN_SECONDS = 60


class FrameQueue:
    """Lets a few runs of FFmpeg go at once and some wait. Raises: Overloaded: too many wait already."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_FRAMES_AT_ONCE)
        self._waiting = 0

    async def __aenter__(self) -> None:
        if self._waiting >= _FRAMES_WAITING:
            raise Overloaded("Too many frames of videos are being made.", hint="Try again in a few seconds.")
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._turns.release()


@dataclass(frozen=True, slots=True)
class Moving:
    """``read`` opens stored objects; ``public_path`` is the path part of the public URL (mostly empty)."""

    catalog: Catalog
    storage: Storage
    router: MediaRouter
    pictures: Pictures
    read: Callable[[str], ReadRange]
    public_path: str
    framing: FrameQueue = field(default_factory=FrameQueue)

    async def answer(self, plan: Plan, asset: Asset, request: Request) -> Response:
        """What the path asks of a video or an audio file.

        While it is being processed nothing is answered but the playlists of a set that can be played already.

        Raises: StillProcessing (423), NotFound, InvalidTransformation, and what making a picture may raise.
        """
        path = plan.path
        streamed = path.ext in _STREAMS and path.transformation.last(STREAMING_PROFILE) is not None
        if not streamed:
            _expect_processed(asset)
        if path.ext in FORMATS:
            return await self._frame(plan, asset, request)
        rest = path.transformation.without(STREAMING_PROFILE, FLAG)
        if rest:
            raise InvalidTransformation(f"Unsupported transformation {rest} for video and audio.")
        if streamed:
            return await self._playlist(asset, path.ext or "", request)
        rendition = await self.catalog.read(lambda c: _named(c, asset, path.ext))
        if rendition is None:
            raise NotFound
        name = str(rendition.metadata["file"])
        shown = disposition(path, asset, name.rpartition(".")[2])
        return await self._stored(rendition, name, request, Head(self.pictures.cache_control(asset, path), None, shown))

    async def file(self, asset: Asset, rendition: Rendition, name: str, request: Request) -> Response:
        """One file of a set. They never change, but the playlists that name all others: a set may grow."""
        if name in _STREAMS.values():
            return await self._head(asset, rendition, name, request)
        return await self._stored(rendition, name, request, Head(IMMUTABLE))

    async def _playlist(self, asset: Asset, extension: str, request: Request) -> Response:
        """The master playlist or manifest under the asset's own name; everything it names lies below ``files/``."""
        rendition = await self.catalog.read(lambda c: assets.rendition(c, asset.id, "hls"))
        if rendition is None:
            _expect_processed(asset)
            raise NotFound
        rebase = rebase_playlist if extension == "m3u8" else rebase_manifest
        grant = f"g--{request.grant}--/" if request.grant else ""
        base = f"{self.public_path}/{asset.tenant}/files/{grant}{rendition.id}/"
        return await self._head(asset, rendition, _STREAMS[extension], request, lambda text: rebase(text, base))

    async def _head(
        self,
        asset: Asset,
        rendition: Rendition,
        name: str,
        request: Request,
        change: Callable[[str], str] = lambda text: text,
    ) -> Response:
        """A file that names all others of a set, at its present revision."""
        seconds = min(_GROWN_SECONDS, self.pictures.settings.max_age)
        head = Head(f"public, max-age={_GROWING_SECONDS if asset.status == 'processing' else seconds}")
        extension = name.rpartition(".")[2]
        stem = f"{rendition.id}-{extension}-{sets.revision(rendition)}"
        held = request.holds(stem)
        if held is not None:
            return NotModified(held, head)
        key = rendition.key + sets.stored_name(rendition, name)
        text = b"".join([chunk async for chunk in self.storage.open(key)]).decode()
        content = change(text).encode()
        return Body(CONTENT_TYPES[extension], len(content), f'"{stem}"', head, content)

    async def _frame(self, plan: Plan, asset: Asset, request: Request) -> Response:
        """A picture of a video: its poster, or with ``so_<seconds>`` the frame at that time."""
        if asset.media_type != "video" or asset.status != "completed":
            raise NotFound
        at = plan.path.transformation.last(START)
        if at is not None:
            return await self.pictures.answer(plan, asset, request, partial(self._taken, asset, float(at)))
        poster = await self.catalog.read(lambda c: assets.rendition(c, asset.id, "poster"))
        if poster is None:
            raise NotFound

        async def stored(folder: Path) -> Source:
            return Source(await self.storage.checkout(poster.key + str(poster.metadata["file"]), folder), "jpg")

        return await self.pictures.answer(plan, asset, request, stored)

    async def _taken(self, asset: Asset, at: float, folder: Path) -> Source:
        """The frame of the original at so many seconds."""
        async with self.framing:
            await asyncio.to_thread(folder.mkdir, parents=True, mode=0o700)
            original = await self.storage.checkout(asset.source, folder)
            frame = await self.router.video(asset.route).frame(original, folder, at)
        return Source(frame, frame.suffix.lstrip("."))

    async def _stored(self, rendition: Rendition, name: str, request: Request, head: Head) -> Response:
        key = rendition.key + name
        stat = await self.storage.stat(key)
        if stat is None:  # also for clients that hold it: captions that were removed are gone
            raise NotFound
        held = request.holds(rendition.id)
        if held is not None:
            return NotModified(held, head)
        content_type = CONTENT_TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream")
        return Body(content_type, stat.bytes, f'"{rendition.id}"', head, chunks=self.read(key), key=key)


def _expect_processed(asset: Asset) -> None:
    if asset.status in ("uploaded", "processing"):
        raise StillProcessing(hint="Ask again later; /media/{id}/status shows the progress to the owner.")


def _named(connection: Any, asset: Asset, extension: str | None) -> Rendition | None:
    """The file of that extension; without one the asset's primary file."""
    if asset.media_type == "video":
        kind = extension or "mp4"
        return assets.rendition(connection, asset.id, kind) if kind == "mp4" else None
    for one in (extension,) if extension else FILES:
        found = assets.rendition(connection, asset.id, "audio", f"audio.{one}")
        if found is not None:
            return found
    return None

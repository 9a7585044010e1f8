"""Answers about video and audio: files and playlists that recipes made, and frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from renditor.catalog import Catalog, assets
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

# Frames of videos that one process takes at once, and requests that may wait for their turn: each is a run of FFmpeg
# over the original, and anybody can ask for another time.
_FRAMES_AT_ONCE = 2
_FRAMES_WAITING = 32


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

        Raises: StillProcessing (423), NotFound, InvalidTransformation, and what making a picture may raise.
        """
        path = plan.path
        if asset.status in ("uploaded", "processing"):
            raise StillProcessing(hint="Ask again later; /media/{id}/status shows the progress to the owner.")
        extension = path.ext or ("mp3" if asset.media_type == "audio" else "mp4")
        if extension in FORMATS:
            return await self._frame(plan, asset, request)
        profile = path.transformation.last(STREAMING_PROFILE)
        rest = path.transformation.without(STREAMING_PROFILE, FLAG)
        if rest:
            raise InvalidTransformation(f"Unsupported transformation {rest} for video and audio.")
        head = Head(self.pictures.cache_control(asset, path), disposition=disposition(path, asset, extension))
        if profile and extension in ("m3u8", "mpd"):
            return await self._playlist(asset, extension, request, head)
        kind, name = ("audio", f"audio.{extension}") if asset.media_type == "audio" else (extension, None)
        rendition = await self.catalog.read(lambda c: assets.rendition(c, asset.id, kind, name))
        if rendition is None or kind not in ("audio", "mp4"):
            raise NotFound
        return await self._stored(rendition, str(rendition.metadata["file"]), request, head)

    async def file(self, rendition: Rendition, name: str, request: Request) -> Response:
        """One file of a set; they never change."""
        return await self._stored(rendition, name, request, Head(IMMUTABLE))

    async def _playlist(self, asset: Asset, extension: str, request: Request, head: Head) -> Response:
        """The master playlist or manifest under the asset's own name; everything it names lies below ``files/``."""
        rendition = await self.catalog.read(lambda c: assets.rendition(c, asset.id, "hls"))
        if rendition is None:
            raise NotFound
        stem = f"{rendition.id}-{extension}"
        held = request.holds(stem)
        if held is not None:
            return NotModified(held, head)
        name, rebase = ("master.m3u8", rebase_playlist) if extension == "m3u8" else ("manifest.mpd", rebase_manifest)
        text = b"".join([chunk async for chunk in self.storage.open(rendition.key + name)]).decode()
        content = rebase(text, f"{self.public_path}/{asset.tenant}/files/{rendition.id}/").encode()
        return Body(CONTENT_TYPES[extension], len(content), f'"{stem}"', Head(head.cache_control), content)

    async def _frame(self, plan: Plan, asset: Asset, request: Request) -> Response:
        """A picture of a video: its poster, or with ``so_<seconds>`` the frame at that time."""
        if asset.media_type != "video":
            raise NotFound
        at = plan.path.transformation.last(START)
        poster = await self.catalog.read(lambda c: assets.rendition(c, asset.id, "poster"))
        if poster is None:
            raise NotFound

        async def source(folder: Path) -> Source:
            if at is None:
                return Source(await self.storage.checkout(poster.key + str(poster.metadata["file"]), folder), "jpg")
            async with self.framing:
                await asyncio.to_thread(folder.mkdir, parents=True, mode=0o700)
                original = await self.storage.checkout(asset.original_key, folder)
                frame = await self.router.video(asset.route).frame(original, folder, float(at))
            return Source(frame, frame.suffix.lstrip("."))

        return await self.pictures.answer(plan, asset, request, source)

    async def _stored(self, rendition: Rendition, name: str, request: Request, head: Head) -> Response:
        held = request.holds(rendition.id)
        if held is not None:
            return NotModified(held, head)
        key = rendition.key + name
        stat = await self.storage.stat(key)
        if stat is None:
            raise NotFound
        content_type = CONTENT_TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream")
        return Body(content_type, stat.bytes, f'"{rendition.id}"', head, chunks=self.read(key), key=key)

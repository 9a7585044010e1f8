"""The delivery flow: from a path to a response."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from renditor import observe
from renditor.catalog import Catalog, assets, trash
from renditor.deliver.modes import DeliverySettings, Gate
from renditor.deliver.playlists import rebase_manifest, rebase_playlist
from renditor.deliver.responses import (
    CONTENT_TYPES,
    IMMUTABLE,
    Body,
    NotModified,
    ReadRange,
    Redirect,
    Request,
    Response,
    disposition,
    in_memory,
)
from renditor.errors import InvalidTransformation, NotFound, Overloaded, StillProcessing
from renditor.images.base import ImageInfo, RemoteURL, Rendered, Source
from renditor.images.formats import pick_format
from renditor.images.insight import Insight
from renditor.models import Asset, Rendition, ResourceType, is_id, new_id, now_ms
from renditor.routing import MediaRouter
from renditor.storage import keys
from renditor.storage.base import Storage
from renditor.transformation import Transformation
from renditor.transformation.operations import FLAG, FORMAT, START, STREAMING_PROFILE
from renditor.transformation.path import DeliveryPath, split_delivery_path

_FILE_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*){0,3}")
_PICTURES = ("jpg", "png", "webp", "avif", "gif")

# Frames of videos that one process takes at once, and requests that may wait for their turn: each is a run of FFmpeg
# over the original, and anybody can ask for another time.
_FRAMES_AT_ONCE = 2
_FRAMES_WAITING = 32

# Brings the picture to render to this machine: the folder is ours to use; returns the file and its format.
Checkout = Callable[[Path], Awaitable[tuple[Path, str]]]


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
class Deliver:
    """The delivery flow, with everything it needs.

    ``engine`` names the code and settings that make pictures: part of every rendition's key, so that pictures made by
    others are made anew. ``public_path`` is the path part of the public URL (mostly empty); ``work`` a folder for
    short-lived copies.
    """

    catalog: Catalog
    storage: Storage
    router: MediaRouter
    settings: DeliverySettings
    gate: Gate
    engine: str
    public_path: str
    work: Path
    rendering: dict[str, asyncio.Future[Rendered | RemoteURL]] = field(default_factory=dict)
    framing: FrameQueue = field(default_factory=FrameQueue)

    async def asset(self, tenant: str, kind: ResourceType, tail: str, request: Request) -> Response:
        """Answer ``/{tenant}/{kind}/upload/{tail}``; ``tail`` is the raw (still encoded) rest of the path.

        Raises:
            InvalidTransformation (400), Unauthenticated (401), NotFound, StillProcessing (423), and what rendering
            may raise.
        """
        path = split_delivery_path(tail, kind, self.settings.presets)
        found = await self.catalog.read(lambda c: assets.by_public_id(c, tenant, kind, path.public_id))
        # From here on a private asset is like none: every answer about it would tell that it exists.
        asset = found if found and found.visibility == "public" else None
        if asset is None and path.doubt:
            raise path.doubt
        self.gate.check(path)
        if asset is None:
            raise NotFound
        if kind == "image":
            return await self._picture(asset, path, request, self._original(asset))
        return await self._moving(asset, path, request)

    async def file(self, tenant: str, rendition_id: str, name: str, request: Request) -> Response:
        """Answer ``/{tenant}/files/{rendition_id}/{name}``: one file of a set, immutable. Raises: NotFound."""
        if not _FILE_NAME.fullmatch(name) or not is_id(rendition_id):
            raise NotFound
        found = await self.catalog.read(lambda c: assets.by_rendition(c, tenant, rendition_id))
        if found is None or found[0].visibility != "public":
            raise NotFound
        _, rendition = found
        return await self._stored(rendition.key + name, f'"{rendition.id}"', IMMUTABLE, request)

    # -- pictures -----------------------------------------------------------------------------------------------------

    async def _picture(self, asset: Asset, path: DeliveryPath, request: Request, source: Checkout) -> Response:
        wanted = self._wanted_format(asset, path)
        output = pick_format(request.accept, wanted, _picture_info(asset), path.transformation)
        vary = "Accept" if wanted == "auto" else None
        # The format is chosen here and the download name is no matter of pixels: neither makes another rendition.
        picture = path.transformation.without(FORMAT).without_flag("attachment")
        digest = _digest(asset.sha256, str(picture), output, self.engine)
        etag, cache_control = f'"{digest}"', self._cache_control(asset, path)
        if request.has(etag):
            return NotModified(etag, cache_control, vary)
        key = keys.picture(asset.id, digest, output)
        download = disposition(path, asset, output)
        stat = await self.storage.stat(key)
        if stat is not None:
            return Body(CONTENT_TYPES[output], stat.bytes, etag, cache_control, self._reader(key), vary, download)
        rendered = await self._once(key, lambda: self._render(asset, picture, output, key, source))
        if isinstance(rendered, RemoteURL):
            return Redirect(rendered.url)
        size, chunks = len(rendered.content), in_memory(rendered.content)
        return Body(CONTENT_TYPES[output], size, etag, cache_control, chunks, vary, download, "miss")

    async def _once(self, key: str, render: Callable[[], Awaitable[Rendered | RemoteURL]]) -> Rendered | RemoteURL:
        """Many requests for one missing picture are one rendering."""
        flight = self.rendering.get(key)
        if flight is None:
            flight = asyncio.ensure_future(render())
            self.rendering[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        # Shielded: a client that goes away must not take the picture from the others who wait for it.
        return await asyncio.shield(flight)

    def _landed(self, key: str, flight: asyncio.Future[Rendered | RemoteURL]) -> None:
        self.rendering.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # seen, even when every client has gone away

    async def _render(
        self, asset: Asset, transformation: Transformation, output: str, key: str, source: Checkout
    ) -> Rendered | RemoteURL:
        stored = await self.catalog.read(lambda c: assets.count_renditions(c, asset.id, "image"))
        if stored >= self.settings.max_renditions_per_asset:
            raise InvalidTransformation(
                f"This asset has its {stored} renditions already.",
                code="too-many-renditions",
                hint="The limit is RENDITOR_DELIVERY__MAX_RENDITIONS_PER_ASSET.",
            )
        began = time.monotonic()
        folder = self.work / f"picture-{new_id()}"
        try:
            path, fmt = await source(folder)
            provider = self.router.images(asset.route if asset.media_type == "image" else None)
            rendered = await provider.render(
                Source(path, fmt, Insight.from_json(asset.metadata)), transformation.without(START), output
            )
        finally:
            if folder.exists():
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        observe.RENDERS.labels(output).inc()
        observe.RENDER_SECONDS.observe(time.monotonic() - began)
        if isinstance(rendered, Rendered):
            await self._keep(asset, f"{transformation}.{output}", key, rendered)
        return rendered

    async def _keep(self, asset: Asset, name: str, key: str, rendered: Rendered) -> None:
        await self.catalog.write(lambda c: trash.intend(c, [key]))
        await self.storage.write(key, rendered.content)
        rendition = Rendition(
            id=new_id(),
            asset_id=asset.id,
            kind="image",
            name=name,
            key=key,
            content_type=rendered.content_type,
            bytes=len(rendered.content),
            created_at=now_ms(),
            width=rendered.width,
            height=rendered.height,
        )

        def make_known(connection: Any) -> bool:
            known = assets.keep_rendition(connection, rendition)
            if known:
                trash.take_back(connection, [key])
            else:  # the asset was deleted while we rendered: nothing of it may stay
                trash.throw(connection, [key])
            return known

        if not await self.catalog.write(make_known):
            await self.storage.delete(key)
            raise NotFound

    def _original(self, asset: Asset) -> Checkout:
        async def source(folder: Path) -> tuple[Path, str]:
            return await self.storage.checkout(asset.original_key, folder), asset.format

        return source

    def _wanted_format(self, asset: Asset, path: DeliveryPath) -> str:
        """``f_`` wins over the extension, which wins over the stored format; a video's own format is no picture."""
        asked = path.transformation.last(FORMAT) or path.ext
        if asked is None:
            return asset.format if asset.format in _PICTURES else "jpg"
        if asked not in (*_PICTURES, "auto"):
            raise NotFound(f"A picture is not delivered as {asked!r}.")
        return asked

    # -- video and audio ----------------------------------------------------------------------------------------------

    async def _moving(self, asset: Asset, path: DeliveryPath, request: Request) -> Response:
        if asset.status in ("uploaded", "processing"):
            raise StillProcessing(hint="Ask again later; /media/{id}/status shows the progress to the owner.")
        extension = path.ext or ("mp3" if asset.media_type == "audio" else "mp4")
        if extension in _PICTURES:
            return await self._frame(asset, path, request)
        profile = path.transformation.last(STREAMING_PROFILE)
        rest = path.transformation.without(STREAMING_PROFILE, FLAG)
        if rest:
            raise InvalidTransformation(f"Unsupported transformation {rest} for video and audio.")
        if profile and extension in ("m3u8", "mpd"):
            return await self._playlist(asset, path, extension, request)
        kind, name = ("audio", f"audio.{extension}") if asset.media_type == "audio" else (extension, None)
        rendition = await self.catalog.read(lambda c: assets.rendition(c, asset.id, kind, name))
        if rendition is None or kind not in ("audio", "mp4"):
            raise NotFound
        key = rendition.key + str(rendition.metadata["file"])
        download = disposition(path, asset, extension)
        return await self._stored(key, f'"{rendition.id}"', self._cache_control(asset, path), request, download)

    async def _playlist(self, asset: Asset, path: DeliveryPath, extension: str, request: Request) -> Response:
        """The master playlist or manifest under the asset's own name; everything it names lies below ``files/``."""
        rendition = await self.catalog.read(lambda c: assets.rendition(c, asset.id, "hls"))
        if rendition is None:
            raise NotFound
        etag, control = f'"{rendition.id}-{extension}"', self._cache_control(asset, path)
        if request.has(etag):
            return NotModified(etag, control)
        name, rebase = ("master.m3u8", rebase_playlist) if extension == "m3u8" else ("manifest.mpd", rebase_manifest)
        text = b"".join([chunk async for chunk in self.storage.open(rendition.key + name)]).decode()
        content = rebase(text, f"{self.public_path}/{asset.tenant}/files/{rendition.id}/").encode()
        return Body(CONTENT_TYPES[extension], len(content), etag, control, in_memory(content))

    async def _frame(self, asset: Asset, path: DeliveryPath, request: Request) -> Response:
        """A picture of a video: its poster, or with ``so_<seconds>`` the frame at that time."""
        if asset.media_type != "video":
            raise NotFound
        at = path.transformation.last(START)
        poster = await self.catalog.read(lambda c: assets.rendition(c, asset.id, "poster"))
        if poster is None:
            raise NotFound

        async def source(folder: Path) -> tuple[Path, str]:
            if at is None:
                return await self.storage.checkout(poster.key + str(poster.metadata["file"]), folder), "jpg"
            async with self.framing:
                await asyncio.to_thread(folder.mkdir, parents=True, mode=0o700)
                original = await self.storage.checkout(asset.original_key, folder)
                frame = await self.router.video(asset.route).frame(original, folder, float(at))
            return frame, frame.suffix.lstrip(".")

        return await self._picture(asset, path, request, source)

    # -- shared -------------------------------------------------------------------------------------------------------

    def _cache_control(self, asset: Asset, path: DeliveryPath) -> str:
        """A URL that carries the asset's own version never changes its meaning; any other may at the next upload."""
        return IMMUTABLE if path.version == asset.version else f"public, max-age={self.settings.max_age}"

    async def _stored(
        self, key: str, etag: str, cache_control: str, request: Request, download: str | None = None
    ) -> Response:
        if request.has(etag):
            return NotModified(etag, cache_control)
        stat = await self.storage.stat(key)
        if stat is None:
            raise NotFound
        content_type = CONTENT_TYPES.get(key.rsplit(".", 1)[-1], "application/octet-stream")
        return Body(content_type, stat.bytes, etag, cache_control, self._reader(key), None, download)

    def _reader(self, key: str) -> ReadRange:
        return lambda start, end: self.storage.open(key, start, end)


def _picture_info(asset: Asset) -> ImageInfo:
    """What the choice of a format depends on; a frame of a video is a plain opaque picture."""
    if asset.media_type == "image":
        return ImageInfo.from_json(asset.metadata)
    return ImageInfo("jpg", asset.width or 0, asset.height or 0)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

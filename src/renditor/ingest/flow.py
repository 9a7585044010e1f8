"""The upload flow: from bytes to an asset."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from renditor import observe
from renditor.catalog import assets, trash
from renditor.catalog.base import Catalog
from renditor.content.limits import MEBIBYTE, SizeLimits
from renditor.content.sniff import SNIFF_BYTES, SVG, Sniffed, agreed, audio_only
from renditor.content.spool import IOV_BATCH, Chunk, Received, Spool
from renditor.errors import BadRequest, Forbidden, RenditorError, TooLarge, Unprocessable, UnsupportedMedia, of_disk
from renditor.ffmpeg.probe import MediaProbe
from renditor.images.base import ImageInfo
from renditor.ingest.options import UploadOptions, check_public_id
from renditor.ingest.quotas import More, Quotas
from renditor.ingest.screening import Screen
from renditor.jobs.base import ANALYSIS, RECIPE_JOB, JobEngine
from renditor.models import Asset, Job, MediaType, Note, Notes, Principal, new_id, now_ms
from renditor.routing import MediaRouter
from renditor.storage import keys
from renditor.storage.base import Storage

# Chunks are hashed and written in batches of this size, in a thread, while the next ones arrive.
_BATCH = 1024 * 1024
# What is done in the background with a type that has no recipe of its own: the asset is complete without it.
_AFTERWARDS: dict[MediaType, str] = {"image": ANALYSIS}


class _Add(Protocol):
    """Makes an asset known; see ``assets.add``."""

    def __call__(self, connection: Any, asset: Asset, *, stored: bool) -> Asset | None: ...


@dataclass(frozen=True, slots=True)
class Ingest:
    """The upload flow, with everything it needs.

    ``screen`` refuses files; ``quotas``: how much an owner may have; ``note`` prepares entries of the audit log.
    """

    catalog: Catalog
    storage: Storage
    router: MediaRouter
    jobs: JobEngine
    recipe_name: Callable[[MediaType, str | None], str | None]
    limits: SizeLimits
    spool: Path
    note: Notes
    screen: Screen
    quotas: Quotas
    settling: set[asyncio.Future[Asset]] = field(default_factory=set)

    async def upload(
        self,
        principal: Principal,
        body: AsyncIterator[Chunk],
        options: Callable[[], UploadOptions],
        declared: int | None = None,
        asset_id: str | None = None,
    ) -> Asset:
        """Take one file in.

        Args:
            principal: its owner; authenticated and within limits already.
            body: the bytes of the file.
            options: called once the body has come to its end (form fields may follow the file).
            declared: the size in bytes that was announced, if any: too much is refused before the first byte.
            asset_id: the id that the asset is to have; None: a new one.

        Raises:
            TooLarge, UnsupportedMedia, Unprocessable and below, Conflict, BadRequest, OutOfSpace, Unavailable.
        """

        async def take() -> Asset:
            if declared is not None and declared > self.limits.largest:
                raise _too_large(self.limits.largest)
            self.check_allowance(principal, declared or 0)
            if declared is not None:
                await self._expect_room(principal, declared, options)
            return await self._take(principal, body, options, declared or 0, asset_id or new_id())

        return await self._logged(principal, declared, take())

    async def adopt(self, principal: Principal, received: Received, options: UploadOptions, asset_id: str) -> Asset:
        """Make an asset of a file that came in pieces, under the id that it has already. The file may be taken over.

        Raises: as ``upload``.
        """

        async def take() -> Asset:
            head = await asyncio.to_thread(_beginning, received.path)
            sniffed = self.check_beginning(principal, head, received.bytes, options)
            draft = replace(await self._examine(received, sniffed), id=asset_id)
            return await self._accept(principal, draft, received, options)

        return await self._logged(principal, received.bytes, take())

    async def _expect_room(self, principal: Principal, declared: int, options: Callable[[], UploadOptions]) -> None:
        """Refuse what would be refused in the end. The fields of a form are not known yet, but those of others are."""
        replaces = False
        with contextlib.suppress(BadRequest):  # told in its turn
            replaces = options().overwrite
        await self.catalog.read(lambda c: self.quotas.check_room(c, principal, More(1, declared, replaces)))

    def check_beginning(self, principal: Principal, head: bytes, size: int, options: UploadOptions) -> Sniffed:
        """What a file of ``size`` bytes is by its first 64 KiB.

        Raises: UnsupportedMedia, TooLarge, Forbidden: it would be refused in the end.
        """
        sniffed = self.screen.sniff(head)
        self._check_size(principal, sniffed, size)
        _check_declared(sniffed, options)
        return sniffed

    async def _logged(self, principal: Principal, declared: int | None, taking: Coroutine[Any, Any, Asset]) -> Asset:
        began = time.monotonic()
        fields: dict[str, Any] = {"owner": principal.owner, "tenant": principal.tenant}
        observe.log().info("media_upload_started", declared_bytes=declared, **fields)
        try:
            asset = await taking
        except RenditorError as error:
            observe.UPLOADS.labels("unknown", error.error_code).inc()
            observe.log().warning(
                "media_upload_failed",
                error=error.detail,
                error_type=type(error).__name__,
                code=error.error_code,
                **fields,
            )
            raise
        milliseconds = round((time.monotonic() - began) * 1000)
        observe.UPLOADS.labels(asset.media_type, "accepted").inc()
        observe.UPLOAD_BYTES.labels(asset.media_type).inc(asset.bytes)
        observe.log().info(
            "media_upload_completed",
            asset=asset.id,
            media_type=asset.media_type,
            bytes=asset.bytes,
            processing_time_ms=milliseconds,
            output_size=asset.bytes,
            **fields,
        )
        return asset

    async def _take(
        self,
        principal: Principal,
        body: AsyncIterator[Chunk],
        options: Callable[[], UploadOptions],
        declared: int,
        asset_id: str,
    ) -> Asset:
        spool = await asyncio.to_thread(self._open_spool)
        try:
            sniffed = await self._receive(principal, body, spool, declared)
            chosen = options()
            _check_declared(sniffed, chosen)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(spool.discard))
            raise
        # All bytes are here: from now on a caller that goes away no longer stops the acceptance half-way.
        settling = asyncio.ensure_future(self._settle(principal, spool, sniffed, chosen, asset_id))
        self.settling.add(settling)
        settling.add_done_callback(self.settling.discard)
        return await asyncio.shield(settling)

    async def _settle(
        self, principal: Principal, spool: Spool, sniffed: Sniffed, options: UploadOptions, asset_id: str
    ) -> Asset:
        try:
            draft = replace(await self._examine(spool, sniffed), id=asset_id)
            return await self._accept(principal, draft, spool, options)
        finally:
            await asyncio.to_thread(spool.discard)

    async def _accept(self, principal: Principal, draft: Asset, received: Received, options: UploadOptions) -> Asset:
        asset = self._complete(principal, draft, options)
        self.check_allowance(principal, asset.bytes, asset.media_type)
        await self.screen.scan(principal, received)
        recipe = self.recipe_name(asset.media_type, options.recipe)
        note = await self._noted(principal, asset, options)

        def added(connection: Any) -> None:
            self.quotas.check_added(connection, principal, asset.id, replaces=options.overwrite)
            if recipe:
                self.quotas.check_jobs(connection, principal)
            note(connection)

        return await self._commit(replace(asset, recipe=recipe), received, added, overwrite=options.overwrite)

    async def _noted(self, principal: Principal, asset: Asset, options: UploadOptions) -> Note:
        facts = {"public_id": asset.public_id, "bytes": asset.bytes, "sha256": asset.sha256}
        how = {"visibility": asset.visibility} | ({"overwrite": True} if options.overwrite else {})
        return await self.note(principal, "asset.upload", asset.id, **facts, **how)

    def _open_spool(self) -> Spool:
        try:
            self.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
            return Spool(self.spool)
        except OSError as error:
            raise of_disk(error) from error

    async def _receive(self, principal: Principal, body: AsyncIterator[Chunk], spool: Spool, declared: int) -> Sniffed:
        """Spool the body. The type is known after the first 64 KiB, and with it the cap that the rest must keep."""
        batch: list[Chunk] = []
        waiting, received, cap = 0, 0, self.limits.largest
        sniffed: Sniffed | None = None
        writing: asyncio.Future[None] | None = None
        try:
            async for chunk in body:
                batch.append(chunk)
                waiting += len(chunk)
                received += len(chunk)
                if sniffed is None and waiting >= SNIFF_BYTES:
                    sniffed = self.screen.sniff(b"".join(batch)[:SNIFF_BYTES])
                    self._check_size(principal, sniffed, max(received, declared))
                    cap = self._cap(principal, sniffed)
                if received > cap and sniffed:
                    self._check_size(principal, sniffed, received)
                if sniffed and (waiting >= _BATCH or len(batch) >= IOV_BATCH):
                    if writing:
                        await writing
                    writing = asyncio.ensure_future(asyncio.to_thread(spool.write, batch))
                    batch, waiting = [], 0
            if sniffed is None:
                sniffed = self.screen.sniff(b"".join(batch)[:SNIFF_BYTES])
                self._check_size(principal, sniffed, received)
            if writing:
                await writing
            await asyncio.to_thread(spool.write, batch)
        finally:
            if writing and not writing.done():  # the thread must be done with the file before it is closed
                await asyncio.shield(asyncio.wait([writing]))
        return sniffed

    @staticmethod
    def check_allowance(principal: Principal, size: int, media_type: MediaType | None = None) -> None:
        """What an upload token is good for. The type counts once the file was examined. Raises: TooLarge, Forbidden."""
        allowance = principal.allowance
        if allowance is None:
            return
        if allowance.max_bytes is not None and size > allowance.max_bytes:
            raise TooLarge(f"The upload token is for files of up to {allowance.max_bytes} bytes.")
        if media_type and allowance.media_types and media_type not in allowance.media_types:
            kinds = ", ".join(sorted(allowance.media_types))
            raise Forbidden(f"The upload token is for {kinds}, not for {media_type}.", code="token-limits")

    def _cap(self, principal: Principal, sniffed: Sniffed) -> int:
        """Bytes from which on ``_check_size`` is worth its call for each chunk."""
        limit, allowance = self.limits.of(sniffed.media_type), principal.allowance
        return limit if allowance is None or allowance.max_bytes is None else min(limit, allowance.max_bytes)

    def _check_size(self, principal: Principal, sniffed: Sniffed, size: int) -> None:
        self.check_allowance(principal, size)
        limit = self.limits.of(sniffed.media_type)
        if size > limit:
            raise _too_large(limit, sniffed.media_type)

    async def _examine(self, spool: Received, sniffed: Sniffed) -> Asset:
        """Probe the file in the sandbox; what it finds decides the type."""
        route = self.router.route(sniffed.media_type)
        if sniffed.media_type == "image":
            info = await self.router.images().probe(spool.path, sniffed.format)
            return self._draft(spool, sniffed, route, info)
        probe = await self.router.video().probe(spool.path)
        sniffed = agreed(sniffed, probe.format)
        if probe.media_type == "audio":
            sniffed = audio_only(sniffed)
            if spool.bytes > self.limits.audio:
                raise _too_large(self.limits.audio, "audio")
        elif probe.media_type != "video":
            raise Unprocessable("The file holds neither video nor audio.", code="no-such-stream")
        elif sniffed.media_type == "audio":
            sniffed = replace(sniffed, media_type="video")
        self.screen.expect_accepted(sniffed)
        return self._draft(spool, sniffed, self.router.route(sniffed.media_type), probe)

    def _draft(self, spool: Received, sniffed: Sniffed, route: str, info: ImageInfo | MediaProbe) -> Asset:
        now = now_ms()
        facts = info.to_json()
        return Asset(
            id=new_id(),
            tenant="",
            owner="",
            public_id="",
            media_type=sniffed.media_type,
            status="completed" if sniffed.media_type == "image" else "processing",
            visibility="public",
            filename=None,
            content_type=sniffed.content_type,
            format=sniffed.format,
            bytes=spool.bytes,
            sha256=spool.sha256,
            original_key="",
            version=now,
            created_at=now,
            updated_at=now,
            progress=100 if sniffed.media_type == "image" else 0,
            width=facts.get("width"),
            height=facts.get("height"),
            duration=float(facts["duration"]) if facts.get("duration") is not None else None,
            route=route,
            metadata=facts,
        )

    def _complete(self, principal: Principal, draft: Asset, options: UploadOptions) -> Asset:
        public_id = options.public_id or draft.id
        if options.folder:
            public_id = f"{options.folder}/{public_id}"
        return replace(
            draft,
            tenant=principal.tenant,
            owner=principal.owner,
            token_id=principal.allowance.token_id if principal.allowance else None,
            public_id=check_public_id(public_id, "public_id") or draft.id,
            visibility=options.visibility,
            filename=options.filename,
            tags=options.tags,
        )

    async def _commit(self, asset: Asset, spool: Received, added: Note, *, overwrite: bool) -> Asset:
        job = None
        recipe = asset.recipe or _AFTERWARDS.get(asset.media_type)
        if recipe:
            job = Job(new_id(), asset.id, recipe, "queued", asset.created_at, asset.updated_at)

        def add(connection: Any, asset: Asset, *, stored: bool) -> Asset | None:
            saved = assets.add(connection, asset, stored=stored, overwrite=overwrite, job=job)
            if saved:
                added(connection)
            return saved

        saved = await self._make_known(asset, spool.path, add)
        if job:
            # A job that cannot be handed over now is not lost: the reconciler finds its row and does it.
            with contextlib.suppress(RenditorError):
                background = asset.recipe is None
                await self.jobs.enqueue(RECIPE_JOB, job.id, {"job_id": job.id}, background=background)
        return saved

    async def _make_known(self, asset: Asset, path: Path, add: _Add) -> Asset:
        known = await self.catalog.read(lambda c: assets.original_of(c, asset.tenant, asset.sha256))
        if known:
            sharing = replace(asset, original_key=known)
            saved = await self.catalog.write(lambda c: add(c, sharing, stored=False))
            if saved:
                return saved
            # The shared original was deleted in between: our own bytes are stored after all.
        owning = replace(asset, original_key=keys.original(new_id()))
        await self.catalog.write(lambda c: trash.intend(c, [owning.original_key]))
        try:
            await self.storage.put(owning.original_key, path)
            saved = await self.catalog.write(lambda c: add(c, owning, stored=True))
        except Exception:
            await self._drop(owning.original_key)
            raise
        return saved or owning

    async def _drop(self, key: str) -> None:
        """Remove an object that did not become known; the sweeper tries again where that fails."""
        with contextlib.suppress(RenditorError):
            if await self.catalog.write(lambda c: assets.drop_unknown(c, key)):
                await self.storage.delete(key)
                await self.catalog.write(lambda c: trash.forget(c, key))


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SNIFF_BYTES)
    except OSError as error:
        raise of_disk(error) from error


def _check_declared(sniffed: Sniffed, options: UploadOptions) -> None:
    """SVG is text: what was sent as something else and merely begins like SVG is not taken for it."""
    if sniffed == SVG and not options.svg:
        hint = "Send it as image/svg+xml, or with a name in .svg."
        raise UnsupportedMedia("The file holds SVG, but was not declared to.", hint=hint)


def _too_large(limit: int, media_type: str = "upload") -> TooLarge:
    allowed = f"{limit / MEBIBYTE:.0f} MiB" if limit >= MEBIBYTE else f"{limit} bytes"
    return TooLarge(
        f"This {media_type} is larger than the {allowed} that are allowed.",
        hint=f"The limit is RENDITOR_LIMITS__{media_type.upper()} (bytes)." if media_type != "upload" else None,
    )

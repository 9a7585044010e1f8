"""Resumable uploads: files that come in pieces, over connections that break, and become assets when they are whole.

The bytes lie in one file for each upload, the catalog knows how many of them count. What a broken request wrote behind
that counts only if the request had promised nothing about it (no checksum, no digest). One request at a time writes to
an upload, and looks at it again once it is alone with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from renditor import observe
from renditor.catalog import assets, tokens, usage
from renditor.catalog import uploads as rows
from renditor.catalog.base import Catalog
from renditor.content.pieces import PieceFiles, PieceWriter, to_the_end
from renditor.content.sniff import SNIFF_BYTES
from renditor.content.spool import Arrived, Chunk
from renditor.errors import (
    ChecksumMismatch,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    RenditorError,
    TooLarge,
    TooManyRequests,
)
from renditor.ingest.flow import Ingest
from renditor.ingest.options import UploadOptions
from renditor.ingest.quotas import More
from renditor.models import Allowance, Principal, is_id, new_id, now_ms
from renditor.uploads.tus import Checksum, Creation, Upload, appended, joined, read_metadata

# Written in a thread in pieces of this size, and counted in the catalog at least this often, so that a killed server
# has not received it in vain. Bytes.
_BATCH = 1024 * 1024
_COUNTED = 32 * 1024 * 1024
# All bytes are here, and yet it is no asset: whoever was at it was killed, or the storage was away. ms.
_LEFT_ALONE_MS = 120_000
_AT_ONCE = 100
# Seconds.
SWEEP_EVERY = 60.0
_OPTIONS = ("public_id", "folder", "visibility", "tags", "recipe", "overwrite")


@dataclass(frozen=True, slots=True)
class Piece:
    """A body that is to be added. ``promised``: by a digest; the body ends with an error where it is another one."""

    body: AsyncIterator[Chunk]
    checksum: Checksum | None = None
    promised: bool = False

    @property
    def counts_at_once(self) -> bool:
        """Whether each byte counts as it comes; else all of them together, once they are proven."""
        return self.checksum is None and not self.promised


@dataclass(frozen=True, slots=True)
class Resumable:
    """The flow of resumable uploads. ``seconds``: how long an upload waits for its next piece; ``most_open``: uploads
    of one owner that are not done."""

    catalog: Catalog
    ingest: Ingest
    files: PieceFiles
    seconds: int
    most_open: int

    @property
    def most_bytes(self) -> int:
        """Largest upload; the type's own limit is checked when the type is known."""
        return self.ingest.limits.largest

    async def plan(self, principal: Principal, asked: Creation) -> Upload:
        """What an upload is going to be. Nothing is written, counted or spent: all that can be refused is refused here.

        Raises: BadRequest (options), TooLarge, TooManyRequests (too many are open), Forbidden, NotFound and below
            (parts).
        """
        options_of(asked.metadata)  # told now, not after gigabytes
        parts = tuple([await self.get(principal, part) for part in asked.parts])
        now = now_ms()
        upload = Upload(
            id=new_id(),
            tenant=principal.tenant,
            owner=principal.owner,
            length=joined(parts, self.most_bytes, now) if asked.length is None else asked.length,
            metadata=asked.metadata,
            created_at=now,
            updated_at=now,
            expires_at=now + self.seconds * 1000,
            token_id=principal.allowance.token_id if principal.allowance else None,
            # An empty part is whole at once.
            status="done" if asked.concat == "partial" and asked.length == 0 else "open",
            concat=asked.concat,
            parts=asked.parts,
        )
        self.ingest.check_allowance(principal, upload.length)
        await self.catalog.read(lambda c: self._check_room(c, principal, upload))
        return upload

    async def create(self, principal: Principal, upload: Upload) -> Upload:
        """Begin an upload that was planned; a final one is made of its parts at once, and becomes an asset.

        Raises: TooManyRequests, OutOfSpace, Unavailable; and for final ones what ``Ingest.adopt`` raises.
        """
        note = await self.ingest.note(principal, "upload.create", upload.id, bytes=upload.length)
        await asyncio.to_thread(self.files.make, upload.id, upload.length)

        def work(connection: Any) -> None:
            usage.line_up(connection, principal.tenant, principal.owner)
            self._check_room(connection, principal, upload)
            rows.insert(connection, _values(upload))
            note(connection)

        try:
            await self.catalog.write(work)
        except BaseException:
            await to_the_end(asyncio.to_thread(self.files.remove, upload.id))
            raise
        if upload.concat == "final":
            upload = await self._join(principal, upload)
        elif upload.complete and upload.concat is None:  # an empty file
            async with self.files.locked(upload.id):
                await self._finish(principal, upload)
        return upload

    async def get(self, principal: Principal, upload_id: str) -> Upload:
        """An upload as it is now. Raises: NotFound; Gone: expired."""
        upload = _upload(await self.catalog.read(lambda c: rows.owned(c, principal, upload_id)))
        if upload.expires_at <= now_ms():
            raise Gone("The upload has expired.", code="upload-expired", hint="Start it anew.")
        return upload

    async def append(self, principal: Principal, upload: Upload, piece: Piece) -> Upload:
        """Add a body that ``check_append`` has let in; the last one makes it an asset.

        Raises: Locked, Conflict (another request was faster), TooLarge, ChecksumMismatch, OutOfSpace, Unavailable; what
            ``Ingest.upload`` raises, once the beginning is here and with the last piece: the upload is then gone if
            trying again is of no use.
        """
        async with self.files.locked(upload.id) as fd:
            # What was read of it may be old: the request before this one held the lock until now.
            current = await self.get(principal, upload.id)
            if (current.offset, current.status) != (upload.offset, "open"):
                detail, hint = "Upload-Offset is not where the upload is.", "HEAD tells the offset."
                raise Conflict(detail, code="offset-mismatch", hint=hint)
            await self._expect_bytes(current, fd)
            hashed: Any = piece.checksum.hasher() if piece.checksum else None
            writer = PieceWriter(fd, current.offset, current.length, hashed)
            upload = await self._receive(principal, current, writer, piece)
            if piece.checksum and not hmac.compare_digest(hashed.digest(), piece.checksum.digest):
                raise ChecksumMismatch(hint="The upload is where it was before: send this piece again.")
            await self._look(principal, upload, writer)
            upload = await self._count(upload, writer.end)
            if upload.complete and upload.concat != "partial":
                await self._finish(principal, upload)
        return upload

    async def terminate(self, principal: Principal, upload_id: str) -> None:
        """Give an upload up; an asset that it has become stays. Raises: NotFound; Locked: a request writes to it."""
        await self.catalog.read(lambda c: rows.owned(c, principal, upload_id))
        note = await self.ingest.note(principal, "upload.delete", upload_id)

        def work(connection: Any) -> None:
            rows.forget(connection, [upload_id])
            note(connection)

        async with self.files.locked(upload_id, missing_ok=True):
            await self.catalog.write(work)
            await asyncio.to_thread(self.files.remove, upload_id)

    async def sweep(self) -> None:
        """Remove what has expired and files that nobody knows; make assets of what a killed server left whole."""
        for upload_id in await self.catalog.read(lambda c: rows.expired(c, now_ms(), _AT_ONCE)):
            with contextlib.suppress(RenditorError):
                async with self.files.locked(upload_id, missing_ok=True):
                    if await self.catalog.write(partial(rows.forget_expired, upload_id=upload_id, now=now_ms())):
                        await asyncio.to_thread(self.files.remove, upload_id)
        for row in await self.catalog.read(lambda c: rows.waiting(c, now_ms() - _LEFT_ALONE_MS, _AT_ONCE)):
            principal = _principal(row)
            with contextlib.suppress(RenditorError):
                async with self.files.locked(row["id"]) as fd:
                    upload = await self.get(principal, row["id"])
                    if upload.status == "open":
                        await self._expect_bytes(upload, fd)
                        await self._finish(principal, upload)
        await self._sweep_files()

    # -- receiving ----------------------------------------------------------------------------------------------------

    async def _receive(self, principal: Principal, upload: Upload, writer: PieceWriter, piece: Piece) -> Upload:
        """Write the body behind what counts; the last of it is for the caller to count."""
        await to_the_end(asyncio.to_thread(writer.begin))
        batch = SNIFF_BYTES if upload.offset < SNIFF_BYTES else _BATCH
        try:
            async for chunk in piece.body:
                writer.take(chunk)
                if writer.waiting < batch:
                    continue
                await to_the_end(asyncio.to_thread(writer.flush))
                if piece.counts_at_once:
                    if batch == SNIFF_BYTES:
                        await self._look(principal, upload, writer)
                    if writer.end - upload.offset >= _COUNTED:
                        upload = await self._count(upload, writer.end)
                batch = _BATCH
            await to_the_end(asyncio.to_thread(writer.flush))
        except TooLarge:  # nothing of this request is what was announced
            raise
        except BaseException:
            if piece.counts_at_once:
                await to_the_end(self._keep(upload, writer))
            raise
        return upload

    async def _keep(self, upload: Upload, writer: PieceWriter) -> None:
        """What arrived of a broken request counts."""
        with contextlib.suppress(RenditorError):
            await asyncio.to_thread(writer.flush)
        with contextlib.suppress(RenditorError):
            await self._count(upload, writer.end)

    async def _look(self, principal: Principal, upload: Upload, writer: PieceWriter) -> None:
        """Refuse by its beginning what would be refused in the end: the client need not send the rest.

        The first part of several says nothing about the others, and is not told from them.
        """
        if upload.concat is not None or not upload.offset < SNIFF_BYTES <= writer.end:
            return
        head = await asyncio.to_thread(self.files.beginning, upload.id, SNIFF_BYTES)
        try:
            self.ingest.check_beginning(principal, head, upload.length, options_of(upload.metadata))
        except RenditorError:
            await self._forget(upload.id)
            raise

    async def _expect_bytes(self, upload: Upload, fd: int) -> None:
        """A machine that lost power, or a folder restored from an older day than the catalog, has fewer bytes than
        count: zeros would take their place. Raises: NotFound: the client begins anew."""
        if os.fstat(fd).st_size < upload.offset:
            observe.log().error("upload_lost_bytes", upload=upload.id, offset=upload.offset)
            await self._forget(upload.id)
            raise NotFound

    async def _count(self, upload: Upload, end: int) -> Upload:
        now = now_ms()
        after = appended(upload, end - upload.offset, now, now + self.seconds * 1000)
        values = {name: getattr(after, name) for name in ("offset", "status", "updated_at", "expires_at")}
        if not await self.catalog.write(lambda c: rows.advance(c, upload.id, upload.offset, values)):
            raise NotFound  # it was refused, or has expired and was swept
        return after

    async def _finish(self, principal: Principal, upload: Upload) -> None:
        """Make an asset of all the bytes. The file stays until the catalog knows the asset."""
        try:
            # Whoever was killed between the two had made it already.
            if not await self.catalog.read(lambda c: assets.several(c, [upload.id])):
                async with self.files.handed_over(upload.id) as whole:
                    received = await asyncio.to_thread(Arrived.read, whole)
                    await self.ingest.adopt(principal, received, options_of(upload.metadata), upload.id)
        except RenditorError as error:
            # It will never be better; but there may be room for it once something else is gone.
            if error.status < 500 and not error.error_code.startswith("quota"):
                await self._forget(upload.id)
            raise
        await self.catalog.write(lambda c: rows.finish(c, upload.id, now_ms() + self.seconds * 1000))
        await asyncio.to_thread(self.files.remove, upload.id)

    async def _join(self, principal: Principal, upload: Upload) -> Upload:
        try:
            async with self.files.locked(upload.id) as fd:
                await to_the_end(asyncio.to_thread(self.files.join, fd, upload.parts, upload.length))
                upload = await self._count(upload, upload.length)
                await self._finish(principal, upload)
        except RenditorError:  # the parts are still there: the client asks again
            with contextlib.suppress(RenditorError):
                await self._forget(upload.id)
            raise
        await self.catalog.write(lambda c: rows.forget(c, list(upload.parts)))
        for part in upload.parts:
            await asyncio.to_thread(self.files.remove, part)
        return upload

    # -- keeping house ------------------------------------------------------------------------------------------------

    def _check_room(self, connection: Any, principal: Principal, upload: Upload) -> None:
        """Raises: TooManyRequests, TooLarge; Forbidden: parts cost nothing, but not where nothing can be made of
        them."""
        if rows.count_open(connection, principal) >= self.most_open + len(upload.parts):
            raise TooManyRequests(
                f"More than {self.most_open} uploads are open.",
                hint="Finish or delete some. The limit is RENDITOR_LIMITS__OPEN_UPLOADS.",
                code="too-many-uploads",
            )
        files, size = int(upload.concat != "partial"), 0 if upload.concat == "final" else upload.length
        more = More(files, size, options_of(upload.metadata).overwrite)
        self.ingest.quotas.check_room(connection, principal, more)
        if upload.token_id and upload.concat == "partial":
            token = tokens.get(connection, upload.token_id)
            if token is None or token["uploads_left"] < 1:
                raise Forbidden("The upload token is used up.", code="token-used-up", hint="Ask for a new one.")

    async def _forget(self, upload_id: str) -> None:
        await self.catalog.write(lambda c: rows.forget(c, [upload_id]))
        await asyncio.to_thread(self.files.remove, upload_id)

    async def _sweep_files(self) -> None:
        old = [name for name in await asyncio.to_thread(self.files.names) if is_id(name)]
        there = await self.catalog.read(lambda c: rows.known(c, old))
        for name in set(old) - there:
            with contextlib.suppress(RenditorError):
                async with self.files.locked(name, missing_ok=True):
                    # Its row is written after it: only what has no row for a while was given up.
                    if await asyncio.to_thread(self.files.idle, name, _LEFT_ALONE_MS / 1000):
                        await asyncio.to_thread(self.files.remove, name)
                        observe.log().info("upload_swept", upload=name)


def options_of(metadata: str) -> UploadOptions:
    """What ``Upload-Metadata`` says of the file; keys that mean nothing here are the client's. Raises: BadRequest."""
    found = read_metadata(metadata)
    name = found.get("filename") or found.get("name")
    content_type = found.get("filetype") or found.get("type")
    return UploadOptions.read({key: found[key] for key in _OPTIONS if key in found}, name, content_type)


def _values(upload: Upload) -> rows.Row:
    return {name: getattr(upload, name) for name in Upload.__slots__} | {"parts": list(upload.parts)}


def _upload(row: rows.Row) -> Upload:
    return Upload(**{name: row[name] for name in Upload.__slots__} | {"parts": tuple(row["parts"] or ())})


def _principal(row: rows.Row) -> Principal:
    """For work that the owner has asked for already."""
    allowance = Allowance(row["token_id"]) if row["token_id"] else None
    return Principal(row["owner"], row["tenant"], frozenset({"write"}), kind="program", allowance=allowance)

"""Resumable uploads: files that come in pieces, over connections that break, and become assets when they are whole.

The bytes lie in one file for each upload, the catalog knows how many of them count. What a broken request wrote behind
that counts only if the request had promised nothing about it (no checksum). One request at a time writes to an upload:
it holds a lock on the file, which ends with the process that holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hmac
import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from renditor import observe
from renditor.catalog import uploads as rows
from renditor.catalog.base import Catalog
from renditor.content.spool import Arrived, Chunk
from renditor.errors import (
    ChecksumMismatch,
    Gone,
    Locked,
    NotFound,
    OutOfSpace,
    RenditorError,
    TooLarge,
    TooManyRequests,
    of_disk,
)
from renditor.ingest.flow import Ingest
from renditor.ingest.options import UploadOptions
from renditor.models import Allowance, Asset, Principal, is_id, new_id, now_ms
from renditor.uploads.tus import Checksum, Creation, Upload, appended, joined, read_metadata

# Written in a thread in pieces of this size, and counted in the catalog at least this often, so that a killed server
# has not received it in vain. Bytes.
_BATCH = 1024 * 1024
_COUNTED = 32 * 1024 * 1024
# Free space that uploads leave alone, bytes.
_RESERVE = 256 * 1024 * 1024
# All bytes are here, and yet it is no asset: whoever was at it was killed. Long enough for a large file. ms.
_LEFT_ALONE_MS = 120_000
_AT_ONCE = 100
# How long a request waits for the one before it, and how often it looks. Seconds.
_PATIENCE, _POLL = 2.0, 0.05
# Seconds.
SWEEP_EVERY = 60.0
_OPTIONS = ("public_id", "folder", "visibility", "tags", "recipe", "overwrite")


@dataclass(frozen=True, slots=True)
class Resumable:
    """The flow of resumable uploads. ``seconds``: how long an upload waits for its next piece; ``most_open``: uploads
    of one owner that are not done."""

    catalog: Catalog
    ingest: Ingest
    folder: Path
    seconds: int
    most_open: int

    @property
    def most_bytes(self) -> int:
        """Largest upload; the type's own limit is checked when the type is known."""
        return self.ingest.limits.largest

    async def create(self, principal: Principal, asked: Creation) -> Upload:
        """Begin an upload; a final one is made of its parts at once, and becomes an asset.

        Raises: BadRequest (options), TooManyRequests (too many are open), OutOfSpace, NotFound and below (parts).
        """
        options_of(asked.metadata)  # told now, not after gigabytes
        parts = await self._parts(principal, asked)
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
            concat=asked.concat,
            parts=asked.parts,
        )
        self.ingest.check_allowance(principal, upload.length)
        await asyncio.to_thread(self._make, upload)

        def work(connection: Any) -> None:
            if rows.count_open(connection, principal) >= self.most_open:
                raise TooManyRequests(
                    f"More than {self.most_open} uploads are open.",
                    hint="Finish or delete some. The limit is RENDITOR_LIMITS__OPEN_UPLOADS.",
                    code="too-many-uploads",
                )
            rows.insert(connection, _values(upload))

        try:
            await self.catalog.write(work)
        except BaseException:
            await asyncio.to_thread(self._remove, upload.id)
            raise
        if parts:
            upload = await self._join(principal, upload, parts)
        elif upload.complete and upload.concat is None:  # an empty file
            await self._finish(principal, upload)
        return upload

    async def get(self, principal: Principal, upload_id: str) -> Upload:
        """An upload as it is now. Raises: NotFound; Gone: expired."""
        upload = _upload(await self.catalog.read(lambda c: rows.owned(c, principal, upload_id)))
        if upload.expires_at <= now_ms():
            raise Gone("The upload has expired.", code="upload-expired", hint="Start it anew.")
        return upload

    async def append(
        self,
        principal: Principal,
        upload: Upload,
        body: AsyncIterator[Chunk],
        checksum: Checksum | None = None,
    ) -> Upload:
        """Add a body that ``check_append`` has let in; the last one makes it an asset.

        Raises: Locked, Conflict (another request was faster), TooLarge, ChecksumMismatch, OutOfSpace, Unavailable, and
            with the last piece what ``Ingest.upload`` raises: the upload is then gone if trying again is of no use.
        """
        async with self._locked(upload.id) as fd:
            upload = await self._receive(upload, fd, body, checksum)
            if upload.complete and upload.concat != "partial":
                await self._finish(principal, upload)
        return upload

    async def terminate(self, principal: Principal, upload_id: str) -> None:
        """Give an upload up. Raises: NotFound; Locked: a request is writing to it."""
        upload = _upload(await self.catalog.read(lambda c: rows.owned(c, principal, upload_id)))
        async with self._locked(upload.id):
            await self.catalog.write(lambda c: rows.forget(c, [upload.id]))
            await asyncio.to_thread(self._remove, upload.id)

    async def sweep(self) -> None:
        """Remove what has expired and files that nobody knows; make assets of what a killed server left whole."""
        gone = await self.catalog.read(lambda c: rows.expired(c, now_ms(), _AT_ONCE))
        for upload_id in gone:
            with contextlib.suppress(RenditorError):
                async with self._locked(upload_id, missing_ok=True):
                    await self.catalog.write(partial(rows.forget, upload_ids=[upload_id]))
                    await asyncio.to_thread(self._remove, upload_id)
        for row in await self.catalog.read(lambda c: rows.waiting(c, now_ms() - _LEFT_ALONE_MS, _AT_ONCE)):
            upload = _upload(row)
            with contextlib.suppress(RenditorError):
                async with self._locked(upload.id):
                    await self._finish(_principal(upload), upload)
        await self._sweep_files()

    # -- receiving ----------------------------------------------------------------------------------------------------

    async def _receive(self, upload: Upload, fd: int, body: AsyncIterator[Chunk], checksum: Checksum | None) -> Upload:
        """Write the body behind what counts. What arrived of a broken one counts, unless a checksum was to prove it."""
        await asyncio.to_thread(os.ftruncate, fd, upload.offset)
        writer = _Writer(fd, upload, checksum)
        try:
            async for chunk in body:
                writer.take(chunk)
                if writer.waiting >= _BATCH:
                    await _flushed(writer)
                if checksum is None and writer.written >= _COUNTED:
                    upload = await self._count(upload, writer.counted())
            await _flushed(writer)
            writer.check()
        except TooLarge:
            raise
        except BaseException:
            if checksum is None:
                await asyncio.shield(self._keep(upload, writer))
            raise
        return await self._count(upload, writer.counted())

    async def _keep(self, upload: Upload, writer: _Writer) -> None:
        with contextlib.suppress(RenditorError):
            await _flushed(writer)
            await self._count(upload, writer.counted())

    async def _count(self, upload: Upload, count: int) -> Upload:
        now = now_ms()
        after = appended(upload, count, now, now + self.seconds * 1000)
        values = {name: getattr(after, name) for name in ("offset", "status", "updated_at", "expires_at")}
        if not await self.catalog.write(lambda c: rows.advance(c, upload.id, upload.offset, values)):
            raise NotFound  # terminated meanwhile
        return after

    async def _finish(self, principal: Principal, upload: Upload) -> Asset:
        """Make an asset of all the bytes. The file stays until the catalog knows the asset."""
        path = self._path(upload.id)
        handed = path.with_suffix(".whole")
        try:
            await asyncio.to_thread(_link, path, handed)
            received = await asyncio.to_thread(Arrived.read, handed)
            asset = await self.ingest.adopt(principal, received, options_of(upload.metadata), upload.id)
        except RenditorError as error:
            if error.status < 500:  # it will never be better
                await self.catalog.write(lambda c: rows.forget(c, [upload.id]))
                await asyncio.to_thread(self._remove, upload.id)
            raise
        finally:
            await asyncio.to_thread(handed.unlink, missing_ok=True)
        await self.catalog.write(lambda c: rows.finish(c, upload.id, now_ms() + self.seconds * 1000))
        await asyncio.to_thread(self._remove, upload.id)
        return asset

    # -- parts --------------------------------------------------------------------------------------------------------

    async def _parts(self, principal: Principal, asked: Creation) -> tuple[Upload, ...]:
        return tuple([await self.get(principal, part) for part in asked.parts])

    async def _join(self, principal: Principal, upload: Upload, parts: tuple[Upload, ...]) -> Upload:
        async with self._locked(upload.id) as fd:
            await asyncio.to_thread(self._copy, fd, parts)
            upload = await self._count(upload, upload.length)
            await self._finish(principal, upload)
        ids = [part.id for part in parts]
        await self.catalog.write(lambda c: rows.forget(c, ids))
        for part in ids:
            await asyncio.to_thread(self._remove, part)
        return upload

    def _copy(self, fd: int, parts: tuple[Upload, ...]) -> None:
        try:
            with os.fdopen(os.dup(fd), "wb") as whole:
                for part in parts:
                    with self._path(part.id).open("rb") as source:
                        shutil.copyfileobj(source, whole, _BATCH)
        except OSError as error:
            raise of_disk(error) from error

    # -- files --------------------------------------------------------------------------------------------------------

    def _path(self, upload_id: str) -> Path:
        return self.folder / f"{upload_id}.upload"

    def _make(self, upload: Upload) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            free = os.statvfs(self.folder)
            if free.f_bavail * free.f_frsize < upload.length + _RESERVE:
                raise OutOfSpace("There is no space for an upload of this size.")
            os.close(os.open(self._path(upload.id), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise of_disk(error) from error

    def _remove(self, upload_id: str) -> None:
        self._path(upload_id).unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def _locked(self, upload_id: str, *, missing_ok: bool = False) -> AsyncIterator[int]:
        """The upload's file, for this request alone. Raises: Locked; NotFound: the file is gone."""
        try:
            fd = os.open(self._path(upload_id), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            if missing_ok:
                yield -1
                return
            raise NotFound from None
        try:
            until = time.monotonic() + _PATIENCE
            while not _lock(fd):
                # A client that comes back is often here before its broken request has ended.
                if time.monotonic() > until:
                    raise Locked("Another request is writing to this upload.", hint="Try again in a second.")
                await asyncio.sleep(_POLL)
            yield fd
        finally:
            os.close(fd)

    async def _sweep_files(self) -> None:
        names = await asyncio.to_thread(lambda: [path.stem for path in self.folder.glob("*.upload")])
        old = [name for name in names if is_id(name)]
        there = await self.catalog.read(lambda c: rows.known(c, old))
        for name in set(old) - there:
            with contextlib.suppress(RenditorError):
                async with self._locked(name):
                    # Its row is written after it: only what has no row for a while was given up.
                    if await asyncio.to_thread(_idle, self._path(name)):
                        await asyncio.to_thread(self._remove, name)
                        observe.log().info("upload_swept", upload=name)


class _Writer:
    """Gathers pieces, writes them where the upload ends, hashes what a checksum is to prove."""

    def __init__(self, fd: int, upload: Upload, checksum: Checksum | None) -> None:
        self._fd = fd
        self._at = upload.offset
        self._left = upload.length - upload.offset
        self._checksum = checksum
        self._hash = checksum.hasher() if checksum else None
        self._pieces: list[Chunk] = []
        self.waiting = 0
        self.written = 0

    def take(self, chunk: Chunk) -> None:
        """Raises: TooLarge: more than was announced; nothing of this request counts then."""
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge("This is more than the Upload-Length that was announced.", code="upload-overflow")
        self._pieces.append(chunk)
        self.waiting += len(chunk)

    def flush(self) -> None:
        """Blocking. Raises: OutOfSpace, Unavailable."""
        pieces, self._pieces, self.waiting = self._pieces, [], 0
        data = b"".join(pieces)
        if self._hash:
            self._hash.update(data)
        try:
            view = memoryview(data)
            while view:
                done = os.pwrite(self._fd, view, self._at)
                view, self._at, self.written = view[done:], self._at + done, self.written + done
        except OSError as error:
            raise of_disk(error) from error

    def counted(self) -> int:
        """Bytes written since this was asked last."""
        count, self.written = self.written, 0
        return count

    def check(self) -> None:
        """Raises: ChecksumMismatch."""
        if self._hash and self._checksum and not hmac.compare_digest(self._hash.digest(), self._checksum.digest):
            raise ChecksumMismatch(hint="The upload is where it was before: send this piece again.")


async def _flushed(writer: _Writer) -> None:
    """Write in a thread, which is done with the file also when the request is given up meanwhile."""
    writing = asyncio.ensure_future(asyncio.to_thread(writer.flush))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        raise


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


def _principal(upload: Upload) -> Principal:
    """For work that the owner has asked for already."""
    allowance = Allowance(upload.token_id) if upload.token_id else None
    return Principal(upload.owner, upload.tenant, frozenset({"write"}), kind="program", allowance=allowance)


def _link(path: Path, beside: Path) -> None:
    """The same bytes under a second name, for storage to take over."""
    try:
        beside.unlink(missing_ok=True)
        os.link(path, beside)
    except OSError as error:
        raise of_disk(error) from error


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _idle(path: Path) -> bool:
    age = now_ms() / 1000 - path.stat().st_mtime
    return age > _LEFT_ALONE_MS / 1000

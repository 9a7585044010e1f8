"""Upload bodies: a raw body or one file field of a multipart form, as one stream of the file's bytes.

The body is pulled only after the caller is known. A form is never parsed whole: its file is passed on as it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any
from urllib.parse import unquote

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header
from starlette.requests import Request

from renditor.content.digests import Digest, Digests, read_digests
from renditor.content.spool import Chunk
from renditor.errors import BadRequest, RequestTimeout
from renditor.ingest import UploadOptions
from renditor.ingest.repeats import Repeat

# Form fields other than the file: a few short options. More than this is somebody filling our memory.
_FIELD_BYTES = 16 * 1024
_FIELDS = 32
# A body that comes slower than this is given up. Mobile networks at their worst do ten times as much.
_SLOW_BYTES, _SLOW_SECONDS = 30 * 1024, 30
_LOOK_AGAIN = 0.05
# All of a form that is not its file: fields, headers, what stands before the first and after the last boundary. Bytes.
_AROUND_BYTES = 1024 * 1024
# What a digest is to prove is hashed in a thread, so many bytes at a time.
_HASHED_BYTES = 1024 * 1024


class RawBody:
    """The body is the file; options come as query parameters, the name in ``X-Filename`` (percent-encoded UTF-8).

    ``promised``: whether a digest is to prove it. Raises: BadRequest: a malformed digest.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._digests = _digests(request)
        self.declared = _content_length(request)
        self.promised = bool(self._digests)

    async def chunks(self) -> AsyncIterator[Chunk]:
        received = 0
        async for chunk in _stream(self._request, self._digests):
            received += len(chunk)
            yield chunk
        if self.declared is not None and received != self.declared:
            raise BadRequest("The body ended before its announced length.", code="incomplete-body")

    def options(self) -> UploadOptions:
        name = unquote(self._request.headers.get("x-filename", ""), errors="replace")
        return UploadOptions.read(dict(self._request.query_params), name, self._request.headers.get("content-type"))


class FormBody:
    """A multipart form: the field ``file`` is the file, all other fields are options, before or after it."""

    def __init__(self, request: Request, boundary: str) -> None:
        self._request = request
        self._digests = _digests(request)
        self._boundary = boundary
        self._fields: dict[str, str] = dict(request.query_params)
        self._filename: str | None = None
        self._content_type: str | None = None
        self.declared = None  # the form's length is not the file's

    async def chunks(self) -> AsyncIterator[Chunk]:
        found = False
        current: MultipartSegment | None = None
        text = bytearray()
        around = 0
        try:
            with PushMultipartParser(self._boundary, max_segment_count=_FIELDS) as parser:
                async for data in _stream(self._request, self._digests):
                    around += len(data)
                    for event in parser.parse(data):
                        if isinstance(event, MultipartSegment):
                            current, text = event, bytearray()
                            found = self._begin(event, found=found) or found
                        elif event is None:
                            self._end(current, bytes(text))
                            current = None
                        elif current is not None and current.name == "file":
                            around -= len(event)
                            yield event
                        else:
                            text += event
                            if len(text) > _FIELD_BYTES:
                                raise BadRequest("A form field is too long.")
                    if around > _AROUND_BYTES:
                        raise BadRequest("The form holds too much besides its file.", code="bad-form")
                parser.close()
        except MultipartError as error:
            raise BadRequest(f"The multipart form cannot be read: {error.args[0]}.", code="bad-form") from None
        if not found:
            raise BadRequest("The form has no field named 'file'.", code="no-file")

    def options(self) -> UploadOptions:
        return UploadOptions.read(self._fields, self._filename, self._content_type)

    def _begin(self, segment: MultipartSegment, *, found: bool) -> bool:
        if segment.name != "file":
            return False
        if found:
            raise BadRequest("The form has more than one file.", hint="Send one file with each request.")
        self._filename, self._content_type = segment.filename, segment.content_type
        return True

    def _end(self, segment: MultipartSegment | None, text: bytes) -> None:
        if segment is not None and segment.name != "file":
            try:
                self._fields[segment.name] = text.decode()
            except UnicodeDecodeError:
                raise BadRequest(f"The form field {segment.name!r} is not UTF-8.") from None


def upload_body(request: Request) -> RawBody | FormBody:
    """Raises: BadRequest: a form without boundary, or a malformed digest."""
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    if content_type != "multipart/form-data":
        return RawBody(request)
    if not options.get("boundary"):
        raise BadRequest("The multipart form has no boundary.", code="bad-form")
    return FormBody(request, options["boundary"])


def repeat_of(request: Request) -> Repeat | None:
    """What tells this upload from others with its Idempotency-Key; its body is not read. Raises: BadRequest."""
    said = [request.headers.get(name) for name in ("content-length", "x-filename", "content-digest", "repr-digest")]
    content_type, _ = parse_options_header(request.headers.get("content-type", ""))  # each form has its own boundary
    options = sorted(request.query_params.multi_items())
    return Repeat.read(request.headers.get("idempotency-key"), "upload", content_type, options, *said)


def _digests(request: Request) -> Digests:
    """What is promised of the message body as it is sent: of a form that is all of it, not its file alone."""
    found: list[Digest] = []
    for field in ("Content-Digest", "Repr-Digest"):
        found += read_digests(field, ", ".join(request.headers.getlist(field)))
    return Digests(found)


def _stream(request: Request, digests: Digests) -> AsyncIterator[bytes]:
    body = paced(request)
    return _proved(body, digests) if digests else body


async def _proved(body: AsyncIterator[bytes], digests: Digests) -> AsyncIterator[bytes]:
    """The body; it ends with an error where it is not what was promised. Raises: BadRequest."""
    pieces: list[bytes] = []
    waiting = 0
    async for chunk in body:
        pieces.append(chunk)
        waiting += len(chunk)
        if waiting >= _HASHED_BYTES:
            await asyncio.to_thread(digests.update, pieces)
            pieces, waiting = [], 0
        yield chunk
    await asyncio.to_thread(digests.update, pieces)
    digests.check()


async def paced(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes, but not slower than so: whoever drips holds a connection, a file and a place in the queue.

    Only the time counts that is spent waiting for the client.

    Raises: BadRequest: it was broken off; RequestTimeout.
    """
    receive, pace = request.receive, _Pace()
    try:
        while True:
            message = await pace.wait(receive())
            if message["type"] == "http.disconnect":
                # What came is a stump: it must not pass for a whole file.
                raise BadRequest("The upload was broken off.", code="incomplete-body")
            chunk: bytes = message.get("body", b"")
            pace.note(len(chunk))
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return
    finally:
        pace.end()


class _Pace:
    """One timer for a whole body: a timeout of its own for each of its chunks would cost a tenth of the upload."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waited, self._received = 0.0, 0  # since the last time that enough had come
        self._since: float | None = None  # when the wait for the client began; None: it is not what takes time
        self._waiting: asyncio.Task[Any] | None = None
        self._cancelling = 0  # by others, before
        self._late = False
        self._timer = self._loop.call_later(_SLOW_SECONDS, self._look)

    async def wait(self, message: Awaitable[Any]) -> Any:
        """What the client sends next. Raises: RequestTimeout."""
        if self._waiting is None:
            self._waiting = asyncio.current_task()
            self._cancelling = self._waiting.cancelling() if self._waiting else 0
        self._since = self._loop.time()
        try:
            return await message
        except asyncio.CancelledError:
            # That was us; who else cancels at the same time means it.
            if self._late and self._waiting and self._waiting.uncancel() <= self._cancelling:
                least = f"{_SLOW_BYTES} bytes in {_SLOW_SECONDS} s"
                raise RequestTimeout(f"The body came with less than {least}.") from None
            raise
        finally:
            self._waited += self._loop.time() - self._since
            self._since = None

    def note(self, size: int) -> None:
        """So many bytes came."""
        self._received += size
        if self._received >= _SLOW_BYTES:
            self._waited, self._received = 0.0, 0

    def end(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        waited = self._waited + (0.0 if self._since is None else self._loop.time() - self._since)
        if waited < _SLOW_SECONDS:
            self._timer = self._loop.call_later(_SLOW_SECONDS - waited, self._look)
        elif self._since is None or self._waiting is None:  # it waits for something else just now
            self._timer = self._loop.call_later(_LOOK_AGAIN, self._look)
        else:
            self._late = True
            self._waiting.cancel()


def _content_length(request: Request) -> int | None:
    value = request.headers.get("content-length")
    return int(value) if value and value.isdecimal() else None

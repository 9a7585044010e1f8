"""Delivery over HTTP: a raw ASGI application ahead of the API.

A picture that was delivered before is answered with two messages and no framework, thread or file in between. It works
on the raw path: an encoded slash or comma in a public id must not become a separator.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from renditor import observe
from renditor.api import problems
from renditor.api.cors import Origins
from renditor.api.denials import note_failed_delivery
from renditor.api.ranges import read_range
from renditor.deliver import hints
from renditor.deliver.flow import Deliver
from renditor.deliver.responses import Body, Head, Headers, NotModified, Redirect, Request, Response
from renditor.errors import Internal, MethodNotAllowed, NotFound, RenditorError
from renditor.models import Credentials, ResourceType
from renditor.service import Audit, Remote

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PATH = re.compile(
    rb"/([A-Za-z0-9][A-Za-z0-9._-]{0,63})/"
    rb"(?:(image|video|raw)/([a-z]+)/(?:g--([^/]*)--/)?(.+)|files/(?:g--([^/]*)--/)?([^/]+)/(.+))",
    re.DOTALL,
)

# What everything delivered carries. A stored file is never a document of ours: no sniffing, no scripts, no frames, even
# when somebody opens it in a tab; any site may show it.
_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        b"default-src 'none'; img-src 'self'; media-src 'self'; frame-ancestors 'none'; sandbox",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"content-length, content-range, etag, x-cld-error, x-renditor-ignored"),
]  # fmt: skip
_PREFLIGHT: Headers = [
    *_SAFE,
    (b"access-control-allow-methods", b"GET, HEAD"),
    (b"access-control-allow-headers", b"range, if-none-match, if-range"),
    (b"access-control-max-age", b"86400"),
]
# Where somebody is sent may be another place at the next request: the picture may be deleted, or made here by then.
_NOT_KEPT: Headers = [(b"cache-control", b"no-store")]
_HINTS = {name.encode(): name for name in hints.NAMES}
_READ = frozenset((b"accept", b"if-none-match", b"range", b"if-range", b"cookie", b"origin", *_HINTS))


class Delivery:
    """Answers delivery paths.

    With ``delivery.accel_prefix`` stored files are not sent but named to the proxy in front, which sends them.
    """

    def __init__(self, deliver: Deliver, remote: Remote, audit: Audit, origins: Origins) -> None:
        self._deliver = deliver
        self._origins = origins
        self._audit = audit
        self._remote = remote

    async def __call__(self, scope: Scope, send: Send) -> bool:
        """Answer the request if its path is one of delivery. False: it is not."""
        raw = _raw_path(scope)
        head = scope["method"] == "HEAD"
        reply = self._again(scope, raw)
        if reply is not None:
            await reply.send(send, head=head)
            return True
        match = _PATH.fullmatch(raw)
        if match is None:
            return False
        await self._work(scope, match, send, head=head)
        return True

    async def nothing(self, send: Send) -> None:
        """Answer what is no path of delivery, where there is nothing else."""
        await _failure(NotFound(), secrets.token_hex(8)).send(send, head=False)

    def _again(self, scope: Scope, raw: bytes) -> Reply | None:
        """The reply to a request like one before, if it can be given at once; else None."""
        method = scope["method"]
        if (method != "GET" and method != "HEAD") or not self._deliver.knows(raw):  # noqa: PLR1714  # twice as quick
            return None
        headers = _headers(scope)
        try:
            response = self._deliver.again(raw, _request(headers))
            return None if response is None else self._reply(response, headers)
        except RenditorError:  # told the long way
            return None

    async def _work(self, scope: Scope, match: re.Match[bytes], send: Send, *, head: bool) -> None:
        request_id = secrets.token_hex(8)
        begun = False

        async def send_noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        headers = _headers(scope)
        try:
            reply = await self._answer(scope, match, headers)
            await reply.send(send_noting, head=head)
        except Exception as error:
            shown = error if isinstance(error, RenditorError) else Internal()
            if begun or shown is not error:
                observe.log().exception("delivery_failed", request_id=request_id)
            if begun:  # an error behind the first bytes of a file would be part of the file: the server breaks off
                raise
            await note_failed_delivery(self._audit, _shown(scope, match.string, request_id), shown)
            failure = _failure(shown, request_id)
            if _may_be_private(match):
                failure.lines = self._origins.admitted(failure.lines, headers.get(b"origin"))
            await failure.send(send, head=head)

    async def _answer(self, scope: Scope, match: re.Match[bytes], headers: dict[bytes, bytes]) -> Reply:
        method = scope["method"]
        origin = headers.get(b"origin")
        if method == "OPTIONS":
            return Reply(204, self._origins.admitted(_PREFLIGHT, origin) if _may_be_private(match) else _PREFLIGHT)
        if method not in ("GET", "HEAD"):
            raise MethodNotAllowed
        request = _request(headers)
        request.address = scope.get("renditor.address", "")
        response = await self._ask(match, request)
        reply = self._reply(response, headers)
        if not isinstance(response, Redirect) and response.head.private:
            reply.lines = self._origins.admitted(reply.lines, origin)
        return reply

    async def _ask(self, match: re.Match[bytes], request: Request) -> Response:
        tenant, kind, kept_as, grant, tail, files_grant, rendition, name = (
            part.decode("latin-1") if part is not None else None for part in match.groups()
        )
        if tenant is None:
            raise NotFound
        request.grant = grant if grant is not None else files_grant
        if rendition is not None and name is not None:
            return await self._deliver.file(tenant, rendition, name, request)
        if kind not in ("image", "video") or tail is None:
            raise NotFound
        resource: ResourceType = "image" if kind == "image" else "video"
        if kept_as == "private":
            return await self._deliver.granted(tenant, resource, tail, request)
        if kept_as == "fetch" and kind == "image" and grant is None:
            return await self._remote.answer(tenant, tail, request)
        if kept_as != "upload" or grant is not None:
            raise NotFound
        return await self._deliver.asset(tenant, resource, tail, request, match.string)

    def _reply(self, response: Response, headers: dict[bytes, bytes]) -> Reply:
        if isinstance(response, Redirect):
            return Reply(response.status, [*_SAFE, *_NOT_KEPT, (b"location", response.url.encode())])
        if isinstance(response, NotModified):
            return Reply(304, _lines(response.etag, response.head), cache="hit")
        accel_prefix = self._deliver.settings.accel_prefix
        if response.lines is None:
            response.lines = _body_lines(response, accel_prefix)
        if response.key is not None and accel_prefix is not None:
            return Reply(200, response.lines, cache=response.cache)
        if b"range" in headers:
            return _ranged(response, headers)
        chunks = None if response.chunks is None else response.chunks(0, response.size)
        return Reply(200, response.lines, response.content, chunks, response.cache)


class Reply:
    """A status, header fields, and a body in one piece or in chunks."""

    __slots__ = ("_cache", "_chunks", "_content", "_status", "lines")

    def __init__(
        self,
        status: int,
        lines: Headers,
        content: bytes | None = None,
        chunks: AsyncIterator[bytes] | None = None,
        cache: str = "none",
    ) -> None:
        self._status, self.lines, self._content, self._chunks, self._cache = status, lines, content, chunks, cache

    async def send(self, send: Send, *, head: bool) -> None:
        """Send it. An error of the first chunk is raised before anything is sent."""
        _delivered(self._status, self._cache).inc()
        if self._chunks is not None and not head:
            await _stream(send, self._status, self.lines, self._chunks)
            return
        await send({"type": "http.response.start", "status": self._status, "headers": self.lines})
        await send({"type": "http.response.body", "body": b"" if head else self._content or b""})


def _may_be_private(match: re.Match[bytes]) -> bool:
    """By its path alone: answers about private and unknown files have to be alike."""
    return match[3] == b"private" or match[7] is not None


@cache
def _delivered(status: int, result: str) -> Any:
    """The counter of these labels: to look it up takes longer than to count."""
    return observe.DELIVERIES.labels(str(status), result)


def _shown(scope: Scope, raw: bytes, request_id: str) -> Credentials:
    asked = f"{scope['method']} {raw.decode('latin-1')}"
    return Credentials(address=scope.get("renditor.address", ""), request_id=request_id, asked=asked)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    found = {name: value for name, value in scope["headers"] if name in _READ}
    # Browsers send each cookie as a field of its own over HTTP/2 (RFC 9113, 8.2.3).
    if b"cookie" in found:
        found[b"cookie"] = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    return found


def _request(headers: dict[bytes, bytes]) -> Request:
    request = Request()
    for name, value in headers.items():
        if name == b"accept":
            request.accept = value.decode("latin-1")
        elif name == b"if-none-match":
            request.if_none_match = value.decode("latin-1")
        elif name == b"cookie":
            request.cookies = value.decode("latin-1")
        elif name in _HINTS:
            request.hints[_HINTS[name]] = value.decode("latin-1")
    return request


def _lines(etag: str, head: Head) -> Headers:
    return [
        *_SAFE,
        (b"etag", etag.encode()),
        (b"cache-control", head.cache_control.encode()),
        *([(b"vary", head.vary.encode())] if head.vary else []),
        *head.more,
    ]


def _body_lines(body: Body, accel_prefix: str | None) -> Headers:
    lines = _lines(body.etag, body.head)
    lines.append((b"content-type", body.content_type.encode()))
    if body.head.disposition:
        lines.append((b"content-disposition", body.head.disposition.encode()))
    if accel_prefix is not None and body.key is not None:
        # The proxy sends the file, with its size and its ranges.
        return [*lines, (b"x-accel-redirect", f"{accel_prefix}/{body.key}".encode())]
    return [*lines, (b"accept-ranges", b"bytes"), (b"content-length", b"%d" % body.size)]


def _ranged(body: Body, headers: dict[bytes, bytes]) -> Reply:
    """The part that is asked for, or the whole. Raises: RangeNotSatisfiable."""
    condition = headers.get(b"if-range")
    unchanged = condition is None or condition == body.etag.encode()
    part = read_range(headers[b"range"].decode("latin-1") if unchanged else None, body.size)
    start, end = part or (0, body.size)
    lines = list(body.lines or ())
    if part is not None:
        lines[-1] = (b"content-length", b"%d" % (end - start))
        lines.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, body.size)))
    content = None if body.content is None else body.content[start:end]
    chunks = None if body.chunks is None else body.chunks(start, end)
    return Reply(200 if part is None else 206, lines, content, chunks, body.cache)


async def _stream(send: Send, status: int, headers: Headers, chunks: AsyncIterator[bytes]) -> None:
    """Start a response once its first bytes are here (an error before that is still an answer), then send the rest."""
    waiting = b""
    begun = False
    async for chunk in chunks:
        if not begun:
            begun = True
            await send({"type": "http.response.start", "status": status, "headers": headers})
        else:
            await send({"type": "http.response.body", "body": waiting, "more_body": True})
        waiting = chunk
    if not begun:
        await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": waiting})


def _failure(error: RenditorError, request_id: str) -> Reply:
    content, headers = problems.encode(error, request_id)
    if error.status < 500:
        headers["x-cld-error"] = problems.cld_error(error)
    lines = [*_SAFE, *((name.encode(), value.encode()) for name, value in headers.items())]
    return Reply(error.status, [*lines, (b"content-length", b"%d" % len(content))], content)


def _raw_path(scope: Scope) -> bytes:
    """The path as it came, without the query."""
    raw: bytes | None = scope.get("raw_path")
    path = raw if raw is not None else scope["path"].encode()
    return path.partition(b"?")[0] if b"?" in path else path

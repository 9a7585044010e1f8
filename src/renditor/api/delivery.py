"""Delivery over HTTP: a raw ASGI application ahead of the API.

A stored picture is answered with two messages and no framework in between. It works on the raw path: an encoded slash
or comma in a public id must not become a separator.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from renditor import observe
from renditor.api import problems
from renditor.api.ranges import read_range
from renditor.deliver import Body, Deliver, NotModified, Redirect, Request, Response
from renditor.errors import Internal, MethodNotAllowed, NotFound, RenditorError
from renditor.models import ResourceType

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_PATH = re.compile(
    rb"/([A-Za-z0-9][A-Za-z0-9._-]{0,63})/(?:(image|video|raw)/([a-z]+)/(.+)|files/([^/]+)/(.+))", re.DOTALL
)
_DELIVERABLE = b"upload"

# What everything delivered carries. A stored file is never a document of ours: no sniffing, no scripts, no frames, even
# when somebody opens it in a tab; any site may show it.
_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; img-src 'self'; media-src 'self'; sandbox"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"content-length, content-range, etag, x-cld-error, x-request-id"),
]  # fmt: skip
_PREFLIGHT: Headers = [
    *_SAFE,
    (b"access-control-allow-methods", b"GET, HEAD"),
    (b"access-control-allow-headers", b"range, if-none-match, if-range"),
    (b"access-control-max-age", b"86400"),
]


class Delivery:
    """Answers delivery paths; ``matches`` tells which those are."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver

    @staticmethod
    def matches(scope: Scope) -> re.Match[bytes] | None:
        return _PATH.fullmatch(_raw_path(scope))

    async def __call__(self, scope: Scope, match: re.Match[bytes], send: Send, request_id: str) -> None:
        method = scope["method"]
        if method == "OPTIONS":
            await _send(send, 204, _PREFLIGHT)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        begun = False

        async def send_noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            response = await self._answer(method, match, headers)
            await self._respond(response, headers, send_noting, head=method == "HEAD")
        except Exception as error:
            shown = error if isinstance(error, RenditorError) else Internal()
            if begun or shown is not error:
                observe.log().exception("delivery_failed", request_id=request_id)
            if begun:  # an error behind the first bytes of a file would be part of the file: the server breaks off
                raise
            await _fail(send, shown, request_id, head=method == "HEAD")

    async def _answer(self, method: str, match: re.Match[bytes], headers: dict[bytes, str]) -> Response:
        if method not in ("GET", "HEAD"):
            raise MethodNotAllowed
        request = Request(headers.get(b"accept", ""), headers.get(b"if-none-match"))
        tenant, kind, kept_as, tail, rendition, name = (
            part.decode("latin-1") if part else "" for part in match.groups()
        )
        if rendition:
            return await self._deliver.file(tenant, rendition, name, request)
        if kept_as.encode() != _DELIVERABLE or kind not in ("image", "video"):
            raise NotFound
        resource: ResourceType = "image" if kind == "image" else "video"
        return await self._deliver.asset(tenant, resource, tail, request)

    async def _respond(self, response: Response, headers: dict[bytes, str], send: Send, *, head: bool) -> None:
        if isinstance(response, Redirect):
            await _send(send, 302, [*_SAFE, (b"location", response.url.encode())])
            return
        shared: Headers = [
            *_SAFE,
            (b"etag", response.etag.encode()),
            (b"cache-control", response.cache_control.encode()),
            *([(b"vary", response.vary.encode())] if response.vary else []),
        ]
        if isinstance(response, NotModified):
            observe.DELIVERIES.labels("304", "hit").inc()
            await _send(send, 304, shared)
            return
        await _send_body(response, shared, headers, send, head=head)


async def _send_body(body: Body, shared: Headers, headers: dict[bytes, str], send: Send, *, head: bool) -> None:
    condition = headers.get(b"if-range")
    wanted = headers.get(b"range") if condition in (None, body.etag) else None
    part = read_range(wanted, body.bytes)
    start, end = part or (0, body.bytes)
    status = 206 if part else 200
    out: Headers = [
        *shared,
        (b"content-type", body.content_type.encode()),
        (b"content-length", b"%d" % (end - start)),
        (b"accept-ranges", b"bytes"),
    ]
    if part:
        out.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, body.bytes)))
    if body.disposition:
        out.append((b"content-disposition", body.disposition.encode()))
    observe.DELIVERIES.labels(str(status), body.cache).inc()
    await stream(send, status, out, None if head else body.chunks(start, end))


async def stream(send: Send, status: int, headers: Headers, chunks: AsyncIterator[bytes] | None) -> None:
    """Start a response once its first bytes are here (an error before that is still an answer), then send the rest."""
    waiting = b""
    begun = False
    if chunks is not None:
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


async def _fail(send: Send, error: RenditorError, request_id: str, *, head: bool) -> None:
    content, headers = problems.encode(error, request_id)
    observe.DELIVERIES.labels(str(error.status), "none").inc()
    out = [*_SAFE, *((name.encode(), value.encode()) for name, value in headers.items())]
    out.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": error.status, "headers": out})
    await send({"type": "http.response.body", "body": b"" if head else content})


async def _send(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _raw_path(scope: Scope) -> bytes:
    raw: bytes | None = scope.get("raw_path")
    return (raw if raw is not None else scope["path"].encode()).partition(b"?")[0]

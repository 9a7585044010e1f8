"""The guarded client: asks servers that strangers name, and is not to be turned against ours.

What it does not do is left out on purpose: no proxies or credentials from the environment, no cookies, no compression
(a bomb of a few kilobytes would pass every cap on bytes), no connection used twice, no HTTP/2.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn

import httpcore

from renditor.errors import BlockedURL, FetchFailed, Overloaded, TooLarge
from renditor.outbound.connecting import CheckedBackend, Meter, Resolver
from renditor.outbound.settings import OutboundSettings
from renditor.outbound.urls import Refused, Target, follow, parse

log = logging.getLogger(__name__)

# Called with the host (empty where none could be read) and the reason of a refusal. Neither holds a path or a query,
# in which there may be secrets.
OnRefusal = Callable[[str, str], None]

# Answers that are read at the same time by one client: servers that drip keep a place until the deadline. More callers
# are sent away, instead of waiting with open connections of their own.
_AT_ONCE: Final = 32
# Bytes before and around an answer: its head, interim answers (1xx), trailers.
_HEAD_BYTES: Final = 256 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# What goes wrong on the way. TimeoutError (of the deadline) and what TLS raises are OSErrors.
_FAULTS: Final = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is being fetched.

    Attributes:
        url: where it was found, after all redirects.
        content_type: as the server says, unchecked; None: it does not say.
        length: bytes that the server announced; None: it did not. What comes is counted all the same.
        chunks: its bytes, once. Raises: FetchFailed: broken off or too slow; TooLarge.
    """

    url: str
    content_type: str | None
    length: int | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered to a ``post``."""

    status: int
    content_type: str | None
    body: bytes


class OutboundClient:
    """Fetches from the public internet, within limits of time and size. Safe to use from many tasks of one loop.

    All that goes wrong before an answer is there (an address that may not be reached, no such name, no connection, no
    TLS, silence) is one error with one text: to tell them apart would make the server a scanner of its own network. The
    cause is told to ``on_refusal``.

    Whoever must not wait for others' fetches has a client of their own.
    """

    def __init__(self, settings: OutboundSettings, on_refusal: OnRefusal | None = None) -> None:
        self._settings = settings
        self._on_refusal = on_refusal or _log_refusal
        self._resolver = Resolver()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def fetch(
        self, url: str, *, limit: int | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Fetched]:
        """GET a file, following redirects; each is checked like the first URL. ``headers`` go to its origin only.

        Args:
            limit: bytes at most; never more than the setting ``max_bytes``, which is the default.

        Raises:
            BlockedURL: nothing may be fetched there, or nothing answers.
            FetchFailed: a public server answered, but not with a file.
            TooLarge: it announces more than ``limit``.
            Overloaded: too many fetches at once.
        """
        most = min(limit or self._settings.max_bytes, self._settings.max_bytes)
        async with self._exchange() as exchange:
            with self._refusing():
                target, response = await self._follow(exchange, parse(url), headers or {})
            _check_file(response)
            length = _length(response)
            if length is not None and length > most:
                _refuse_size(most)
            async with contextlib.aclosing(exchange.body(response, most)) as chunks:
                yield Fetched(str(target), _header(response, b"content-type"), length, chunks)

    async def get(self, url: str, limit: int) -> bytes:
        """A small file, whole. Raises: as ``fetch``."""
        async with self.fetch(url, limit=limit) as found:
            return b"".join([chunk async for chunk in found.chunks])

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], limit: int) -> Answer:
        """POST something. A redirect is an answer like any other: what was meant for one server is sent to no other.

        Raises: as ``fetch``; any status is an answer.
        """
        async with self._exchange() as exchange:
            with self._refusing():
                response = await exchange.ask("POST", parse(url), headers, body)
            _check_encoding(response)
            content = b"".join([chunk async for chunk in exchange.body(response, limit)])
            return Answer(response.status, _header(response, b"content-type"), content)

    async def aclose(self) -> None:
        """Let go of the threads. What is being fetched goes on."""
        self._resolver.close()

    async def _follow(
        self, exchange: _Exchange, target: Target, headers: Mapping[str, str]
    ) -> tuple[Target, httpcore.Response]:
        first = target
        for _ in range(self._settings.redirects + 1):
            own = headers if target.origin == first.origin else {}
            response = await exchange.ask("GET", target, own)
            location = _raw_header(response, b"location")
            if response.status not in _REDIRECTS or location is None:
                return target, response
            target = follow(target, location)
        raise FetchFailed("The server redirects too often.")

    @asynccontextmanager
    async def _exchange(self) -> AsyncIterator[_Exchange]:
        if self._places.locked():
            raise Overloaded("Too much is being fetched at the moment.")
        async with self._places:
            exchange = _Exchange(self._settings, self._resolver, self._verification)
            try:
                yield exchange
            finally:
                await exchange.aclose()

    async def _verification(self) -> ssl.SSLContext:
        if self._tls is None:  # reads a file of certificates: 70 ms of CPU
            self._tls = await asyncio.to_thread(httpcore.default_ssl_context)
        return self._tls

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            self._on_refusal(refused.host, refused.reason)
            raise BlockedURL(hint="Give the http or https address of a file on the public internet.") from None


class _Exchange:
    """One fetch: requests one after the other, each over a connection of its own, all before one deadline.

    Connections are not pooled: a pool keeps what was cancelled (httpcore issue 1093), and saves nothing here.
    """

    def __init__(
        self, settings: OutboundSettings, resolver: Resolver, tls: Callable[[], Awaitable[ssl.SSLContext]]
    ) -> None:
        self._settings = settings
        self._resolver = resolver
        self._tls = tls
        self._end = asyncio.get_running_loop().time() + settings.deadline
        self._meter = Meter(_HEAD_BYTES)
        self._backend: CheckedBackend | None = None
        self._response: httpcore.Response | None = None

    async def ask(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes | None = None
    ) -> httpcore.Response:
        """Send one request and read the head of the answer. Raises: Refused."""
        if target.port not in self._settings.ports_of(target.scheme):
            raise Refused(f"port {target.port} is not open to {target.scheme}", target.host)
        await self.aclose()
        self._meter = Meter(_HEAD_BYTES)
        self._backend = CheckedBackend(self._resolver, self._settings, self._meter)
        origin = httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port)
        tls = await self._tls() if target.scheme == "https" else None
        connection = httpcore.AsyncHTTPConnection(origin, tls, network_backend=self._backend)
        request = httpcore.Request(
            method,
            httpcore.URL(
                scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
            ),
            headers=_head(target, headers, body),
            content=body,
            extensions={"timeout": {"connect": self._settings.connect_timeout}},
        )
        try:
            async with asyncio.timeout_at(self._end):
                self._response = await connection.handle_async_request(request)
        except _FAULTS as fault:
            raise Refused(f"no answer: {type(fault).__name__}", target.host) from None
        return self._response

    async def body(self, response: httpcore.Response, most: int) -> AsyncGenerator[bytes, None]:
        """The bytes of the answer, ``most`` at most. Raises: FetchFailed, TooLarge."""
        # Twice: bodies come in chunks, each with its size before it.
        self._meter.left = 2 * most + _HEAD_BYTES
        received = 0
        chunks = aiter(response.aiter_stream())
        while True:
            try:
                async with asyncio.timeout_at(self._end):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise FetchFailed(f"The file did not come within {self._settings.deadline:g} seconds.") from None
            except _FAULTS:
                raise FetchFailed("The server broke off in the middle of the file.") from None
            if chunk is None:
                return
            received += len(chunk)
            if received > most:
                _refuse_size(most)
            yield chunk

    async def aclose(self) -> None:
        """Close the connection that is open. It never waits for the other side."""
        with contextlib.suppress(*_FAULTS):
            if self._response is not None:
                await self._response.aclose()
            if self._backend is not None:
                await self._backend.aclose()
        self._response = self._backend = None


def _head(target: Target, headers: Mapping[str, str], body: bytes | None) -> list[tuple[str, str]]:
    ours = {
        "host": target.authority,
        "user-agent": "renditor",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }
    if body is not None:
        ours["content-length"] = str(len(body))
    return list((ours | {name.lower(): value for name, value in headers.items()}).items())


def _check_file(response: httpcore.Response) -> None:
    if response.status != 200:
        raise FetchFailed(f"The server answered with status {response.status} instead of a file.")
    _check_encoding(response)


def _check_encoding(response: httpcore.Response) -> None:
    """We asked for the bytes as they are. To unpack what comes instead would be to open bombs."""
    encoding = _header(response, b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        raise FetchFailed("The server compressed the file although it was asked not to.")


def _length(response: httpcore.Response) -> int | None:
    if _raw_header(response, b"transfer-encoding") is not None:
        return None
    text = _header(response, b"content-length")
    return int(text) if text is not None and text.isdecimal() else None


def _header(response: httpcore.Response, name: bytes) -> str | None:
    value = _raw_header(response, name)
    return None if value is None else value.decode("latin-1")


def _raw_header(response: httpcore.Response, name: bytes) -> bytes | None:
    """All fields of this name, as one (RFC 9110, 5.3)."""
    found = [value for key, value in response.headers if key.lower() == name]
    return b", ".join(found) if found else None


def _refuse_size(most: int) -> NoReturn:
    raise TooLarge(f"The file behind this URL is larger than the {most} bytes that are allowed.")


def _log_refusal(host: str, reason: str) -> None:
    log.warning("refused to fetch from %r: %s", host, reason)

"""Streams of any server, read file by file."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import httpx

from renditor.client.answers import TIMEOUT, ServerError, is_this_machine, parse_url
from renditor.errors import NotFound, TooLarge

# Of one file of a stream that is checked: a server could send without end.
_LARGEST_FILE = 64 * 1024**2
_MOST_REDIRECTS = 5
_LONGEST_WAIT = 300  # seconds for one file: a server could send a byte a minute


class WebReader:
    """A stream on a server, file by file, for the checker of streams (its ``Reader``). Only this server is asked.

    async with WebReader("https://media.example.com/film/master.m3u8") as reader:
        report = await check(reader, [reader.entry])

    Args:
        url: of a playlist or a manifest.
        most_bytes: fetched in all.

    Raises:
        BadRequest: not a URL.
    """

    def __init__(self, url: str, *, most_bytes: int = 4 * 1024**3) -> None:
        parts = parse_url(url, "stream")
        self.origin = f"{parts.scheme}://{parts.netloc.decode()}"
        self.entry = parts.raw_path.decode().lstrip("/")
        self._left = most_bytes
        self._sizes: dict[str, int] = {}
        self._whole: dict[str, bytes] = {}
        self._places: dict[str, str] = {}
        self._http = httpx.AsyncClient(
            headers={"accept-encoding": "identity"},  # ranges count the bytes as they are stored
            auth=(parts.username, parts.password) if parts.userinfo else None,
            timeout=TIMEOUT,
            trust_env=not is_this_machine(parts.host),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def read(self, name: str, span: tuple[int, int] | None = None) -> bytes:
        """Bytes of a file: all of it, or ``(offset, length)`` of it, less where it ends before.

        Raises:
            NotFound: the server answers, and does not give it.
            TooLarge: more than ``most_bytes`` in all, or a file of more than 64 MiB from a server without ranges.
            ServerError: no answer, or one that leads elsewhere.
        """
        if name in self._whole:
            return _cut(self._whole[name], span)
        first, length = span or (0, _LARGEST_FILE)
        answer, data = await self._fetch(name, {"range": f"bytes={first}-{first + length - 1}"})
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return b""
        if answer.status_code == httpx.codes.PARTIAL_CONTENT:
            total = answer.headers.get("content-range", "").rpartition("/")[2]
            if total.isdecimal():
                self._sizes[name] = int(total)
            return data[:length]
        self._sizes[name] = len(data)
        self._keep(name, data)
        return _cut(data, span)

    async def size(self, name: str) -> int:
        """Bytes of a file. Raises: as ``read``."""
        if name not in self._sizes:
            await self.read(name, (0, 1))
        if name not in self._sizes:
            raise ServerError(f"{self.origin} does not say how large its files are.", code="no-size")
        return self._sizes[name]

    def place(self, name: str) -> str:
        """Where it was found, after redirects."""
        return self._places.get(name, name)

    async def names(self) -> frozenset[str]:
        """None: servers do not list their files."""
        return frozenset()

    def _keep(self, name: str, data: bytes) -> None:
        """A server without ranges: the next piece of this file is here already. The oldest files go first."""
        self._whole[name] = data
        while len(self._whole) > 1 and sum(map(len, self._whole.values())) > _LARGEST_FILE:
            del self._whole[next(iter(self._whole))]

    async def _fetch(self, name: str, headers: dict[str, str]) -> tuple[httpx.Response, bytes]:
        """An answer with at most 64 MiB of its body; a few redirects to the same server are followed."""
        url = httpx.URL(f"{self.origin}/{name}")
        try:
            async with asyncio.timeout(_LONGEST_WAIT):
                for _ in range(_MOST_REDIRECTS):
                    async with self._http.stream("GET", url, headers=headers) as answer:
                        if not answer.has_redirect_location:
                            _expect(answer)
                            self._places[name] = url.raw_path.decode().lstrip("/")
                            return answer, await self._body(answer)
                        url = url.join(answer.headers["location"])
                        if f"{url.scheme}://{url.netloc.decode()}" != self.origin:
                            raise ServerError(f"{self.origin} sends on to another server.", code="redirected")
        except (TimeoutError, httpx.TimeoutException):
            raise ServerError(f"{self.origin} took too long to answer.", hint="Try again.") from None
        except httpx.RemoteProtocolError:
            raise NotFound("the answer breaks off, or is no HTTP", code="broken-answer") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerError(f"{self.origin} cannot be asked ({type(error).__name__}).") from None
        raise ServerError(f"{self.origin} sends from one address to the next without end.", code="redirected")

    async def _body(self, answer: httpx.Response) -> bytes:
        data = bytearray()
        async for piece in answer.aiter_bytes():
            data += piece
            self._left -= len(piece)
            if len(data) > _LARGEST_FILE or self._left < 0:
                raise TooLarge("The stream is larger than a check may fetch.", hint="Check a copy in a folder.")
        return bytes(data)


def _expect(answer: httpx.Response) -> None:
    if answer.status_code not in (
        httpx.codes.OK, httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE,
    ):  # fmt: skip
        raise NotFound(f"the server answers {answer.status_code}", code="refused")


def _cut(data: bytes, span: tuple[int, int] | None) -> bytes:
    return data if span is None else data[span[0] : span[0] + span[1]]

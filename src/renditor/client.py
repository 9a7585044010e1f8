"""A typed client of a renditor server: uploads that stream, and waiting for what is made of them."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from renditor.errors import BadRequest, NotFound, RenditorError, TooLarge

# Bytes of one piece of an upload: large enough to cost little, small enough to show progress on a slow line.
_CHUNK = 256 * 1024
# An upload has no time limit as a whole; these are for each piece of it. Seconds.
_TIMEOUT = httpx.Timeout(60, connect=10)
_POLL_FIRST, _POLL_LAST = 0.3, 3.0  # seconds between two questions: quick for short jobs, cheap for long ones
_WORKING = ("uploaded", "processing")
_BROKEN = "connection-broken"
_EXPLAIN = 5  # seconds to find out why
# Of one file of a stream that is checked: a server could send without end.
_LARGEST_FILE = 64 * 1024**2
_MOST_REDIRECTS = 5

Asset = dict[str, Any]


class ServerError(RenditorError):
    """The server said no, or nothing. ``http_status`` is what it answered with, 0 where there was no answer."""

    code, title = "no-answer", "The server does not answer"

    def __init__(
        self, detail: str = "", *, hint: str | None = None, code: str | None = None, http_status: int = 0
    ) -> None:
        super().__init__(detail, hint=hint, code=code)
        self.http_status = http_status


class Client:
    """One server and one API key.

    async with Client("https://media.example.com", key) as client:
        asset = await client.upload(Path("cat.jpg"))

    Args:
        server: its public URL.
        key: an API key with the scope ``write``.

    Raises:
        BadRequest: not a URL of a server.
    """

    def __init__(self, server: str, key: str) -> None:
        self._server = server.rstrip("/")
        try:
            url = httpx.URL(self._server)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host:
            raise BadRequest(f"{server} is not the URL of a server.", hint="It begins with http:// or https://.")
        self._http = httpx.AsyncClient(
            base_url=self._server,
            headers={"authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            trust_env=not _is_this_machine(url.host),  # no proxy leads to this machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def upload(self, path: Path, on_progress: Callable[[float], None] | None = None) -> Asset:
        """Upload a file and check that it arrived whole (sha256).

        Args:
            path: the file; read as it is sent, never held in memory.
            on_progress: called with the share that has been sent, 0..1.

        Returns:
            the asset: ``completed`` for pictures, ``processing`` for video and audio.

        Raises:
            ServerError: refused, or no answer.
            OSError: the file cannot be read.
        """
        digest, size = hashlib.sha256(), _size(path)
        headers = {
            "x-filename": quote(path.name, safe=""),
            "content-type": "application/octet-stream",
            "content-length": str(size),
        }

        async def pieces() -> AsyncIterator[bytes]:
            sent = 0
            with path.open("rb") as file:
                while sent < size and (piece := await asyncio.to_thread(file.read, min(_CHUNK, size - sent))):
                    digest.update(piece)
                    yield piece
                    sent += len(piece)
                    if on_progress:
                        on_progress(sent / size)
            if sent < size:
                raise ServerError("The file became shorter while it was sent.", code="changed")

        try:
            asset = await self._ask("POST", "/media/upload", content=pieces(), headers=headers)
        except ServerError as error:
            if error.error_code == _BROKEN:
                await self._explain_break()
            raise
        if asset.get("sha256") != digest.hexdigest():
            raise ServerError("The server has other bytes than were sent.", code="digest-mismatch")
        return asset

    async def _explain_break(self) -> None:
        """Say why a server hung up in the middle of an upload: its answer is often lost with the connection.

        Raises: ServerError: what it says about the key, or what else it may be; nothing if it does not answer now.
        """
        try:
            async with asyncio.timeout(_EXPLAIN):
                await self._ask("GET", "/media", params={"limit": 1})
        except TimeoutError:
            return
        except ServerError as error:
            if error.http_status:
                raise
            return
        raise ServerError(
            f"{self._server} stopped reading the file before its end.",
            hint="The file may be larger than the server takes, or too many were uploaded in this hour.",
            code="cut-off",
        )

    async def get(self, asset_id: str) -> Asset:
        """An asset with its renditions and URLs. Raises: ServerError."""
        return await self._ask("GET", f"/media/{quote(asset_id, safe='')}")

    async def set_focal_point(self, asset_id: str, point: tuple[float, float] | None) -> Asset:
        """Say which point of a picture its crops keep: shares (0-1) from the left and the top; None: what was found.

        Raises: ServerError.
        """
        body = {"focal_point": None if point is None else {"x": point[0], "y": point[1]}}
        return await self._ask("PATCH", f"/media/{quote(asset_id, safe='')}", json=body)

    async def srcset(self, asset_id: str, **asked: str) -> dict[str, Any]:
        """A responsive image of a picture: ``urls``, ``srcset``, ``sizes``, ``html``, ...

        Args:
            asset_id: of the picture.
            asked: ``widths`` in px, separated by commas; ``sizes`` and ``alt`` for the HTML; ``formats`` (``auto``, or
                some of ``avif,webp,jpg,png,gif``); ``transformation``.

        Raises:
            ServerError: refused, or no answer.
        """
        return await self._ask("GET", f"/media/{quote(asset_id, safe='')}/srcset", params=asked)

    async def make_renditions(self, asset_id: str, **wanted: str | Sequence[str] | Sequence[int]) -> dict[str, Any]:
        """Have pictures made in the background, before the first visitor comes.

        Args:
            asset_id: of the picture.
            wanted: one of ``transformation``, ``preset``, ``transformations`` and ``widths`` (with these also
                ``formats`` and ``transformation``).

        Returns: the job: ``job_id``, ``status``, ...; see ``job``.

        Raises:
            ServerError: refused, or no answer.
        """
        return await self._ask("POST", f"/media/{quote(asset_id, safe='')}/renditions", json=wanted)

    async def job(self, asset_id: str, job_id: str) -> dict[str, Any]:
        """How far a job is: ``status`` (queued, running, completed, failed, cancelled), ``progress`` 0-100, ``error``.
        Raises: ServerError."""
        return await self._ask("GET", f"/media/{quote(asset_id, safe='')}/jobs/{quote(job_id, safe='')}")

    async def wait(self, asset_id: str, on_progress: Callable[[int, str], None] | None = None) -> Asset:
        """The asset once its processing has ended, however it ended (``status`` says).

        Args:
            asset_id: its id.
            on_progress: called with 0-100 and the name of the stage.

        Raises:
            ServerError: no answer.
        """
        pause = _POLL_FIRST
        while (now := await self._ask("GET", f"/media/{quote(asset_id, safe='')}/status"))["status"] in _WORKING:
            if on_progress:
                on_progress(int(now["progress"]), str(now.get("stage") or now["status"]))
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, _POLL_LAST)
        return await self.get(asset_id)

    async def _ask(self, method: str, path: str, **arguments: Any) -> Asset:
        try:
            response = await self._http.request(method, path, **arguments)
        except httpx.ConnectError as error:
            if isinstance(_cause(error), ssl.SSLError):
                raise ServerError(
                    f"{self._server} has a certificate that is not trusted here.",
                    hint="Set SSL_CERT_FILE to the certificate of its issuer.",
                    code="certificate",
                ) from None
            raise ServerError(
                f"{self._server} does not answer.", hint="Is `renditor serve` running there? --server names another."
            ) from None
        except httpx.TimeoutException:
            raise ServerError(f"{self._server} took too long to answer.", hint="Try again.") from None
        except httpx.HTTPError as error:
            raise ServerError(
                f"The connection to {self._server} broke ({type(error).__name__}).", hint="Try again.", code=_BROKEN
            ) from None
        return _read(response)


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
        try:
            parts = httpx.URL(url)
        except httpx.InvalidURL:
            parts = httpx.URL()
        if parts.scheme not in ("http", "https") or not parts.host:
            raise BadRequest(f"{url} is not the URL of a stream.", hint="It begins with http:// or https://.")
        self.origin = f"{parts.scheme}://{parts.netloc.decode()}"
        self.entry = parts.raw_path.decode().lstrip("/")
        self._left = most_bytes
        self._sizes: dict[str, int] = {}
        self._whole: dict[str, bytes] = {}
        self._http = httpx.AsyncClient(
            headers={"accept-encoding": "identity"},  # ranges count the bytes as they are stored
            timeout=_TIMEOUT,
            trust_env=not _is_this_machine(parts.host),
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
            NotFound: 404 or 410.
            TooLarge: more than ``most_bytes`` in all, or a file of more than 64 MiB from a server without ranges.
            ServerError: any other answer, or none.
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
            for _ in range(_MOST_REDIRECTS):
                async with self._http.stream("GET", url, headers=headers) as answer:
                    if not answer.has_redirect_location:
                        _expect(answer, name)
                        return answer, await self._body(answer)
                    url = url.join(answer.headers["location"])
                    if f"{url.scheme}://{url.netloc.decode()}" != self.origin:
                        raise ServerError(f"{self.origin} sends on to another server.", code="redirected")
        except httpx.TimeoutException:
            raise ServerError(f"{self.origin} took too long to answer.", hint="Try again.") from None
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


def _expect(answer: httpx.Response, name: str) -> None:
    if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise NotFound
    if answer.status_code not in (
        httpx.codes.OK, httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE,
    ):  # fmt: skip
        raise ServerError(f"The server answers {answer.status_code} to {name}.", http_status=answer.status_code)


def _cut(data: bytes, span: tuple[int, int] | None) -> bytes:
    return data if span is None else data[span[0] : span[0] + span[1]]


def _size(path: Path) -> int:
    return path.stat().st_size


def _read(response: httpx.Response) -> Asset:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or (response.is_error and "code" not in body):
        raise ServerError(
            f"The answer ({response.status_code}) is not one of a renditor server.",
            hint="Check the URL: it is the one that `renditor serve` prints.",
            code="not-renditor",
            http_status=response.status_code,
        )
    if response.is_error:
        raise ServerError(
            str(body.get("detail") or body.get("title")),
            hint=body.get("hint"),
            code=str(body["code"]),
            http_status=response.status_code,
        )
    return body


def _cause(error: BaseException) -> BaseException:
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""A typed client of a renditor server: uploads that stream, and waiting for what is made of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from renditor.client.answers import BROKEN, TIMEOUT, Asset, ServerError, is_this_machine, parse_url, read, unreachable
from renditor.client.events import Event, Patience, events_of

# Bytes of one piece of an upload: large enough to cost little, small enough to show progress on a slow line.
_CHUNK = 256 * 1024
_POLL_FIRST, _POLL_LAST = 0.3, 3.0  # seconds between two questions: quick for short jobs, cheap for long ones
# How long a server may be silent that says every 15 s that its stream of events lives, in seconds.
_LISTENING = httpx.Timeout(60, connect=10)
_WORKING = ("uploaded", "processing")
_EXPLAIN = 5  # seconds to find out why


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
        url = parse_url(self._server, "server")
        self._http = httpx.AsyncClient(
            base_url=self._server,
            headers={"authorization": f"Bearer {key}"},
            timeout=TIMEOUT,
            trust_env=not is_this_machine(url.host),  # no proxy leads to this machine
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
            if error.error_code == BROKEN:
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

    async def usage(self) -> dict[str, Any]:
        """What the owner of the key has: ``bytes``, ``files``, ``open_uploads`` and ``running_jobs``, each as ``used``
        and ``limit`` (None: no limit); ``rates`` by their name. Raises: ServerError."""
        return await self._ask("GET", "/usage")

    async def delete(self, asset_id: str) -> None:
        """Remove an asset with all that was made of it. Raises: ServerError."""
        await self._send("DELETE", f"/media/{quote(asset_id, safe='')}")

    async def cancel(self, asset_id: str) -> dict[str, Any]:
        """Stop the processing of an asset. Returns its status. Raises: ServerError: 409 where there is none."""
        return await self._ask("POST", f"/media/{quote(asset_id, safe='')}/cancel")

    async def add_captions(self, asset_id: str, path: Path, **options: str) -> dict[str, Any]:
        """Make a file of WebVTT or SRT a text track of a completed video.

        Args:
            asset_id: of the video.
            path: the file.
            options: ``language`` (a BCP 47 tag), ``label``, ``kind`` (``captions`` or ``subtitles``), ``default`` and
                ``forced`` (``true``).

        Returns: ``name``, ``language``, ``label``, ``kind``, ``default``, ``forced``, ``url``.

        Raises:
            ServerError: refused (its text names the line at fault), or no answer.
            OSError: the file cannot be read.
        """
        content = await asyncio.to_thread(path.read_bytes)
        address = f"/media/{quote(asset_id, safe='')}/captions"
        return await self._ask("POST", address, content=content, params=options, headers={"content-type": "text/plain"})

    async def captions(self, asset_id: str) -> list[dict[str, Any]]:
        """The text tracks of a video. Raises: ServerError."""
        found: list[dict[str, Any]] = (await self._ask("GET", f"/media/{quote(asset_id, safe='')}/captions"))["items"]
        return found

    async def remove_captions(self, asset_id: str, name: str) -> None:
        """Remove a text track from a video. Raises: ServerError."""
        await self._send("DELETE", f"/media/{quote(asset_id, safe='')}/captions/{quote(name, safe='')}")

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
        """Have pictures made in the background, before the first visitor comes; or all of a video or audio anew.

        Args:
            asset_id: of the asset.
            wanted: one of ``transformation``, ``preset``, ``transformations`` and ``widths`` (with these also
                ``formats`` and ``transformation``); of a video or audio: ``recipe``, to make everything anew.

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

    async def events(self, asset_id: str, patience: float = 60) -> AsyncIterator[Event]:
        """What happens to an asset, until it is done: the last event says how.

        A connection that breaks is made again, and goes on behind the last event. Ends without an event that is the
        last one when the asset was deleted while one listened.

        Args:
            asset_id: of the asset.
            patience: for how many seconds the server may refuse connections or be busy, as one that is started anew is.
                When it says how long to leave it alone (``Retry-After``), that is done.

        Raises:
            ServerError: refused (unknown asset, too many streams), or no answer for longer than that.
        """
        path = f"/media/{quote(asset_id, safe='')}/events"
        waiting = Patience(patience)
        last, heard = "", False
        while True:
            trouble: ServerError | None = None
            try:
                headers = {"accept": "text/event-stream"} | ({"last-event-id": last} if last else {})
                async with self._http.stream("GET", path, headers=headers, timeout=_LISTENING) as response:
                    if response.is_error:
                        await response.aread()
                        read(response)
                    waiting.connected()
                    heard = True
                    async for event in events_of(response):
                        last = event.id
                        waiting.reset()
                        yield event
                        if event.is_last:
                            return
                if response.status_code == httpx.codes.NO_CONTENT:
                    return
            except httpx.HTTPError as error:
                trouble = unreachable(self._server, error)
            except ServerError as error:
                if heard and error.http_status == httpx.codes.NOT_FOUND:
                    return
                trouble = error
            await asyncio.sleep(waiting.pause(trouble, crowded=heard))

    async def _ask(self, method: str, path: str, **arguments: Any) -> Asset:
        return read(await self._send(method, path, **arguments))

    async def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise unreachable(self._server, error) from None
        if response.is_error:
            read(response)
        return response


def _size(path: Path) -> int:
    return path.stat().st_size

"""renditor inside a program of one's own: the same service, with its rooms built and started in this process.

async with MediaProcessingService("data") as media:
    photo = await media.process_upload(Path("cat.jpg"), user)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

from renditor import app, config, service
from renditor.api.cors import Origins
from renditor.api.delivery import Delivery, Message, Receive, Scope, Send
from renditor.api.views import Views
from renditor.catalog.assets import made_of
from renditor.deliver.offers import Asked
from renditor.errors import Forbidden, Unprocessable
from renditor.ingest import CaptionOptions, UploadOptions
from renditor.models import DEFAULT_TENANT, Principal
from renditor.routing import MediaRouter

_CHUNK = 1024 * 1024
_POLL_SECONDS = 0.25


class User(Protocol):
    """Any object with an ``id``. Where it also has ``can_upload``, that is respected."""

    @property
    def id(self) -> Any: ...


class AsyncFile(Protocol):
    """What FastAPI and Starlette call ``UploadFile``."""

    @property
    def filename(self) -> str | None: ...

    async def read(self, size: int = -1) -> bytes: ...


File = Path | str | bytes | BinaryIO | AsyncFile


class MediaProcessingService(service.MediaProcessingService):
    """Uploads, processing and delivery without a server of ours.

    Args:
        data: folder for everything that is kept; one folder may be shared with a server on the same machine.
        settings: any setting by name, such as ``public_url="https://media.example.com"``; the rest comes from
            ``renditor.toml`` and the environment as always.

    Raises:
        BadRequest: a setting is wrong.
    """

    def __init__(self, data: Path | str = "data", **settings: Any) -> None:
        self._settings = config.load(data=Path(data), **settings)
        self._app: app.App | None = None

    async def start(self) -> None:
        """Build everything and begin to take jobs. Call it in the main thread (a FastAPI lifespan does)."""
        await asyncio.to_thread(app.first_start, self._settings, make_key=False)
        self._app = app.build(self._settings, "embedded")
        super().__init__(self._app.service.flows)
        self._views = Views(self._settings.delivery_url, self.flows.deliver.gate.opened)
        await asyncio.to_thread(self._app.jobs.start_worker)

    async def stop(self) -> None:
        """Stop; unfinished processing goes on at the next start."""
        if self._app:
            await self._app.close()
            self._app = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def router(self) -> MediaRouter:
        """Which provider works on which media type."""
        return self.flows.deliver.router

    async def process_upload(self, file: File, user: User, **options: str) -> dict[str, Any]:
        """Take a file in for a user of the caller's own.

        Args:
            file: a path, bytes, an open binary file, or an ``UploadFile``.
            user: whoever uploads; ``user.id`` becomes the owner.
            options: public_id, folder, visibility, tags (separated by commas), recipe, overwrite.

        Returns:
            The asset as the API shows it: ``id``, ``status`` (``completed`` for images, ``processing`` for video and
            audio), ``url``, ``media_type``, ...

        Raises:
            Forbidden: ``user.can_upload`` is false; and all that ``Ingest.upload`` raises.
        """
        principal = self._principal(user)
        if not getattr(user, "can_upload", True):
            raise Forbidden("This user may not upload.")
        name, chunks = _open(file)
        asset = await self.upload(principal, chunks(), lambda: UploadOptions.read(options, name))
        return self._views.asset(asset)

    async def media(self, media_id: str, user: User) -> dict[str, Any]:
        """The user's asset with its renditions and URLs. Raises: NotFound."""
        return self._views.asset(*await self.get(self._principal(user), media_id))

    async def status(self, media_id: str, user: User) -> dict[str, Any]:
        """``id, status, progress (0-100), stage, url, error``. Raises: NotFound."""
        asset, renditions = await self.get(self._principal(user), media_id)
        return self._views.status(asset, made_of(renditions))

    async def wait(self, media_id: str, user: User, *, seconds: float = 3600) -> dict[str, Any]:
        """``media`` once processing has ended, one way or the other.

        Raises: NotFound; TimeoutError after ``seconds``.
        """
        end = time.monotonic() + seconds
        while (found := await self.media(media_id, user))["status"] in ("uploaded", "processing"):
            if time.monotonic() > end:
                raise TimeoutError
            await asyncio.sleep(_POLL_SECONDS)
        return found

    async def watch(self, media_id: str, user: User) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """What happens to an asset until it is done: the name of each event and what it tells.

        ``job.progress`` (``id, status, progress, stage``), ``asset.playable``, and in the end one of ``asset.ready``,
        ``asset.failed`` and ``asset.cancelled`` (as ``status``). It ends without one of these when the asset is
        deleted.

        Raises: NotFound; TooManyRequests, Overloaded: too many listen already.
        """
        async for event in self.events(self._principal(user), media_id):
            yield event.name, self._views.event(event)

    async def attach_captions(self, media_id: str, file: File, user: User, **options: str) -> dict[str, Any]:
        """Make WebVTT or SRT a text track of a completed video.

        Args:
            media_id: of the video.
            file: the captions.
            user: whose video it is.
            options: ``language`` (a BCP 47 tag), ``label``, ``kind`` (``captions`` or ``subtitles``), ``default`` and
                ``forced`` (``true``).

        Returns: ``name``, ``language``, ``label``, ``kind``, ``default``, ``forced``, ``url``.

        Raises: NotFound; Conflict: it is not completed, or the label is taken; TooLarge; Unprocessable: no captions,
            with the line at fault.
        """
        _, chunks = _open(file)
        principal = self._principal(user)
        rendition, track = await self.add_captions(principal, media_id, chunks(), CaptionOptions.read(options))
        return self._views.caption((await self.get(principal, media_id))[0], rendition, track)

    async def detach_captions(self, media_id: str, name: str, user: User) -> None:
        """Remove a text track from a video. Raises: NotFound: video or track; Conflict."""
        await self.remove_captions(self._principal(user), media_id, name)

    async def set_focal_point(self, media_id: str, user: User, point: tuple[float, float] | None) -> dict[str, Any]:
        """Say which point of a picture its crops keep: shares (0-1) from the left and the top; None: what was found.

        Raises: NotFound; Unprocessable: no picture, or a point outside of it.
        """
        if point is not None and not all(0 <= share <= 1 for share in point):
            raise Unprocessable("focal_point: x and y are shares, from 0 to 1.", code="invalid-body")
        await self.change(self._principal(user), media_id, focal_point=point or "found")
        return await self.media(media_id, user)

    async def snippet(self, media_id: str, user: User, **asked: str) -> dict[str, Any]:
        """A responsive image for a page.

        Args:
            media_id: of the picture.
            user: whose it is.
            asked: ``widths`` in px, separated by commas; ``sizes`` and ``alt`` for the HTML; ``formats`` (``auto``, or
                some of ``avif,webp,jpg,png,gif``); ``transformation`` (a chain or a preset).

        Returns: ``urls``, ``srcset``, ``sizes``, ``html``, ...

        Raises: NotFound, Conflict (it is private), Unprocessable, InvalidTransformation.
        """
        return self._views.responsive(*await self.srcset(self._principal(user), media_id, Asked(**asked)))

    async def prepare(self, media_id: str, user: User, *transformations: str, **asked: str) -> dict[str, Any]:
        """Have pictures made in the background: those of ``transformations`` (presets too: ``t_thumb``), and those that
        ``snippet`` offers for ``asked``.

        Returns: the job: ``job_id``, ``status``, ``progress`` (0-100), ``error``.

        Raises: NotFound, Unprocessable, InvalidTransformation.
        """
        responsive = Asked(**asked) if asked else None
        job = await self.make_renditions(self._principal(user), media_id, transformations, responsive)
        return self._views.job(job)

    async def process_again(self, media_id: str, user: User, recipe: str) -> dict[str, Any]:
        """Make everything of a video or audio anew, by another recipe or (after it failed) by the same.

        Returns: the job, as ``prepare``. What there is stays until all of the new is there.

        Raises: NotFound; BadRequest: no such recipe for this type; Conflict: another recipe is at work on it.
        """
        return self._views.job(await self.run_recipe(self._principal(user), media_id, recipe))

    async def prepared(self, media_id: str, job_id: str, user: User) -> dict[str, Any]:
        """How far such a job is. Raises: NotFound."""
        return self._views.job(await self.job(self._principal(user), media_id, job_id))

    async def remove(self, media_id: str, user: User) -> None:
        """Delete the user's asset with all that was made of it. Raises: NotFound."""
        await self.delete(self._principal(user), media_id)

    async def delivery(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application for delivery URLs: ``app.mount("/", media.delivery)``, after all other routes."""
        del receive
        flows = self.flows
        delivery = Delivery(flows.deliver, flows.remote, flows.audit, Origins(()))
        if scope["type"] != "http" or not await delivery(scope, send):
            start: Message = {"type": "http.response.start", "status": 404, "headers": []}
            await send(start)
            await send({"type": "http.response.body", "body": b""})

    @staticmethod
    def _principal(user: User) -> Principal:
        return Principal(owner=str(user.id), tenant=DEFAULT_TENANT, scopes=frozenset({"write"}), kind="program")


def _open(file: File) -> tuple[str | None, Callable[[], AsyncIterator[bytes]]]:
    """The file's name, and its bytes in chunks; blocking files are read in a thread."""
    if isinstance(file, bytes):
        content = file

        async def whole() -> AsyncIterator[bytes]:
            yield content

        return None, whole
    if isinstance(file, str | Path):
        path = Path(file)

        async def from_path() -> AsyncIterator[bytes]:
            with await asyncio.to_thread(path.open, "rb") as opened:
                while chunk := await asyncio.to_thread(opened.read, _CHUNK):
                    yield chunk

        return path.name, from_path
    name = getattr(file, "filename", None) or getattr(file, "name", None)
    read: Callable[[int], Any] = file.read

    async def from_file() -> AsyncIterator[bytes]:
        is_async = asyncio.iscoroutinefunction(read)
        while chunk := await (read(_CHUNK) if is_async else asyncio.to_thread(read, _CHUNK)):
            yield chunk

    return name if isinstance(name, str) else None, from_file

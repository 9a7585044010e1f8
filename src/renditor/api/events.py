"""``GET /media/{id}/events``: what happens to an asset, as a stream of server-sent events (WHATWG HTML, 9.2)."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from renditor.api.routes import Needs, refusals
from renditor.api.views import Views
from renditor.errors import RenditorError
from renditor.models import Principal
from renditor.recipes.watching import Event, Watch
from renditor.service import MediaProcessingService

CONTENT_TYPE: Final = "text/event-stream"
# How long a client waits before it connects again, in ms.
_RETRY_MS = 2000
_HEADERS = {
    "content-type": CONTENT_TYPE,
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would keep events until its buffer is full
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events as they happen.", "content": {CONTENT_TYPE: {}}},
    204: {"description": "The client has the last event already: there will be no other."},
}
# A revoked key listens no longer than 5 s, which is 2 s more for a retired secret. One look is one row by its
# primary key, or one signature.
_LOOK_SECONDS = 3
# A longer id is none of ours.
_LONGEST_ID = 200


class EventStream(Response):
    """Sends the events of a listener, and notices when nobody reads them any more, or may.

    ``allowed``: whether the key of the listener still opens what it did.
    """

    def __init__(self, watch: Watch, views: Views, allowed: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._watch = watch
        self._views = views
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the way of ASGI
        """Send until the listener is told no more, has gone, or may listen no more."""
        looking = asyncio.create_task(self._look())
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            self._watch.close()
            for task in (sending, leaving, looking):
                task.cancel()
            await asyncio.gather(sending, leaving, looking, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await _say(send, f"retry: {_RETRY_MS}\n\n")
        async for event in self._watch:
            await _say(send, ":\n\n" if event is None else self._text(event))
        await send({"type": "http.response.body", "body": b""})

    async def _look(self) -> None:
        """End the stream when its key was revoked or has expired."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            # While the database does not answer there are no events either.
            with contextlib.suppress(RenditorError):
                if not await self._allowed():
                    self._watch.end()
                    return

    def _text(self, event: Event) -> str:
        data = json.dumps(self._views.event(event), separators=(",", ":"))
        return f"id: {event.id}\nevent: {event.name}\ndata: {data}\n\n"


async def _say(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def router(service: MediaProcessingService, views: Views) -> APIRouter:
    """The route; ``views`` makes the URLs of the answers."""
    routes = APIRouter(prefix="/media", tags=["media"], responses=refusals(401, 403, 503))
    follower = Needs(service, "follow")

    @routes.get(
        "/{media_id}/events",
        status_code=200,
        response_class=EventStream,
        responses=_ANSWERS | refusals(404, 429),
        summary="Follow an asset",
    )
    async def events(
        request: Request,
        media_id: str,
        principal: Annotated[Principal, Depends(follower)],
        last_event_id: Annotated[str | None, Header(description="Go on behind this event.")] = None,
    ) -> Response:
        """Server-sent events: `job.progress`, `asset.playable` (its stream can be played already), and in the end
        `asset.ready`, `asset.failed` or `asset.cancelled`. An asset that is done has its last event at once.

        The stream ends after that event, when the asset is deleted, or when your key or token is good no longer.
        """
        last = last_event_id if last_event_id and len(last_event_id) <= _LONGEST_ID else None
        watch = await service.listen(principal, media_id, last)
        if watch.exhausted:
            watch.close()
            return Response(status_code=204)
        return EventStream(watch, views, partial(follower.still, request))

    return routes

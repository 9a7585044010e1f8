"""Server-sent events as they come over the line (WHATWG HTML, 9.2.6)."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from renditor.client.answers import ServerError

# What a server, or a proxy before it, answers while it starts, stops or is busy.
_PASSING: Final = frozenset({0, 502, 503, 504})
# The first and the longest pause before a server is asked again, and how long a stream must have stood for its end to
# be the first failure again; seconds.
_AGAIN, _LONGEST, _STEADY = 0.5, 10.0, 5.0

# After one of these nothing else comes.
_LAST: Final = frozenset({"asset.ready", "asset.failed", "asset.cancelled"})


@dataclass(frozen=True, slots=True)
class Event:
    """``name``: ``job.progress``, ``asset.playable``, ``asset.ready``, ``asset.failed``, ``asset.cancelled``.

    ``data``: ``id``, ``status``, ``progress`` (0-100) and ``stage``; with all but ``job.progress`` also the URLs that
    there are and ``error``. ``id``: where to go on.
    """

    name: str
    data: dict[str, Any]
    id: str

    @property
    def is_last(self) -> bool:
        """Whether the asset is done: nothing else will happen."""
        return self.name in _LAST


class Patience:
    """Goes on asking a server that does not answer now, but not for ever.

    Args:
        seconds: for which it may fail, from the first failure on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._connected: float | None = None
        self.reset()

    def reset(self) -> None:
        """Something was heard."""
        self._failing_since: float | None = None
        self._next = _AGAIN

    def connected(self) -> None:
        """A stream was opened."""
        self._connected = time.monotonic()

    def pause(self, error: ServerError | None, *, crowded: bool = False) -> float:
        """How long to wait before the server is asked again, in seconds.

        Args:
            error: what it said; None: its stream ended in order.
            crowded: whether too many streams may be a reason that passes: our own that broke may still count.

        Raises:
            ServerError: the same, where it will not pass, or did not for too long.
        """
        now = time.monotonic()
        if self._connected is not None and now - self._connected > _STEADY:
            self.reset()
        self._connected = None
        if error is None:
            return _AGAIN
        if error.http_status not in _PASSING and not (crowded and error.http_status == httpx.codes.TOO_MANY_REQUESTS):
            raise error
        if self._failing_since is None:
            self._failing_since = now
        wait = max(error.retry_after, self._next)
        self._next = min(_LONGEST, self._next * 2)
        if now + wait > self._failing_since + self._seconds:
            raise error
        return wait


async def events_of(response: httpx.Response) -> AsyncIterator[Event]:
    """The events of an answer, as they come. What cannot be read is left out."""
    parser = Parser()
    async for line in response.aiter_lines():
        for event in parser.feed(line):
            yield event


class Parser:
    """Puts lines together to events. An event ends with an empty line; one without it is cut off, and is none."""

    def __init__(self) -> None:
        self._id, self._name = "", "message"
        self._data: list[str] = []

    def feed(self, line: str) -> Iterator[Event]:
        """Take one line without its end; gives the event that it completes."""
        if not line:
            event = self._event()
            self._name, self._data = "message", []  # the id stays: it is that of the last event
            if event is not None:
                yield event
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        elif field == "id" and "\0" not in value:
            self._id = value

    def _event(self) -> Event | None:
        try:
            data = json.loads("\n".join(self._data))
        except (ValueError, RecursionError):
            return None
        return Event(self._name, data, self._id) if isinstance(data, dict) else None

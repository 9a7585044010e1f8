"""Server-sent events as they come over the line (WHATWG HTML, 9.2.6)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

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

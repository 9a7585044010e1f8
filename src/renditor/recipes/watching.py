"""Tells listeners how far assets are, until they are done.

However many listen, and to however many assets, a process asks the catalog once in each interval, in one query: so it
does not matter which process works on them, nor which database it is. What a listener is told follows from what it was
told last and from what is so now: one whose connection broke goes on from the id of the last event that it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal, Self

from renditor.catalog import assets
from renditor.catalog.assets import Made
from renditor.catalog.base import Catalog
from renditor.errors import Overloaded, RenditorError, TooManyRequests
from renditor.models import Asset, Status
from renditor.recipes.settings import EventSettings

EventName = Literal["job.progress", "asset.playable", "asset.ready", "asset.failed", "asset.cancelled"]

_ENDS: Final[dict[Status, EventName]] = {
    "completed": "asset.ready",
    "failed": "asset.failed",
    "cancelled": "asset.cancelled",
}
# Assets in one question: databases limit how many values a statement may carry.
_AT_ONCE = 500
_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an asset. ``id``: to go on from here; ``made``: what recipes have made of it."""

    name: EventName
    id: str
    asset: Asset
    made: Made


@dataclass(frozen=True, slots=True)
class _Told:
    """All that listeners know; written as the id of an event."""

    status: str = ""
    percent: int = -1
    stage: str = ""
    playable: bool = False

    def __str__(self) -> str:
        return f"{self.status}.{self.percent}.{int(self.playable)}.{self.stage}"

    @classmethod
    def read(cls, text: str | None) -> _Told:
        """What the id says that a client sent; nothing where it is not one of ours."""
        parts = (text or "").split(".", 3)
        if len(parts) < 4 or not parts[1].isdecimal() or len(parts[1]) > 3:
            return cls()
        return cls(parts[0], int(parts[1]), parts[3], parts[2] == "1")


@dataclass(frozen=True, slots=True)
class _Seen:
    asset: Asset
    made: Made

    @property
    def state(self) -> _Told:
        asset = self.asset
        return _Told(asset.status, asset.progress, asset.stage or "", playable="hls" in self.made)


class Watch:
    """One listener to one asset: an iterator over its events, and None whenever there was no news for a while.

    Ends after the event that says how the asset ended, when the asset is gone, after ``stream_seconds``, and when the
    process stops. ``close`` it in any case.
    """

    def __init__(self, watching: Watching, first: _Seen, last: str | None) -> None:
        self._watching = watching
        self._seen = first
        self._told = _Told.read(last)
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()
        self._over = False
        self._end = time.monotonic() + watching.settings.stream_seconds
        self.asset_id = first.asset.id
        self.bucket = (first.asset.tenant, first.asset.owner)
        # A client that has the last event and asks again is to be told that there is nothing more.
        self.exhausted = first.asset.status in _ENDS and self._told == first.state
        self.take(first)

    def take(self, seen: _Seen | None) -> None:
        """What is so now; None: the asset is gone."""
        if self._over:
            return
        if seen is None:
            self.end()
            return
        self._seen = seen
        name = _ENDS.get(seen.asset.status)
        now = seen.state
        if name is None and self._told.playable:
            # Also while it is not: its worker died, and another makes it again. Nobody is told the same twice.
            now = replace(now, playable=True)
        if name is not None:
            self._tell(name, now)
            self.end()
        elif now.playable and not self._told.playable:
            told = self._told
            self._tell("asset.playable", _Told(told.status, max(0, told.percent), told.stage, playable=True))
        if name is None and now != self._told:
            self._tell("job.progress", now)

    def _tell(self, name: EventName, told: _Told) -> None:
        self._told = told
        # Who reads slowly is told the latest only.
        if self._events and self._events[-1].name == name == "job.progress":
            self._events.pop()
        self._events.append(Event(name, str(told), self._seen.asset, self._seen.made))
        self._news.set()

    def end(self) -> None:
        """Nothing more comes but what is waiting."""
        self._over = True
        self._news.set()

    def close(self) -> None:
        self._watching.forget(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event | None:
        left = self._end - time.monotonic()
        if not self._events and not self._over and left > 0:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, self._watching.settings.keep_alive_seconds)):
                    await self._news.wait()
        if self._events:
            return self._events.popleft()
        if self._over or time.monotonic() >= self._end:
            raise StopAsyncIteration
        return None


@dataclass(slots=True)
class Watching:
    """All listeners of one process, in one event loop."""

    catalog: Catalog
    settings: EventSettings
    _watches: dict[str, set[Watch]] = field(default_factory=dict)
    _count: Counter[tuple[str, str]] = field(default_factory=Counter)
    _asking: asyncio.Task[None] | None = None
    _closed: bool = False

    def watch(self, asset: Asset, made: Made, last: str | None = None) -> Watch:
        """Listen to an asset of an owner who may.

        Args:
            asset: as it is now.
            made: what recipes have made of it.
            last: the id of the last event that the listener has.

        Raises:
            TooManyRequests: the owner has too many streams.
            Overloaded: the process has, or it stops.
        """
        if self._closed or self._count.total() >= self.settings.streams:
            raise Overloaded("Too many streams of events are open.", hint="Ask /media/{id}/status instead.")
        new = Watch(self, _Seen(asset, made), last)
        if self._count[new.bucket] >= self.settings.streams_per_owner:
            raise TooManyRequests(
                f"More than {self.settings.streams_per_owner} streams of events are open.",
                hint="Close some of them, or ask /media/{id}/status. The setting is events.streams_per_owner.",
                code="too-many-streams",
                retry_after=_RETRY_SECONDS,
            )
        self._count[new.bucket] += 1
        self._watches.setdefault(new.asset_id, set()).add(new)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return new

    def forget(self, watch: Watch) -> None:
        """It listens no more."""
        listening = self._watches.get(watch.asset_id, set())
        if watch in listening:
            listening.remove(watch)
            self._count[watch.bucket] -= 1
        if not listening:
            self._watches.pop(watch.asset_id, None)

    def close(self) -> None:
        """End all streams: the process stops."""
        self._closed = True
        for watch in self._all():
            watch.end()
        if self._asking is not None:
            self._asking.cancel()

    def _all(self) -> list[Watch]:
        return [watch for listening in self._watches.values() for watch in listening]

    async def _ask(self) -> None:
        while self._watches:
            await asyncio.sleep(self.settings.poll_seconds)
            ids = list(self._watches)
            for at in range(0, len(ids), _AT_ONCE):
                some = ids[at : at + _AT_ONCE]
                # A database that does not answer now may do so in a moment; until then there is no news.
                with contextlib.suppress(RenditorError):
                    self._spread(some, await self.catalog.read(partial(_look, asset_ids=some)))

    def _spread(self, asked: list[str], found: dict[str, _Seen]) -> None:
        for asset_id in asked:
            for watch in list(self._watches.get(asset_id, ())):
                watch.take(found.get(asset_id))


def _look(connection: Any, asset_ids: list[str]) -> dict[str, _Seen]:
    # In this order: what is complete is never told without what was made of it.
    found = assets.several(connection, asset_ids)
    made = assets.made_of_all(connection, asset_ids)
    return {item.id: _Seen(item, made[item.id]) for item in found}

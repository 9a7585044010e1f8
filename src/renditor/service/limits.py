"""Who may do how much: the one place that counts uploads, requests and failed logins.

Where nothing can be counted, requests are admitted all the same: the answers to owners do not hang on a counter, and
whoever asks too often is no danger by itself. Uploads and bad keys are not: they fill a disk, and find a key.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Final

from renditor import observe
from renditor.access.ratelimit import Rate, network_of
from renditor.catalog.ratelimits import RateLimits, Standing
from renditor.errors import RenditorError, TooManyRequests, Unavailable
from renditor.jobs.base import JobEngine
from renditor.models import Principal

# Others hold the counters for less than a millisecond; a machine that is very busy makes it more. Seconds.
_ATTEMPTS: Final = 5
_BETWEEN: Final = 0.05
_SWEEP_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Limited:
    """That a limit applied to a request, for its answer. ``name``: of the policy."""

    name: str
    rate: Rate
    standing: Standing


@dataclass(frozen=True, slots=True)
class Limits:
    """The rates of a server; None: no limit.

    ``uploads`` and ``requests``: of one owner, whoever of its keys asks; ``addresses``: requests from one address;
    ``failures``: bad keys from one address. Keys with the scope admin are exempt from those of owners.
    """

    counters: RateLimits
    uploads: Rate
    requests: Rate | None
    addresses: Rate | None
    failures: Rate

    async def admit_address(self, address: str) -> Limited | None:
        """Count a request before anything of it is looked at. Returns: the limit, where it was the last one."""
        return await self._open("address", network_of(address), self.addresses)

    async def admit_request(self, principal: Principal) -> Limited | None:
        """Count a request of an owner."""
        return None if principal.may("admin") else await self._open("requests", _owner(principal), self.requests)

    async def admit_upload(self, principal: Principal) -> Limited | None:
        """Count an upload of an owner. Raises: Unavailable, OutOfSpace: it cannot be counted."""
        if principal.may("admin"):
            return None
        rate = self.uploads_of(principal)
        return Limited("uploads", rate, await self._closed(f"uploads:{_owner(principal)}", rate))

    async def admit_failure(self, address: str) -> Limited:
        """Count a bad key. Raises: Unavailable, OutOfSpace: it cannot be counted."""
        found = await self._closed(f"logins:{network_of(address)}", self.failures)
        return Limited("logins", self.failures, found)

    async def standings(self, principal: Principal) -> list[Limited]:
        """Where the limits of an owner stand; nothing is counted. Raises: Unavailable."""
        if principal.may("admin"):
            return []
        rates = {"uploads": self.uploads_of(principal), "requests": self.requests}
        asked = ((name, rate) for name, rate in rates.items() if rate is not None)
        return [
            Limited(name, rate, await self.counters.look(f"{name}:{_owner(principal)}", rate)) for name, rate in asked
        ]

    def uploads_of(self, principal: Principal) -> Rate:
        """The rate of the key, else that of the server."""
        return Rate.parse(principal.uploads) if principal.uploads else self.uploads

    def register(self, engine: JobEngine) -> None:
        """Make the sweep known to an engine that will run it."""
        engine.schedule("rates", _SWEEP_SECONDS, self.counters.sweep)

    async def _open(self, name: str, who: str, rate: Rate | None) -> Limited | None:
        if rate is None:
            return None
        try:
            return Limited(name, rate, await self.counters.take(f"{name}:{who}", rate))
        except RenditorError as error:
            observe.log().warning("request_not_counted", limit=name, error=error.detail)
            return None

    async def _closed(self, key: str, rate: Rate) -> Standing:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self.counters.take(key, rate)
            except Unavailable:
                await asyncio.sleep(_BETWEEN)
        return await self.counters.take(key, rate)


_REFUSALS: Final = {
    "uploads": ("uploads", "The limit is RENDITOR_LIMITS__UPLOADS, or of the key: renditor keys create --uploads."),
    "requests": ("requests", "The limit is RENDITOR_LIMITS__REQUESTS."),
    "address": ("requests from this address", "The limit is RENDITOR_LIMITS__ADDRESS_REQUESTS."),
    "logins": ("failed attempts from this address", "The limit is RENDITOR_ACCESS__FAILED_LOGINS."),
}


def expect_admitted(limited: Limited | None) -> None:
    """Raises: TooManyRequests: the limit was reached."""
    if limited is None or limited.standing.admitted:
        return
    what, hint = _REFUSALS[limited.name]
    raise TooManyRequests(
        f"More than {limited.rate.count} {what} in {limited.rate.period} seconds.",
        hint=hint,
        retry_after=max(1, math.ceil(limited.standing.wait)),
    )


def _owner(principal: Principal) -> str:
    return f"{principal.tenant}:{principal.owner}"

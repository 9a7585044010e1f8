"""Requests that are sent again (``Idempotency-Key``): the same request makes one asset, however often it comes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from renditor.catalog import assets, idempotency
from renditor.catalog.base import Catalog
from renditor.catalog.idempotency import Claim
from renditor.errors import BadRequest, RenditorError, StillUploading, Unprocessable
from renditor.models import Asset, Principal, new_id, now_ms

# Visible characters, as long as clients make them (a UUID has 36). They are stored as a hash.
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
# A request gives a sign of life this often (seconds); one without any for so long was killed. ms.
_SIGN_EVERY: Final = 60.0
_DEAD_MS: Final = 300_000
# How long a key is known after that.
_KEPT_MS: Final = 86_400_000
SWEEP_EVERY: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Repeat:
    """A request that may come again: its key, and what tells it from others with the same key."""

    key: str
    fingerprint: str

    @classmethod
    def read(cls, key: str | None, *said: object) -> Repeat | None:
        """None: without a key it is only sent once. ``said``: all that makes it this request, as JSON knows it.

        Raises: BadRequest.
        """
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            raise BadRequest("Idempotency-Key is 1 to 255 visible ASCII characters.", code="bad-idempotency-key")
        return cls(key, _hash(*said))


@dataclass(frozen=True, slots=True)
class Repeats:
    """Tells first requests from those that come again, exactly, in any number of processes."""

    catalog: Catalog

    async def once(
        self, principal: Principal, repeat: Repeat | None, make: Callable[[str | None], Awaitable[Asset]]
    ) -> Asset:
        """The asset that ``make`` makes, or has made for an earlier request with the same key.

        Args:
            principal: keys are an owner's; those of an upload token are its own.
            repeat: None: nothing is remembered.
            make: takes the id that the asset is to have.

        Raises:
            StillUploading: the first one is at it; Unprocessable: the key was used for another request; and what
            ``make`` raises: the key is then free again.
        """
        if repeat is None:
            return await make(None)
        key = _hash(principal.allowance.token_id if principal.allowance else None, repeat.key)
        new = Claim(repeat.fingerprint, new_id(), now_ms(), mine=True)
        claim, made = await self.catalog.write(lambda c: _claim(c, principal, key, new))
        if claim.fingerprint != repeat.fingerprint:
            raise Unprocessable(
                "This Idempotency-Key was used for another request.",
                code="idempotency-mismatch",
                hint="Make a new key for each upload, and send the same request again with the same key.",
            )
        if made is not None:
            return made
        if not claim.mine:
            raise StillUploading(hint="Send it again later: it then gets the asset of the first one.")
        try:
            async with self._alive(principal, key, claim.asset_id):
                return await make(claim.asset_id)
        except Exception:
            with contextlib.suppress(RenditorError):
                await self.catalog.write(lambda c: idempotency.free(c, principal, key, claim.asset_id))
            raise

    async def sweep(self) -> None:
        """Forget keys after a day."""
        await self.catalog.write(lambda c: idempotency.sweep(c, now_ms() - _KEPT_MS))

    @contextlib.asynccontextmanager
    async def _alive(self, principal: Principal, key: str, asset_id: str) -> AsyncIterator[None]:
        """Signs of life, as long as it takes: a large file over a slow line takes hours."""

        async def give() -> None:
            while True:
                await asyncio.sleep(_SIGN_EVERY)
                with contextlib.suppress(RenditorError):
                    await self.catalog.write(lambda c: idempotency.keep(c, principal, key, asset_id, now_ms()))

        giving = asyncio.ensure_future(give())
        try:
            yield
        finally:
            giving.cancel()


def _claim(connection: Any, principal: Principal, key: str, new: Claim) -> tuple[Claim, Asset | None]:
    """Who has the key, and the asset where that one is done. One transaction: exact, however many ask at once."""
    claim = idempotency.claim(connection, principal, key, new)
    made = None if claim.mine else next(iter(assets.several(connection, [claim.asset_id])), None)
    if claim.mine or made or claim.fingerprint != new.fingerprint or claim.seen_at > new.seen_at - _DEAD_MS:
        return claim, made
    # Under the same id: should the other one live after all, only one of the two gets its asset stored.
    if idempotency.take_over(connection, principal, key, claim, new.seen_at):
        return Claim(claim.fingerprint, claim.asset_id, new.seen_at, mine=True), None
    return claim, None


def _hash(*said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

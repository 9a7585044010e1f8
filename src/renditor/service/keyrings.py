"""The server's signing keys: made at the first start, sealed in the catalog, the same for all its processes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from renditor.access.keyring import PURPOSES, Key, Keyring, Purpose, new_secret
from renditor.access.vault import Vault
from renditor.catalog import secrets
from renditor.catalog.base import Catalog
from renditor.errors import Unavailable
from renditor.models import new_id, now_ms

# A key that was added or retired counts in every process after at most so many seconds.
_FRESH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Keyrings:
    """Opens the keys as they are needed, and remembers them for a few seconds."""

    catalog: Catalog
    vault: Vault
    _known: dict[Purpose, tuple[float, Keyring]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make the first key of each purpose that has none. Blocking.

        Raises: BadRequest: the keys that are there do not open with this master key.
        """

        def work(connection: Any) -> None:
            for purpose in PURPOSES:
                if not secrets.of_purpose(connection, purpose):
                    secret_id = new_id()
                    sealed = self.vault.seal(secret_id, purpose, new_secret())
                    secrets.insert(connection, secret_id, purpose, sealed, now_ms())

        self.catalog.write_now(work)
        for purpose in PURPOSES:
            self.of_now(purpose)

    async def of(self, purpose: Purpose) -> Keyring:
        """The keys of a purpose. Raises: Unavailable (there are none), BadRequest (they do not open)."""
        known = self._known.get(purpose)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        ring = self._opened(purpose, await self.catalog.read(lambda c: secrets.of_purpose(c, purpose)))
        return self._remembered(purpose, ring)

    def of_now(self, purpose: Purpose) -> Keyring:
        """``of`` for callers without an event loop. Blocking."""
        ring = self._opened(purpose, self.catalog.read_now(lambda c: secrets.of_purpose(c, purpose)))
        return self._remembered(purpose, ring)

    def ever(self, purpose: Purpose) -> Keyring:
        """The keys of a purpose and those that are retired, to check what was signed long ago. Blocking."""
        return self._opened(purpose, self.catalog.read_now(lambda c: secrets.of_purpose(c, purpose, retired=True)))

    def _opened(self, purpose: Purpose, sealed: list[secrets.Sealed]) -> Keyring:
        if not sealed:
            raise Unavailable("The server has no signing keys.", hint="They are made when it starts: start it anew.")
        return Keyring(tuple(Key(found, self.vault.open(found, purpose, text)) for found, text in sealed))

    def _remembered(self, purpose: Purpose, ring: Keyring) -> Keyring:
        self._known[purpose] = (time.monotonic() + _FRESH_SECONDS, ring)
        return ring

"""The server's signing keys: made at the first start, sealed in the catalog, the same for all its processes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from renditor.access.keyring import PURPOSES, Key, Keyring, Purpose, new_secret
from renditor.access.vault import Vault
from renditor.catalog import secrets
from renditor.catalog.base import Catalog
from renditor.errors import Conflict, NotFound, Unavailable
from renditor.models import Note, new_id, now_ms

# A key that was added or retired counts in every process after at most twice so many seconds: delivery keeps what it
# was told for as long again.
_FRESH_SECONDS = 2
_HEARD_MS = 5000


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of the server without what is secret; times in ms since 1970."""

    id: str
    purpose: Purpose
    created_at: int
    retired_at: int | None


@dataclass(frozen=True, slots=True)
class Keyrings:
    """Opens the keys as they are needed, and remembers them for a few seconds."""

    catalog: Catalog
    vault: Vault
    _known: dict[Purpose, tuple[float, Keyring]] = field(default_factory=dict)

    def prepare(self, delivery: bytes | None = None) -> None:
        """Make the first key of each purpose that has none. Blocking.

        Args:
            delivery: a secret for URLs that somebody brought along; it becomes the one that signs.

        Raises: BadRequest: the keys that are there do not open with this master key.
        """

        def work(connection: Any) -> None:
            secrets.lock(connection)
            for purpose in PURPOSES:
                there = self._opened(purpose, secrets.of_purpose(connection, purpose))
                brought = delivery if purpose == "delivery" else None
                if brought is not None and brought not in {key.secret for key in there}:
                    self._insert(connection, purpose, brought)
                elif not there:
                    self._insert(connection, purpose, new_secret(purpose))

        self.catalog.write_now(work)

    def listing(self) -> list[Secret]:
        """All secrets, retired ones too, newest first. Blocking."""
        rows = self.catalog.read_now(secrets.everything)
        return [Secret(row["id"], row["purpose"], row["created_at"], row["retired_at"]) for row in rows]

    def add(self, purpose: Purpose, note: Note, secret: bytes | None = None) -> str:
        """A new key, which signs as soon as every process knows it; those before it still verify. Blocking.

        Args:
            purpose: what it is for.
            note: the entry of the audit log, written with it.
            secret: None: a random one.

        Returns: its id.
        """

        def work(connection: Any) -> str:
            note(connection)
            return self._insert(connection, purpose, secret or new_secret(purpose))

        return self.catalog.write_now(work)

    def retire(self, secret_id: str, note: Note) -> None:
        """What it signed is good no longer. Blocking.

        Raises: NotFound: there is no such key, or it is retired; Conflict: it is the only one of its purpose.
        """

        def work(connection: Any) -> None:
            secrets.lock(connection)
            active = [row for row in secrets.everything(connection) if row["retired_at"] is None]
            purpose = next((row["purpose"] for row in active if row["id"] == secret_id), None)
            if purpose is None:
                raise NotFound("There is no active secret with this id.", hint="`renditor secrets list` shows the ids.")
            if sum(row["purpose"] == purpose for row in active) == 1:
                raise Conflict(
                    f"It is the only secret for {purpose}.",
                    hint=f"Make another first: renditor secrets rotate {purpose}.",
                )
            secrets.retire(connection, secret_id, now_ms())
            note(connection)

        self.catalog.write_now(work)

    def reseal(self, new: Vault, note: Note) -> int:
        """Seal everything with another master key, or nothing. Blocking. Returns how many secrets there are.

        Processes that run with the one before open nothing any more: start them anew.
        """

        def work(connection: Any) -> int:
            secrets.lock(connection)
            note(connection)
            rows = secrets.everything(connection)
            for row in rows:
                opened = self.vault.open(row["id"], row["purpose"], row["sealed"])
                secrets.reseal(connection, row["id"], new.seal(row["id"], row["purpose"], opened))
            return len(rows)

        return self.catalog.write_now(work)

    async def of(self, purpose: Purpose) -> Keyring:
        """The keys of a purpose. Raises: Unavailable (there are none), BadRequest (they do not open)."""
        known = self._known.get(purpose)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        ring = self._ring(purpose, await self.catalog.read(lambda c: secrets.of_purpose(c, purpose)))
        return self._remembered(purpose, ring)

    def of_now(self, purpose: Purpose) -> Keyring:
        """``of`` for callers without an event loop. Blocking."""
        ring = self._ring(purpose, self.catalog.read_now(lambda c: secrets.of_purpose(c, purpose)))
        return self._remembered(purpose, ring)

    def ever(self, purpose: Purpose) -> Keyring:
        """The keys of a purpose and those that are retired, to check what was signed long ago. Blocking."""
        return self._ring(purpose, self.catalog.read_now(lambda c: secrets.of_purpose(c, purpose, retired=True)))

    def _insert(self, connection: Any, purpose: Purpose, secret: bytes) -> str:
        secret_id = new_id()
        secrets.insert(connection, secret_id, purpose, self.vault.seal(secret_id, purpose, secret), now_ms())
        return secret_id

    def _opened(self, purpose: Purpose, sealed: list[secrets.Sealed]) -> tuple[Key, ...]:
        return tuple(Key(found, self.vault.open(found, purpose, text)) for found, text, _ in sealed)

    def _ring(self, purpose: Purpose, sealed: list[secrets.Sealed]) -> Keyring:
        if not sealed:
            raise Unavailable("The server has no signing keys.", hint="They are made when it starts: start it anew.")
        before = now_ms() - _HEARD_MS
        return Keyring(self._opened(purpose, sealed), sum(made_at > before for _, _, made_at in sealed))

    def _remembered(self, purpose: Purpose, ring: Keyring) -> Keyring:
        self._known[purpose] = (time.monotonic() + _FRESH_SECONDS, ring)
        return ring

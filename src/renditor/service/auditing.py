"""What is written to the audit log, and how it is checked."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from renditor import observe
from renditor.access import checkpoints
from renditor.access.audit import START, Checkpoint, Entry, Finding, Link, check, checkpoint, link, read_entry
from renditor.access.flood import Flood, refused
from renditor.access.keyring import Keyring
from renditor.access.ratelimit import Rate
from renditor.access.settings import DENIALS
from renditor.catalog import audit
from renditor.catalog.base import Catalog
from renditor.errors import of_disk
from renditor.jobs.base import JobEngine
from renditor.models import DEFAULT_TENANT, Credentials, Note, Principal, now_ms
from renditor.service.keyrings import Keyrings

# Characters of a text from outside that are worth keeping.
_LONGEST = 200
# Seconds after which refusals without an entry of their own are told.
_TOLD_AFTER = 60.0
# Seconds between checkpoints: entries at the end of a chain are missed if they are gone for longer.
_MARKED_EVERY = 300.0


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit log of a server. ``flood``: bounds the entries about refusals."""

    catalog: Catalog
    keyrings: Keyrings
    flood: Flood = field(default_factory=lambda: Flood(Rate.parse(DENIALS)))
    _telling: set[asyncio.Task[None]] = field(default_factory=set)

    async def note(self, principal: Principal, action: str, about: str | None = None, **detail: Any) -> Note:
        """An entry for something that is done, to be written in the same transaction that does it."""
        return _writing(await self.keyrings.of("audit"), principal.tenant, _done(principal, action, about, detail))

    def note_of_operator(self, tenant: str, action: str, about: str | None = None, **detail: Any) -> Note:
        """An entry for what somebody does who has the server's data folder, by a command. Blocking."""
        operator = Principal("", tenant, kind="operator")
        return _writing(self.keyrings.of_now("audit"), tenant, _done(operator, action, about, detail))

    async def record(self, principal: Principal, action: str, about: str | None = None, **detail: Any) -> None:
        """Write down something that is done, in a transaction of its own."""
        await self.catalog.write(await self.note(principal, action, about, **detail))

    async def denied(self, shown: Credentials, who: Principal | None, code: str) -> None:
        """Write down a refusal, or count it where there were too many of this principal or address."""
        if not self.flood.admits(refused(who, shown.address), time.monotonic()):
            observe.DENIALS_COUNTED.inc()
            if self.flood.suppressed == 1:  # told together after a while, also if nobody asks again
                asyncio.get_running_loop().call_later(_TOLD_AFTER, self._tell_soon)
            return
        tenant = who.tenant if who else DEFAULT_TENANT
        owner, kind, key_id = (who.owner, who.kind, who.key_id) if who else (None, "none", None)
        detail = {"asked": observe.without_secrets(shown.asked)[:_LONGEST], "code": code}
        entry = Entry(
            now_ms(), "access.denied", "denied", owner, kind, key_id, shown.address, shown.request_id, None, detail
        )
        await self.catalog.write(_writing(await self.keyrings.of("audit"), tenant, entry))

    async def tell_suppressed(self) -> None:
        """Write one entry about all refusals that got none."""
        told = self.flood.tell()
        if told:
            detail = {"refusals": sum(told.values()), "of": told}
            entry = Entry(now_ms(), "access.flood", "denied", None, "program", None, "", "", None, detail)
            await self.catalog.write(_writing(await self.keyrings.of("audit"), DEFAULT_TENANT, entry))

    def _tell_soon(self) -> None:
        task = asyncio.ensure_future(self.tell_suppressed())
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and task.exception() is not None:
            observe.log().warning("audit_entry_lost", error_type=type(task.exception()).__name__)

    def newest(self, limit: int, *, owner: str | None, action: str | None, since: int) -> list[Entry]:
        """The newest entries of all tenants, newest first. ``since``: ms since 1970. Blocking; unchecked."""

        def work(connection: Any) -> list[Entry]:
            found: list[Entry] = []
            for tenant in audit.tenants(connection):
                texts = map(read_entry, audit.backwards(connection, tenant))
                recent = itertools.takewhile(lambda entry: entry.at >= since, filter(None, texts))
                wanted = (one for one in recent if owner in (None, one.owner) and action in (None, one.action))
                found += itertools.islice(wanted, limit)
            return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]

        return self.catalog.read_now(work)

    def mark(self) -> list[Checkpoint]:
        """Sign where each chain has come to, where it has grown since; says so in the log, too. Blocking."""
        key = self.keyrings.of_now("audit").newest

        def work(connection: Any) -> list[Checkpoint]:
            made = []
            for tenant in audit.tenants(connection):
                last = audit.newest(connection, tenant)
                if last is None:
                    continue
                new = checkpoint(key, Link(*last), now_ms())
                if audit.add_checkpoint(connection, (new.tenant, new.number, new.mac, new.at, new.signature)):
                    made.append(new)
            return made

        made = self.catalog.write_now(work)
        for one in made:
            observe.log().info(
                "audit_checkpoint",
                tenant=one.tenant,
                number=one.number,
                mac=one.mac,
                at=one.at,
                signature=one.signature,
            )
        return made

    def check(self, elsewhere: Iterable[Checkpoint] = ()) -> tuple[int, list[Finding]]:
        """Check all chains. Blocking.

        Args:
            elsewhere: checkpoints that were kept outside of the database.

        Returns:
            How many entries there are, and what is wrong.
        """
        ring, kept = self.keyrings.ever("audit"), list(elsewhere)

        def work(connection: Any) -> tuple[int, list[Finding]]:
            count, found = 0, []
            for tenant in sorted({*audit.tenants(connection), *(one.tenant for one in kept)}):
                links = (Link(*row) for row in audit.entries(connection, tenant))
                marks = [Checkpoint(*mark) for mark in audit.checkpoints(connection, tenant)]
                some, faults = check(links, ring, [*marks, *(one for one in kept if one.tenant == tenant)])
                count += some
                found += faults
            return count, found

        return self.catalog.read_now(work)


def _done(who: Principal, action: str, about: str | None, detail: dict[str, Any]) -> Entry:
    owner = who.owner or None
    return Entry(now_ms(), action, "done", owner, who.kind, who.key_id, who.address, who.request_id, about, detail)


def _writing(ring: Keyring, tenant: str, entry: Entry) -> Note:
    def bind(number: int, previous: str | None) -> audit.Row:
        made = link(ring.newest, tenant, number, entry, previous or START)
        return made.tenant, made.number, made.text, made.previous, made.mac

    return lambda connection: audit.append(connection, tenant, bind)


@dataclass(frozen=True, slots=True)
class Marking:
    """Checkpoints every few minutes, and in a file too: whoever empties tables of the database does not get at it."""

    audit: Audit
    path: Path

    def register(self, engine: JobEngine) -> None:
        """Have workers make them."""
        engine.schedule("checkpoints", _MARKED_EVERY, self.mark)

    async def mark(self) -> None:
        """Make them now. Raises: Unavailable, OutOfSpace."""
        await asyncio.to_thread(self._mark)

    def check(self, files: Iterable[Path]) -> tuple[int, list[Finding]]:
        """Check all chains, also against the checkpoints of files. Blocking. Raises: OSError: a file cannot be read."""
        kept, bad = [], []
        for path in (*([self.path] if self.path.exists() else []), *files):
            found, damaged = checkpoints.read(path)
            kept += found
            bad += [Finding(DEFAULT_TENANT, 0, "bad-checkpoint")] * damaged
        count, faults = self.audit.check(kept)
        return count, [*dict.fromkeys(faults), *bad]

    def _mark(self) -> None:
        made = self.audit.mark()
        try:
            checkpoints.append(self.path, made)
        except OSError as error:
            raise of_disk(error) from error

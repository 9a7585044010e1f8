"""What is written to the audit log, and how it is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from renditor import observe
from renditor.access.audit import START, Checkpoint, Entry, Finding, Link, check, checkpoint, link
from renditor.access.keyring import Keyring
from renditor.catalog import audit
from renditor.catalog.base import Catalog
from renditor.models import DEFAULT_TENANT, Credentials, Principal, now_ms
from renditor.service.keyrings import Keyrings

# What a unit of work of the catalog calls with its connection: the entry is there if, and only if, the work is.
Note = Callable[[Any], None]
# Characters of a text from outside that are worth keeping.
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit log of a server."""

    catalog: Catalog
    keyrings: Keyrings

    async def note(self, principal: Principal, action: str, about: str | None = None, **detail: Any) -> Note:
        """An entry for something that is done, to be written in the same transaction that does it."""
        entry = Entry(
            now_ms(),
            action,
            "done",
            principal.owner,
            principal.kind,
            principal.key_id,
            principal.address,
            principal.request_id,
            about,
            detail,
        )
        return _writing(await self.keyrings.of("audit"), principal.tenant, entry)

    async def record(self, principal: Principal, action: str, about: str | None = None, **detail: Any) -> None:
        """Write down something that is done, in a transaction of its own."""
        await self.catalog.write(await self.note(principal, action, about, **detail))

    async def denied(self, shown: Credentials, who: Principal | None, code: str) -> None:
        """Write down a refusal."""
        tenant = who.tenant if who else DEFAULT_TENANT
        owner, kind, key_id = (who.owner, who.kind, who.key_id) if who else (None, "none", None)
        detail = {"asked": shown.asked[:_LONGEST], "code": code}
        entry = Entry(
            now_ms(), "access.denied", "denied", owner, kind, key_id, shown.address, shown.request_id, None, detail
        )
        await self.catalog.write(_writing(await self.keyrings.of("audit"), tenant, entry))

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


def _writing(ring: Keyring, tenant: str, entry: Entry) -> Note:
    def bind(number: int, previous: str | None) -> audit.Row:
        made = link(ring.newest, tenant, number, entry, previous or START)
        return made.tenant, made.number, made.text, made.previous, made.mac

    return lambda connection: audit.append(connection, tenant, bind)

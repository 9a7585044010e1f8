"""What every upload passes before it becomes an asset: the list of accepted formats, and the scanner."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from renditor import observe
from renditor.catalog.base import Catalog
from renditor.content import sniff
from renditor.content.quarantine import Quarantine
from renditor.content.scan import Scanner
from renditor.content.sniff import Sniffed
from renditor.content.spool import Received
from renditor.errors import Unavailable, Unprocessable, UnsupportedMedia
from renditor.models import Notes, Principal


@dataclass(frozen=True, slots=True)
class Screen:
    """``formats``: those that are accepted. ``scanner``: None where none is set up; ``optional``: its failing lets
    files through. ``note`` prepares entries of the audit log."""

    catalog: Catalog
    note: Notes
    formats: frozenset[str]
    quarantine: Quarantine
    scanner: Scanner | None = None
    optional: bool = False

    def sniff(self, head: bytes) -> Sniffed:
        """What a file is by its beginning. Raises: as ``content.sniff``; UnsupportedMedia: it is not accepted here."""
        return self.expect_accepted(sniff.sniff(head))

    def expect_accepted(self, sniffed: Sniffed) -> Sniffed:
        """The same. Raises: UnsupportedMedia: its format is not on this server's list."""
        if sniffed.format not in self.formats:
            accepted = ", ".join(sorted(self.formats))
            raise UnsupportedMedia(f"This server does not accept {sniffed.format}.", hint=f"Accepted: {accepted}.")
        return sniffed

    async def scan(self, principal: Principal, received: Received) -> None:
        """Have the scanner look at a whole file. An infected one is written down, and kept in quarantine.

        Raises: Unprocessable: it is infected; Unavailable: nobody can say.
        """
        if self.scanner is None:
            return
        try:
            found = await self.scanner.scan(received.path)
        except Unavailable as error:
            observe.log().error("scan_failed", error=error.detail, accepted=self.optional)
            if self.optional:
                return
            raise
        if found is None:
            return
        sha256 = received.sha256
        kept = await asyncio.to_thread(self.quarantine.keep, received.path, received.bytes, sha256)
        facts = {"bytes": received.bytes, "sha256": sha256, "found": found, "kept": kept}
        observe.log().warning("upload_infected", owner=principal.owner, tenant=principal.tenant, **facts)
        note = await self.note(principal, "upload.infected", None, **facts)
        await self.catalog.write(note)
        raise Unprocessable("The file is infected: the scanner of this server refuses it.", code="infected")

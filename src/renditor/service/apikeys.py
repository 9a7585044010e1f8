"""The keys of a tenant, for those who administer it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from renditor.access.apikeys import NewKey
from renditor.catalog import keys
from renditor.catalog.base import Catalog
from renditor.errors import NotFound
from renditor.models import ApiKey, Principal, is_id, now_ms
from renditor.service.auditing import Audit


@dataclass(frozen=True, slots=True)
class Keys:
    """Makes, lists and revokes keys. Whoever calls it has made sure that the principal may administer."""

    catalog: Catalog
    audit: Audit

    async def add(self, principal: Principal, new: NewKey) -> None:
        """Keep a new key of the principal's tenant."""
        key = new.key
        facts = {"name": key.name, "owner": key.owner, "scopes": ",".join(sorted(key.scopes))}
        note = await self.audit.note(principal, "key.create", key.id, **facts)

        def work(connection: sa.Connection) -> None:
            keys.insert(connection, key, new.secret_hash)
            note(connection)

        await self.catalog.write(work)

    async def listing(self, principal: Principal) -> list[ApiKey]:
        """All keys of the tenant, the oldest first."""
        return [key for key in await self.catalog.read(keys.all_keys) if key.tenant == principal.tenant]

    async def revoke(self, principal: Principal, key_id: str) -> None:
        """From now on it opens nothing, in any process. Raises: NotFound: unknown, revoked, or of another tenant."""
        if not is_id(key_id):
            raise NotFound
        note = await self.audit.note(principal, "key.revoke", key_id)

        def work(connection: sa.Connection) -> None:
            found = keys.get(connection, key_id)
            if found is None or found[0].tenant != principal.tenant or not keys.revoke(connection, key_id, now_ms()):
                raise NotFound
            note(connection)

        await self.catalog.write(work)

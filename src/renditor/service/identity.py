"""Who asks: from what a request shows to a principal, or to a refusal."""

from __future__ import annotations

from dataclasses import dataclass, replace

from renditor import observe
from renditor.access import apikeys
from renditor.catalog import Catalog, keys
from renditor.errors import Forbidden
from renditor.models import Credentials, Need, Principal


@dataclass(frozen=True, slots=True)
class Identity:
    """Tells who makes a request."""

    catalog: Catalog

    async def authenticate(self, shown: Credentials, need: Need) -> Principal:
        """The principal behind what was shown. Raises: Unauthenticated, Forbidden (what it opens is not enough)."""
        key_id, secret = apikeys.split(shown.authorization)
        found = apikeys.verify(await self.catalog.read(lambda c: keys.get(c, key_id)), secret)
        principal = replace(found, address=shown.address, request_id=shown.request_id)
        if not principal.may(need):
            observe.log().warning("access_denied", owner=principal.owner, key=principal.key_id, scope=need)
            raise Forbidden(f"This needs a key with the scope {need!r}.")
        return principal

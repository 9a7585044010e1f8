"""Grants for private assets: made for their owner, for one path or for the whole asset."""

from __future__ import annotations

import time
from dataclasses import dataclass

from renditor.access.grants import LONGEST, SHORTEST, Grant, sign, subject
from renditor.catalog import assets
from renditor.catalog.base import Catalog
from renditor.errors import Unprocessable
from renditor.models import Principal
from renditor.service.auditing import Audit
from renditor.service.keyrings import Keyrings
from renditor.transformation.path import split_delivery_path


@dataclass(frozen=True, slots=True)
class Granting:
    """Makes grants."""

    catalog: Catalog
    keyrings: Keyrings
    audit: Audit

    async def grant(
        self, principal: Principal, asset_id: str, seconds: int, tail: str | None, address: str | None
    ) -> tuple[str, int]:
        """Permission to see an asset of one's own.

        Args:
            principal: its owner.
            asset_id: which asset.
            seconds: how long it is good.
            tail: the only path it is good for, as it stands behind ``/private/``; None: all there is of the asset.
            address: the only client that may use it; None: whoever has the URL.

        Returns:
            The text of the grant, and when it ends (seconds since 1970).

        Raises:
            NotFound; Unprocessable: for too long or too short; InvalidTransformation.
        """
        if not SHORTEST <= seconds <= LONGEST:
            raise Unprocessable(f"ttl: A grant is good for {SHORTEST} to {LONGEST} seconds.", code="invalid-body")
        asset = await self.catalog.read(lambda c: assets.owned(c, principal, asset_id))
        kind, until = assets.resource_type(asset.media_type), int(time.time()) + seconds
        key = (await self.keyrings.of("grants")).signing
        path = "" if tail is None else subject(asset.tenant, kind, split_delivery_path(tail, kind).signed)
        text = sign(key, Grant("a" if tail is None else "x", asset.id, until), path, address)
        await self.audit.record(principal, "grant.create", asset.id, seconds=seconds, whole=tail is None)
        return text, until

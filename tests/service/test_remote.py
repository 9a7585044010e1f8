"""Pictures of other sites are forgotten when their time is over; nobody else's are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from renditor.catalog import assets
from renditor.catalog.base import Catalog
from renditor.deliver.settings import DeliverySettings
from renditor.models import Note, Principal, now_ms
from renditor.service.remote import FETCHER, Remote
from tests.catalog.test_assets import asset

pytestmark = pytest.mark.anyio


async def test_the_sweep_takes_what_was_fetched_and_is_old(catalog: Catalog) -> None:
    noted = []

    async def note(principal: Principal, action: str, about: str, **_: Any) -> Note:
        return lambda _connection: noted.append((principal.tenant, action, about))

    nothing: Any = SimpleNamespace(settings=DeliverySettings(fetch_ttl=100), note=note)
    old = now_ms() - 101_000
    kept = {
        "fetched lately": asset(owner=FETCHER, created_at=now_ms() - 90_000, sha256="1" * 64),
        "of somebody": asset(owner="anna", created_at=old, sha256="2" * 64),
    }
    gone = {
        "fetched": asset(owner=FETCHER, created_at=old, sha256="3" * 64),
        "fetched for another tenant": asset(owner=FETCHER, tenant="other", created_at=old, sha256="4" * 64),
    }
    for one in (*kept.values(), *gone.values()):
        await catalog.write(lambda c, one=one: assets.add(c, one, stored=True, overwrite=False, job=None))  # type: ignore[misc]
    await Remote(nothing, nothing, nothing, catalog).sweep()
    assert sorted(noted) == sorted((one.tenant, "asset.expire", one.id) for one in gone.values())
    for one in kept.values():
        owner = Principal(one.owner, one.tenant)
        assert (await catalog.read(lambda c, one=one, owner=owner: assets.owned(c, owner, one.id))).id == one.id  # type: ignore[misc]
    left = await catalog.read(lambda c: assets.older_than(c, FETCHER, now_ms()))
    assert [one.id for one in left] == [kept["fetched lately"].id]

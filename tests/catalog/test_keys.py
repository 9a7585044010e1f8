from __future__ import annotations

import asyncio

from renditor.access import apikeys
from renditor.catalog import keys
from renditor.catalog.base import Catalog
from renditor.catalog.settings import CatalogSettings


def test_keys_are_kept_without_their_secret(catalog: Catalog) -> None:
    new = apikeys.create("laptop", ["write", "read"], owner="anna", uploads="5/hour")
    catalog.write_now(lambda c: keys.insert(c, new.key, new.secret_hash))
    assert catalog.read_now(lambda c: keys.get(c, new.key.id)) == (new.key, new.secret_hash)
    assert catalog.read_now(keys.all_keys) == [new.key]
    assert catalog.read_now(lambda c: keys.get(c, "unknown")) is None


def test_a_key_is_revoked_once(catalog: Catalog) -> None:
    new = apikeys.create("laptop", ["write"])
    catalog.write_now(lambda c: keys.insert(c, new.key, new.secret_hash))
    assert catalog.write_now(lambda c: keys.revoke(c, new.key.id, 7))
    assert not catalog.write_now(lambda c: keys.revoke(c, new.key.id, 8))
    found = catalog.read_now(lambda c: keys.get(c, new.key.id))
    assert found is not None
    assert found[0].revoked_at == 7


async def test_the_rate_is_exact_across_processes(catalog: Catalog) -> None:
    catalogs = [Catalog(catalog.url, CatalogSettings()) for _ in range(4)]
    ask = [
        one.write(lambda c: keys.take_token(c, "uploads:a", 1000.0, 36.0, 360.0)) for one in catalogs for _ in range(10)
    ]
    assert sum(await asyncio.gather(*ask)) == 10
    for one in catalogs:
        one.close()


def test_tokens_come_back_with_time(catalog: Catalog) -> None:
    def take(now: float) -> bool:
        return catalog.write_now(lambda c: keys.take_token(c, "a", now, 10.0, 20.0))

    assert [take(0.0), take(0.0), take(0.0)] == [True, True, False]
    assert catalog.read_now(lambda c: keys.wait_for_token(c, "a", 0.0, 10.0, 20.0)) == 10.0
    assert [take(9.9), take(10.0), take(10.0)] == [False, True, False]

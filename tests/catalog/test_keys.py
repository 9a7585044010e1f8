from __future__ import annotations

from renditor.access import apikeys
from renditor.catalog import keys
from renditor.catalog.base import Catalog


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

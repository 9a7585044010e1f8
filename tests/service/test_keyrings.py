"""The server's own keys: which one signs while not every process knows all of them."""

from __future__ import annotations

import pytest

from renditor import models
from renditor.access.vault import Vault
from renditor.catalog.base import Catalog
from renditor.service import keyrings
from renditor.service.keyrings import Keyrings


@pytest.fixture
def rings(catalog: Catalog) -> Keyrings:
    made = Keyrings(catalog, Vault("a master key of more than thirty-two characters"))
    made.prepare()
    return made


def test_the_only_key_signs_however_new(rings: Keyrings) -> None:
    ring = rings.of_now("grants")
    assert ring.signing == ring.newest == ring.keys[0]


def test_a_new_key_verifies_at_once_and_signs_when_all_have_heard_of_it(
    rings: Keyrings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rings.of_now("grants").signing
    added = rings.add("grants", lambda _: None)
    ring = rings.of_now("grants")
    assert ring.find(added) is not None
    assert ring.signing == before
    later = models.now_ms() + 6000
    monkeypatch.setattr(keyrings, "now_ms", lambda: later)
    assert rings.of_now("grants").signing.id == added

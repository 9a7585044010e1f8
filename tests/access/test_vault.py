"""Secrets are sealed, and open only where they belong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.access.vault import Vault
from renditor.errors import BadRequest

MASTER = "4f1c2a9d8e7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a19"


@given(st.binary(min_size=1, max_size=100))
def test_what_was_sealed_opens_again_and_is_never_the_same(secret: bytes) -> None:
    vault = Vault(MASTER)
    sealed = vault.seal("one", "grants", secret)
    assert vault.open("one", "grants", sealed) == secret
    assert sealed != vault.seal("one", "grants", secret)


@pytest.mark.parametrize(("secret_id", "purpose"), [("two", "grants"), ("one", "audit")])
def test_a_secret_that_was_moved_does_not_open(secret_id: str, purpose: str) -> None:
    vault = Vault(MASTER)
    sealed = vault.seal("one", "grants", b"secret")
    with pytest.raises(BadRequest, match="do not open"):
        vault.open(secret_id, purpose, sealed)


def test_no_byte_can_be_changed() -> None:
    vault = Vault(MASTER)
    sealed = vault.seal("one", "grants", b"secret")
    for place in range(len(sealed)):
        with pytest.raises(BadRequest):
            vault.open("one", "grants", sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
    for short in range(len(sealed)):
        with pytest.raises(BadRequest):
            vault.open("one", "grants", sealed[:short])


def test_another_master_key_opens_nothing() -> None:
    sealed = Vault(MASTER).seal("one", "grants", b"secret")
    with pytest.raises(BadRequest, match="do not open"):
        Vault(MASTER[::-1]).open("one", "grants", sealed)


@pytest.mark.parametrize("weak", ["", "changeme", "secret" * 4, "a" * 64, "01" * 32, "0123456789abcdef0123456789abcde"])
def test_a_master_key_that_can_be_guessed_is_refused(weak: str) -> None:
    with pytest.raises(BadRequest, match="too weak"):
        Vault(weak)

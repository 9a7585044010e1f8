"""Grants: good for what they say until they end; nothing about them can be changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.access.grants import Grant, sign, subject, verify
from renditor.access.keyring import Key, Keyring
from renditor.errors import Unauthenticated
from renditor.models import new_id

NEW, OLD = Key(new_id(), b"n" * 32), Key(new_id(), b"o" * 32)
RING = Keyring((NEW, OLD))
ASSET = new_id()
NOW = 1_800_000_000
PATH = subject("main", "image", "w_200/cat.jpg")
ONE = Grant("x", ASSET, NOW + 60)
WHOLE = Grant("a", ASSET, NOW + 60)


def refusal(text: str, path: str = PATH, address: str = "", now: float = NOW, ring: Keyring = RING) -> str:
    with pytest.raises(Unauthenticated) as caught:
        verify(text, ring, path, address, now)
    return caught.value.error_code


@pytest.mark.parametrize("key", [NEW, OLD])
def test_a_grant_of_every_active_key_opens_its_path_until_it_ends(key: Key) -> None:
    text = sign(key, ONE, PATH)
    assert verify(text, RING, PATH, "203.0.113.9", NOW) == ONE
    assert verify(text, RING, PATH, "", NOW + 59.9) == ONE
    assert refusal(text, now=NOW + 60) == "grant-expired"


def test_a_retired_key_opens_nothing() -> None:
    assert refusal(sign(OLD, ONE, PATH), ring=Keyring((NEW,))) == "bad-grant"


def test_a_grant_for_one_path_opens_no_other() -> None:
    text = sign(NEW, ONE, PATH)
    for other in ("w_201/cat.jpg", "w_200/dog.jpg", "w_200/cat.png", "cat.jpg", ""):
        assert refusal(text, subject("main", "image", other)) == "bad-grant"
    assert refusal(text, subject("main", "video", "w_200/cat.jpg")) == "bad-grant"
    assert refusal(text, subject("other", "image", "w_200/cat.jpg")) == "bad-grant"


def test_a_grant_for_the_whole_asset_names_it() -> None:
    text = sign(NEW, WHOLE)
    assert verify(text, RING, PATH, "", NOW) == WHOLE
    assert verify(text, RING, "", "", NOW).asset_id == ASSET


def test_a_grant_bound_to_a_client_is_for_no_other() -> None:
    text = sign(NEW, WHOLE, "", "203.0.113.9")
    assert verify(text, RING, "", "203.0.113.9", NOW) == WHOLE
    for other in ("203.0.113.10", "", "::ffff:203.0.113.9"):
        assert refusal(text, "", other) == "bad-grant"
    assert refusal(text.replace("ab.", "a.", 1), "", "203.0.113.9") == "bad-grant"


def test_no_character_of_a_grant_can_be_changed() -> None:
    text = sign(NEW, ONE, PATH)
    for place in range(len(text)):
        for other in "0zA_":
            if text[place] != other:
                assert refusal(text[:place] + other + text[place + 1 :]) == "bad-grant"


@given(st.text(max_size=200))
def test_any_other_text_is_no_grant(text: str) -> None:
    assert refusal(text) == "bad-grant"


def test_what_it_is_for_cannot_be_widened() -> None:
    text = sign(NEW, ONE, PATH)
    assert refusal("a" + text[1:], "") == "bad-grant"

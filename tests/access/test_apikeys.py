from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.access import apikeys
from renditor.access.ratelimit import Rate
from renditor.errors import BadRequest, Unauthenticated
from renditor.models import now_ms


def test_a_key_proves_its_holder() -> None:
    new = apikeys.create("laptop", ["write"], owner="anna")
    key_id, secret = apikeys.split(new.text)
    principal = apikeys.verify((new.key, new.secret_hash), secret)
    assert (principal.owner, principal.tenant, principal.key_id) == ("anna", "main", key_id)
    assert principal.may("read")
    assert principal.may("write")
    assert not principal.may("admin")
    assert secret not in new.secret_hash


def test_without_an_owner_a_new_one_is_made() -> None:
    assert apikeys.create("a", ["read"]).key.owner != apikeys.create("b", ["read"]).key.owner


def test_wrong_revoked_and_unknown_keys_are_refused_alike() -> None:
    new = apikeys.create("laptop", ["write"])
    _, secret = apikeys.split(new.text)
    refusals = [
        ((new.key, new.secret_hash), "0" * 64),
        ((replace(new.key, revoked_at=1), new.secret_hash), secret),
        ((replace(new.key, expires_at=now_ms()), new.secret_hash), secret),
        (None, secret),
        (None, ""),
    ]
    texts = set()
    for found, shown in refusals:
        with pytest.raises(Unauthenticated) as caught:
            apikeys.verify(found, shown)
        texts.add((caught.value.detail, caught.value.hint))
    assert len(texts) == 1


@given(st.text(max_size=200) | st.text(max_size=120).map("rk_".__add__))
def test_any_other_text_is_401(text: str) -> None:
    with pytest.raises(Unauthenticated):
        apikeys.split(text)


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": ["root"]}, {"scopes": []}, {"tenant": "a/b"}, {"owner": "a b"}, {"uploads": "many"}, {"tenant": ""}],
)
def test_unfit_values(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        apikeys.create("x", **({"scopes": ["read"]} | wrong))  # type: ignore[arg-type]


def test_rates() -> None:
    assert Rate.parse("10/hour") == Rate(10, 3600)
    assert Rate.parse("10/hour").increment == 360
    for text in ("10", "0/hour", "10/year", "-1/day", "1.5/day", ""):
        with pytest.raises(BadRequest):
            Rate.parse(text)

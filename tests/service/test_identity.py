"""Who asks, on both databases: keys, tokens and JWTs; failures are counted and written down."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from renditor.access import apikeys
from renditor.access.jwt import JwtVerifier
from renditor.access.ratelimit import Rate
from renditor.access.settings import AccessSettings
from renditor.access.vault import Vault
from renditor.catalog import audit, keys
from renditor.catalog import tokens as token_rows
from renditor.catalog.base import Catalog
from renditor.catalog.ratelimits import RateLimits
from renditor.errors import BadRequest, Forbidden, NotFound, TooManyRequests, Unauthenticated, Unavailable
from renditor.models import Allowance, Credentials, Need, Principal, now_ms
from renditor.service import Audit, Identity, Keyrings, Limits
from tests.access.test_vault import MASTER

ANNA = Principal("anna", "main", frozenset({"write"}), "k1")
BEN = Principal("ben", "main", frozenset({"admin"}), "k2")


async def no_network(_url: str, _most: int) -> bytes:
    raise Unavailable


@pytest.fixture
def identity(catalog: Catalog) -> Identity:
    keyrings = Keyrings(catalog, Vault(MASTER))
    keyrings.prepare()
    rate = Rate.parse("5/minute")
    limits = Limits(RateLimits(catalog, None), rate, None, None, rate)
    verifier = JwtVerifier.create(AccessSettings(), partial(keyrings.of, "tokens"), no_network)
    return Identity(catalog, keyrings, verifier, Audit(catalog, keyrings), limits)


def shown(text: str, **more: str) -> Credentials:
    return Credentials(f"Bearer {text}", address="203.0.113.9", request_id="r1", asked="GET /media", **more)


def entries(identity: Identity) -> list[str]:
    return [row[2] for row in identity.catalog.read_now(lambda c: list(audit.entries(c, "main")))]


def add_key(identity: Identity, **more: Any) -> str:
    new = apikeys.create("website", ["read"], owner="anna")
    key = replace(new.key, **more)
    identity.catalog.write_now(lambda c: keys.insert(c, key, new.secret_hash))
    return new.text


async def test_a_key_says_who_asks_and_from_where(identity: Identity) -> None:
    principal = await identity.authenticate(shown(add_key(identity)), "read")
    assert (principal.owner, principal.kind, principal.address) == ("anna", "key", "203.0.113.9")


async def test_a_key_counts_until_its_end_and_no_longer_once_revoked(identity: Identity) -> None:
    good = add_key(identity, expires_at=now_ms() + 60_000)
    await identity.authenticate(shown(good), "read")
    with pytest.raises(Unauthenticated):
        await identity.authenticate(shown(add_key(identity, expires_at=now_ms() - 1)), "read")
    key_id, _ = apikeys.split(good)
    identity.catalog.write_now(lambda c: keys.revoke(c, key_id, now_ms()))
    with pytest.raises(Unauthenticated):
        await identity.authenticate(shown(good), "read")


@pytest.mark.parametrize("need", ["write", "admin", "upload"])
async def test_what_a_scope_does_not_open_is_refused_and_written_down(identity: Identity, need: Need) -> None:
    with pytest.raises(Forbidden):
        await identity.authenticate(shown(add_key(identity)), need)
    (entry,) = entries(identity)
    assert '"outcome":"denied"' in entry
    assert '"owner":"anna"' in entry
    assert '"asked":"GET /media"' in entry


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer rk_", "Bearer a.b.c"]
)
async def test_other_headers_are_401(identity: Identity, header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await identity.authenticate(Credentials(header), "read")


async def test_failures_of_an_address_are_counted_but_a_good_key_still_opens(identity: Identity) -> None:
    good, wrong = add_key(identity), shown("rk_" + "0" * 26 + "_" + "0" * 64)
    results = await asyncio.gather(*(identity.authenticate(wrong, "read") for _ in range(12)), return_exceptions=True)
    kinds = [type(result) for result in results]
    assert kinds.count(Unauthenticated) == 5
    assert kinds.count(TooManyRequests) == 7
    assert len(entries(identity)) == 5
    assert (await identity.authenticate(shown(good), "read")).owner == "anna"
    with pytest.raises(Unauthenticated):  # another address
        await identity.authenticate(replace(wrong, address="203.0.113.10"), "read")


async def test_no_secret_reaches_the_audit_log(identity: Identity) -> None:
    text = add_key(identity)
    for bad in (text[:-1] + "z", text.replace("rk_", "rt_"), f"{text}.{text}.{text}"):
        with pytest.raises(Unauthenticated):
            await identity.authenticate(shown(bad), "read")
    assert entries(identity)
    assert not any(text[40:60] in entry for entry in entries(identity))


# -- upload tokens ----------------------------------------------------------------------------------------------------


async def test_an_upload_token_opens_uploads_and_nothing_else(identity: Identity) -> None:
    new = await identity.issue_upload_token(ANNA, 60, 2, 1000, frozenset({"image"}))
    principal = await identity.authenticate(shown(new.text), "upload")
    assert (principal.owner, principal.kind) == ("anna", "token")
    assert principal.allowance is not None
    assert principal.allowance == Allowance(new.token.id, 1000, frozenset({"image"}))
    assert (await identity.authenticate(Credentials(token=new.text), "follow")).owner == "anna"
    forbidden: tuple[Need, ...] = ("read", "write", "admin")
    for need in forbidden:
        with pytest.raises(Forbidden):
            await identity.authenticate(shown(new.text), need)


async def test_a_token_is_spent_exactly(identity: Identity) -> None:
    new = await identity.issue_upload_token(ANNA, 60, 3)
    spent = await asyncio.gather(
        *(identity.catalog.write(lambda c: token_rows.spend(c, new.token.id)) for _ in range(10))
    )
    assert spent.count(True) == 3


async def test_a_token_ends(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    new = await identity.issue_upload_token(ANNA, 60, 1)
    monkeypatch.setattr("renditor.access.tokens.now_ms", lambda: new.token.expires_at)
    with pytest.raises(Unauthenticated) as caught:
        await identity.authenticate(shown(new.text), "upload")
    assert caught.value.error_code == "token-expired"


async def test_only_its_owner_revokes_a_token(identity: Identity) -> None:
    new = await identity.issue_upload_token(ANNA, 60, 1)
    for who, token_id in ((BEN, new.token.id), (ANNA, "x"), (ANNA, "0" * 26)):
        with pytest.raises(NotFound):
            await identity.revoke_upload_token(who, token_id)
    await identity.authenticate(shown(new.text), "upload")
    await identity.revoke_upload_token(ANNA, new.token.id)
    with pytest.raises(Unauthenticated):
        await identity.authenticate(shown(new.text), "upload")
    with pytest.raises(NotFound):
        await identity.revoke_upload_token(ANNA, new.token.id)
    assert ["token.create" in entry or "token.revoke" in entry for entry in entries(identity)].count(True) == 2


@pytest.mark.parametrize("ended", [{"revoked_at": 1}, {"expires_at": 1}], ids=["revoked", "expired"])
async def test_a_token_has_the_rate_of_its_key_and_ends_with_it(identity: Identity, ended: dict[str, Any]) -> None:
    key = await identity.authenticate(shown(add_key(identity, uploads="1000/hour")), "read")
    good = await identity.issue_upload_token(key, 60, 1)
    assert (await identity.authenticate(shown(good.text), "upload")).uploads == "1000/hour"
    late = apikeys.create("late", ["write"], owner="anna").key
    await identity.catalog.write(lambda c: keys.insert(c, replace(late, **ended), "0" * 64))
    bad = await identity.issue_upload_token(replace(ANNA, key_id=late.id), 60, 1)
    with pytest.raises(Unauthenticated) as caught:
        await identity.authenticate(shown(bad.text), "upload")
    assert caught.value.error_code == "invalid-token"


async def test_a_token_by_a_jwt_with_a_long_key_id(identity: Identity) -> None:
    """It is the issuer's to choose: PostgreSQL would not take it."""
    new = await identity.issue_upload_token(replace(ANNA, kind="jwt", key_id="k" * 500), 60, 1)
    assert (await identity.authenticate(shown(new.text), "upload")).owner == "anna"


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
async def test_a_token_is_never_for_long(identity: Identity, seconds: int) -> None:
    with pytest.raises(BadRequest):
        await identity.issue_upload_token(ANNA, seconds, 1)


# -- JWTs -------------------------------------------------------------------------------------------------------------


async def test_own_jwts_open_what_they_say(identity: Identity) -> None:
    text = await asyncio.to_thread(identity.issue_jwt, "anna", frozenset({"read"}), 60, "studio")
    principal = await identity.authenticate(shown(text), "read")
    assert (principal.owner, principal.tenant, principal.kind) == ("anna", "studio", "jwt")
    with pytest.raises(Forbidden):
        await identity.authenticate(shown(text), "write")

"""Tokens: good ones are taken, and every way to forge one is refused."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from renditor.access.jwt import OWN, JwtVerifier, issue
from renditor.access.keyring import Key, Keyring
from renditor.access.settings import AccessSettings
from renditor.errors import RenditorError, Unauthenticated, Unavailable

KEY = Key("own-1", bytes(range(32)))
SECRET = "9b1f0c3a7d5e8246f0a1b2c3d4e5f607"
ISSUER, AUDIENCE = "https://id.example.com/", "media"
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
SHARED = AccessSettings.model_validate({"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwt_secret": SECRET})
PUBLIC = AccessSettings(jwt_issuer=ISSUER, jwt_audience=AUDIENCE, jwt_jwks_url="https://id.example.com/keys")


async def own() -> Keyring:
    return Keyring((KEY,))


class Issuer:
    """Answers with its public keys; ``asked``: how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.fails = False

    def add(self, key_id: str, key: Any, **more: Any) -> None:
        algorithm = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256"}
        name = next((value for kind, value in algorithm.items() if isinstance(key, kind)), "EdDSA")
        public = jwt.get_algorithm_by_name(name).to_jwk(key.public_key(), as_dict=True)
        self.keys.append(public | {"kid": key_id, "use": "sig", "alg": name} | more)

    async def fetch(self, _url: str, _most: int) -> bytes:
        self.asked += 1
        if self.fails:
            raise Unavailable
        return json.dumps({"keys": self.keys}).encode()


@pytest.fixture
def issuer() -> Issuer:
    made = Issuer()
    for key_id, key in (("rsa", RSA_KEY), ("ec", EC_KEY), ("ed", ED_KEY)):
        made.add(key_id, key)
    return made


def verifier(config: AccessSettings, issuer: Issuer | None = None) -> JwtVerifier:
    return JwtVerifier.create(config, own, (issuer or Issuer()).fetch)


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": "anna", "iat": now, "exp": now + 60, "scope": "read write"}
    return {name: value for name, value in (whole | changed).items() if value is not None}


def shared(secret: str = SECRET, algorithm: str = "HS256", **changed: Any) -> str:
    return jwt.encode(claims(**changed), secret, algorithm)


async def refused(config: AccessSettings, text: str, issuer: Issuer | None = None) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await verifier(config, issuer).verify(text)
    return caught.value.error_code


async def test_an_own_token_speaks_of_its_owner() -> None:
    principal = await verifier(AccessSettings()).verify(issue(KEY, "anna", frozenset({"write"}), 60, "studio"))
    assert (principal.owner, principal.tenant, principal.kind) == ("anna", "studio", "jwt")
    assert principal.may("write")
    assert not principal.may("admin")


async def test_own_tokens_of_a_key_that_is_gone_are_refused() -> None:
    other = Key("own-0", b"x" * 32)
    assert await refused(AccessSettings(), issue(other, "anna", frozenset({"read"}), 60)) == "invalid-token"
    # With the id of a key that is there, but another secret:
    assert (
        await refused(AccessSettings(), issue(Key(KEY.id, b"x" * 32), "a", frozenset({"admin"}), 9)) == "invalid-token"
    )


async def test_expired_and_invalid_are_told_apart() -> None:
    now = int(time.time())
    assert await refused(SHARED, shared(iat=now - 100, exp=now - 50)) == "token-expired"
    assert await refused(SHARED, shared(secret="0" * 10 + SECRET)) == "invalid-token"
    expired_and_forged = shared(secret="0" * 10 + SECRET, iat=now - 100, exp=now - 50)
    assert await refused(SHARED, expired_and_forged) == "invalid-token"


@pytest.mark.parametrize("missing", ["exp", "iat", "iss", "aud", "sub"])
async def test_a_token_without_a_required_claim_is_refused(missing: str) -> None:
    text = jwt.encode({name: value for name, value in claims().items() if name != missing}, SECRET, "HS256")
    assert await refused(SHARED, text) == "invalid-token"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example/"},
        {"aud": "other"},
        {"aud": []},
        {"sub": 7},
        {"sub": ""},
        {"sub": "a\nb"},
        {"sub": "x" * 201},
        {"tenant": "../main"},
        {"tenant": 5},
        {"exp": "soon"},
        {"exp": int(time.time()) + 10 * 365 * 86_400},
        {"exp": 10**30},
        {"exp": 10**400},
        {"nbf": float("inf")},
        {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 3700},
        {"iat": "yesterday"},
        {"nbf": int(time.time()) + 3600},
    ],
    ids="-".join,
)
async def test_a_token_with_a_wrong_claim_is_refused(changed: dict[str, Any]) -> None:
    assert await refused(SHARED, shared(**changed)) == "invalid-token"


@pytest.mark.parametrize("scope", ["", "sudo", "READ", ["admin"], 7, None])
async def test_scopes_nobody_knows_open_nothing(scope: Any) -> None:
    principal = await verifier(SHARED).verify(shared(scope=scope))
    assert not principal.may("follow")


@pytest.mark.parametrize(
    ("key_id", "key", "algorithm"), [("rsa", RSA_KEY, "RS256"), ("ec", EC_KEY, "ES256"), ("ed", ED_KEY, "EdDSA")]
)
async def test_public_keys_verify(issuer: Issuer, key_id: str, key: Any, algorithm: str) -> None:
    text = jwt.encode(claims(), key, algorithm, headers={"kid": key_id})
    assert (await verifier(PUBLIC, issuer).verify(text)).owner == "anna"


async def test_no_signature_is_no_signature(issuer: Issuer) -> None:
    for name in ("none", "None", "nOnE"):
        head = base64.urlsafe_b64encode(json.dumps({"alg": name, "kid": "rsa"}).encode()).rstrip(b"=").decode()
        body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=").decode()
        assert await refused(PUBLIC, f"{head}.{body}.", issuer) == "invalid-token"
        assert await refused(SHARED, f"{head}.{body}.") == "invalid-token"


async def test_a_public_key_is_no_shared_secret(issuer: Issuer) -> None:
    """Key confusion (RFC 8725, 2.1): HS256 with the public key, which everybody has, as its secret."""
    pem = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"rsa"}').rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=")
    mac = base64.urlsafe_b64encode(hmac.digest(pem, head + b"." + body, hashlib.sha256)).rstrip(b"=")
    assert await refused(PUBLIC, b".".join((head, body, mac)).decode(), issuer) == "invalid-token"


async def test_a_shared_secret_among_public_keys_is_not_taken(issuer: Issuer) -> None:
    secret = base64.urlsafe_b64encode(b"k" * 32).rstrip(b"=").decode()
    issuer.keys.append({"kty": "oct", "kid": "oct", "k": secret, "alg": "HS256"})
    text = jwt.encode(claims(), b"k" * 32, "HS256", headers={"kid": "oct"})
    assert await refused(PUBLIC, text, issuer) == "invalid-token"


async def test_an_algorithm_that_is_not_allowed_is_refused(issuer: Issuer) -> None:
    only = PUBLIC.model_copy(update={"jwt_algorithms": ("ES256",)})
    text = jwt.encode(claims(), RSA_KEY, "RS256", headers={"kid": "rsa"})
    assert await refused(only, text, issuer) == "invalid-token"


async def test_keys_change_without_a_break(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr("renditor.access.jwt.time.monotonic", lambda: clock)
    checker = verifier(PUBLIC, issuer)
    await checker.verify(jwt.encode(claims(), EC_KEY, "ES256", headers={"kid": "ec"}))
    issuer.add("next", ED_KEY)
    text = jwt.encode(claims(), ED_KEY, "EdDSA", headers={"kid": "next"})
    with pytest.raises(Unauthenticated):
        await checker.verify(text)  # too soon to ask again
    clock += 11
    assert (await checker.verify(text)).owner == "anna"
    assert issuer.asked == 2


async def test_invented_key_ids_do_not_become_requests(issuer: Issuer) -> None:
    checker = verifier(PUBLIC, issuer)
    texts = [jwt.encode(claims(), ED_KEY, "EdDSA", headers={"kid": f"invented-{number}"}) for number in range(20)]
    results = await asyncio.gather(*map(checker.verify, texts), return_exceptions=True)
    assert all(isinstance(result, Unauthenticated) for result in results)
    assert issuer.asked == 1


async def test_an_issuer_that_is_gone_is_503_and_keys_that_were_good_still_are(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr("renditor.access.jwt.time.monotonic", lambda: clock)
    text = jwt.encode(claims(), ED_KEY, "EdDSA", headers={"kid": "ed"})
    issuer.fails = True
    checker = verifier(PUBLIC, issuer)
    for _ in range(2):  # while it is not asked again, too: a good token is no failed login
        with pytest.raises(Unavailable):
            await checker.verify(text)
    assert issuer.asked == 1
    clock += 11
    issuer.fails = False
    await checker.verify(text)
    clock += 1000
    issuer.fails = True
    assert (await checker.verify(text)).owner == "anna"


@pytest.mark.parametrize("bad", [7, None, [], {"alg": ["EdDSA"]}, {"alg": "none"}, {"n": 5}], ids=repr)
async def test_one_damaged_public_key_does_not_spoil_the_others(bad: Any) -> None:
    issuer = Issuer()
    issuer.add("rsa", RSA_KEY)
    issuer.keys.append(issuer.keys[0] | {"kid": "bad"} | bad if isinstance(bad, dict) else bad)
    text = jwt.encode(claims(), RSA_KEY, "RS256", headers={"kid": "rsa"})
    assert (await verifier(PUBLIC, issuer).verify(text)).owner == "anna"


async def test_claims_nested_too_deeply_are_refused() -> None:
    text = jwt.PyJWS().encode(b'{"a":' + b"[" * 2500 + b"]" * 2500 + b"}", SECRET.encode(), "HS256")
    assert await refused(SHARED, text) == "invalid-token"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"keys": 7}', b'{"keys": [7]}', b'{"keys": [{"kid": "ed"}]}', b"\xff", b"[" * 100_000],
    ids=range(8),
)
async def test_whatever_the_issuer_answers_is_no_error_of_ours(content: bytes) -> None:
    async def fetch(_url: str, _most: int) -> bytes:
        return content

    with pytest.raises((Unavailable, Unauthenticated)):
        await JwtVerifier.create(PUBLIC, own, fetch).verify(
            jwt.encode(claims(), ED_KEY, "EdDSA", headers={"kid": "ed"})
        )


@settings(max_examples=200)
@given(
    st.text(max_size=300).map(lambda text: f"{text}.{text}.x")
    | st.binary(max_size=90).map(lambda raw: ".".join([base64.urlsafe_b64encode(raw).decode()] * 3))
)
def test_no_text_is_more_than_refused(text: str) -> None:
    with pytest.raises(RenditorError) as caught:
        asyncio.run(verifier(SHARED).verify(text))
    assert caught.value.status == 401


def test_changing_any_character_of_a_token_spoils_it() -> None:
    text = issue(KEY, "anna", frozenset({"read"}), 60)
    checker = verifier(AccessSettings())
    for place in range(len(text) - 1):  # the last character has bits that do not count
        other = "A" if text[place] != "A" else "B"
        with pytest.raises(Unauthenticated):
            asyncio.run(checker.verify(text[:place] + other + text[place + 1 :]))


async def test_a_very_long_token_is_refused() -> None:
    assert await refused(SHARED, shared(sub="x" * 100_000)) == "invalid-token"


@pytest.mark.parametrize(
    "wrong",
    [
        {"jwt_secret": "short", "jwt_issuer": "a", "jwt_audience": "b"},
        {"jwt_secret": "a" * 64, "jwt_issuer": "a", "jwt_audience": "b"},
        {"jwt_secret": SECRET},
        {"jwt_secret": SECRET, "jwt_issuer": "a"},
        {"jwt_issuer": "a", "jwt_audience": "b"},
        {"jwt_jwks_url": "http://id.example.com/keys", "jwt_issuer": "a", "jwt_audience": "b"},
        {"jwt_jwks_url": "https://id.example.com/keys", "jwt_secret": SECRET, "jwt_issuer": "a", "jwt_audience": "b"},
        {"jwt_algorithms": ["HS256"]},
        {"jwt_algorithms": ["none"]},
        {"jwt_max_age": 10**9},
        {"failed_logins": "many"},
    ],
    ids=str,
)
def test_settings_that_would_be_unsafe_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AccessSettings.model_validate(wrong)


def test_own_tokens_name_their_issuer_and_key() -> None:
    text = issue(KEY, "anna", frozenset({"read"}), 60)
    assert jwt.get_unverified_header(text) == {"alg": "HS256", "kid": KEY.id, "typ": "JWT"}
    assert jwt.decode(text, options={"verify_signature": False})["iss"] == OWN

"""JSON Web Tokens (RFC 7519, with the advice of RFC 8725): the server's own, and those of one other issuer.

The key decides the algorithm, never the token: own tokens are HS256 with a key of the server's keyring, found by
``kid``; the other issuer's are HS256 with its secret, or what its public key (JWKS, RFC 7517) is for.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import jwt

from renditor.access.keyring import Key, Keyring
from renditor.access.settings import AccessSettings
from renditor.errors import BadRequest, RenditorError, Unauthenticated, Unavailable
from renditor.models import DEFAULT_TENANT, Principal

# Issuer and audience of the server's own tokens.
OWN: Final = "renditor"
OWN_ALGORITHM: Final = "HS256"
# Longest life of an own token, seconds: it cannot be revoked by itself.
OWN_LONGEST: Final = 30 * 86_400
REQUIRED: Final = ("exp", "iat", "iss", "aud", "sub")
# A header line of most servers. Longer ones only burn CPU. Characters.
_LONGEST = 8192
# Bytes of a set of public keys; a big one has a dozen keys of 1 KB.
_LONGEST_JWKS = 256 * 1024
# How long public keys are kept (an unknown ``kid`` asks again sooner), and how soon after an answer they are asked for
# again: tokens with invented key ids must not become requests to the issuer. Seconds.
_KEYS_SECONDS = 600
_COOL_DOWN_SECONDS = 10
_OWNER = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,200}")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,63}")
_SCOPES = frozenset({"read", "write", "admin"})

# Fetches a URL: (url, most bytes).
Fetch = Callable[[str, int], Awaitable[bytes]]


def issue(key: Key, owner: str, scopes: frozenset[str], seconds: int, tenant: str = DEFAULT_TENANT) -> str:
    """A token of the server's own for ``owner``, good for so many seconds from now.

    Raises: BadRequest: for too long, an unknown scope, an unfit owner or tenant.
    """
    if not 0 < seconds <= OWN_LONGEST:
        raise BadRequest(
            f"A token is good for 1 to {OWN_LONGEST} seconds ({OWN_LONGEST // 86_400} days).",
            hint="It cannot be revoked by itself. For longer: renditor keys create.",
        )
    if not scopes or scopes - _SCOPES:
        raise BadRequest(
            f"Unknown scope {', '.join(sorted(scopes - _SCOPES))!r}.", hint="Scopes are read, write, admin."
        )
    if not _OWNER.fullmatch(owner) or not _TENANT.fullmatch(tenant):
        raise BadRequest(
            "This cannot be an owner or a tenant.", hint="A tenant has up to 64 letters, digits, and . _ - @"
        )
    now = int(time.time())
    claims = {
        "iss": OWN,
        "aud": OWN,
        "sub": owner,
        "tenant": tenant,
        "scope": " ".join(sorted(scopes)),
        "iat": now,
        "exp": now + seconds,
    }
    return jwt.encode(claims, key.secret, OWN_ALGORITHM, headers={"kid": key.id})


@dataclass(slots=True)
class PublicKeys:
    """The other issuer's public keys, fetched when they are needed."""

    url: str
    fetch: Fetch
    # None: they were never fetched.
    _known: dict[str, jwt.PyJWK] | None = None
    _asked_at: float = -math.inf
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key of that id; None: the issuer has no such key. Raises: Unavailable: the keys cannot be fetched."""
        async with self._asking:
            age = time.monotonic() - self._asked_at
            stale = age > _KEYS_SECONDS or self._known is None or key_id not in self._known
            if stale and age > _COOL_DOWN_SECONDS:
                await self._refresh()
        if self._known is None:  # no verdict on the token: a good one must not count as a failed login
            raise Unavailable("The public keys of the token's issuer cannot be fetched.", code="no-keys")
        return self._known.get(key_id)

    async def _refresh(self) -> None:
        self._asked_at = time.monotonic()
        try:
            self._known = _read_keys(await self.fetch(self.url, _LONGEST_JWKS))
        except (RenditorError, ValueError, KeyError, TypeError, RecursionError):
            return  # whatever the issuer answers: keys that were good before still are


@dataclass(frozen=True, slots=True)
class JwtVerifier:
    """Tells who a token speaks of. ``fetch``: the guarded client."""

    settings: AccessSettings
    own: Callable[[], Awaitable[Keyring]]
    public: PublicKeys | None = None

    @classmethod
    def create(cls, settings: AccessSettings, own: Callable[[], Awaitable[Keyring]], fetch: Fetch) -> JwtVerifier:
        url = settings.jwt_jwks_url
        return cls(settings, own, PublicKeys(url, fetch) if url else None)

    async def verify(self, text: str) -> Principal:
        """The principal a token speaks of.

        Raises:
            Unauthenticated: ``token-expired``: it was good once; ``invalid-token``: anything else.
            Unavailable: the issuer's public keys cannot be fetched.
        """
        key_id = _key_id(text)
        own = (await self.own()).find(key_id) if key_id else None
        if own is not None:
            return _principal(_decode(text, own.secret, OWN_ALGORITHM, (OWN, OWN, 0)), OWN_LONGEST, key_id)
        settings = self.settings
        if settings.jwt_issuer is None or settings.jwt_audience is None:
            raise _invalid()
        expected = (settings.jwt_issuer, settings.jwt_audience, settings.jwt_leeway)
        if settings.jwt_secret is not None:
            claims = _decode(text, settings.jwt_secret.get_secret_value().encode(), OWN_ALGORITHM, expected)
        else:
            key = await self.public.find(key_id) if self.public is not None and key_id else None
            if key is None or key.algorithm_name not in settings.jwt_algorithms:
                raise _invalid()
            claims = _decode(text, key.key, key.algorithm_name, expected)
        return _principal(claims, settings.jwt_max_age, key_id)


def _decode(text: str, key: Any, algorithm: str, expected: tuple[str, str, int]) -> dict[str, Any]:
    issuer, audience, leeway = expected
    try:
        return jwt.decode(
            text,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=audience,
            leeway=leeway,
            options={"require": list(REQUIRED), "enforce_minimum_key_length": True},
        )
    except jwt.ExpiredSignatureError:
        hint = "Ask for a new one; `renditor token issue` makes one."
        raise Unauthenticated("The token has expired.", code="token-expired", hint=hint) from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):  # claims of odd types
        raise _invalid() from None


def _principal(claims: dict[str, Any], max_age: int, key_id: str | None) -> Principal:
    owner, tenant = claims["sub"], claims.get("tenant", DEFAULT_TENANT)
    if not _OWNER.fullmatch(owner) or not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise _invalid()
    try:
        age = float(claims["exp"]) - float(claims["iat"])
    except (TypeError, ValueError, OverflowError):  # OverflowError: hundreds of digits
        raise _invalid() from None
    if not 0 < age <= max_age:  # a token for years is a key that nobody can revoke
        raise _invalid()
    scope = claims.get("scope", "")
    scopes = frozenset(scope.split()) & _SCOPES if isinstance(scope, str) else frozenset[str]()
    return Principal(owner=owner, tenant=tenant, scopes=scopes, key_id=key_id, kind="jwt")


def _key_id(text: str) -> str | None:
    if len(text) > _LONGEST:
        raise _invalid()
    try:
        found = jwt.get_unverified_header(text).get("kid")
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise _invalid() from None
    return found if isinstance(found, str) else None


def _read_keys(content: bytes) -> dict[str, jwt.PyJWK]:
    """The public keys for signing that are of use here. Raises: ValueError."""
    keys = json.loads(content)["keys"]
    found: dict[str, jwt.PyJWK] = {}
    for one in cast("list[Any]", keys):
        if not isinstance(one, dict):
            continue
        # A shared secret among public keys would let everybody who can read them sign.
        if one.get("kty") == "oct" or one.get("use", "sig") != "sig" or not isinstance(one.get("kid"), str):
            continue
        try:
            found[one["kid"]] = jwt.PyJWK(one)
        except (jwt.PyJWTError, ValueError, TypeError, NotImplementedError):
            continue  # one key of no use (its ``alg`` is "none", or a list) does not take the others along
    return found


def _invalid() -> Unauthenticated:
    return Unauthenticated("The token is not valid.", code="invalid-token", hint="It must be signed for this server.")

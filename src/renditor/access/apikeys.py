"""API keys: made once, shown once, stored as a hash.

A key reads ``rk_<id>_<secret>``: the id finds the row, the secret (256 random bits) proves the holder. High-entropy
secrets need no slow hash, which would only be a lever to burn our CPU; sha256 is compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from renditor.access.ratelimit import Rate
from renditor.errors import BadRequest, Unauthenticated
from renditor.models import DEFAULT_TENANT, ApiKey, Principal, Scope, new_id, now_ms

SCOPES: tuple[Scope, ...] = ("read", "write", "admin")

_KEY = re.compile(r"rk_([0-9a-z]{26})_([0-9a-f]{64})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,63}")
# The end of the year 9999, which is as far as dates go; ms since 1970.
_LAST = 253_402_300_799_000
_HINT = "`renditor keys list` shows which keys are good; `renditor keys create` makes one."


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh key: ``text`` is the only place where its secret stands in the clear."""

    key: ApiKey
    text: str
    secret_hash: str


def create(
    name: str,
    scopes: Iterable[str],
    *,
    tenant: str = DEFAULT_TENANT,
    owner: str | None = None,
    uploads: str | None = None,
    expires_at: int | None = None,
) -> NewKey:
    """Make a key; without ``owner`` a new owner is made. ``expires_at``: ms since 1970.

    Raises: BadRequest: an unknown scope, an unfit name, tenant or owner, not a rate, a time that has passed.
    """
    wanted = frozenset(scopes)
    unknown = wanted - set(SCOPES)
    if unknown or not wanted:
        raise BadRequest(f"Unknown scope {', '.join(sorted(unknown))!r}.", hint=f"Scopes are {', '.join(SCOPES)}.")
    # It is shown on terminals, and a tenant chooses it: no control characters, no half of a pair.
    if not name.strip() or not name.isprintable():
        raise BadRequest("A key has a name of printable characters.", hint="Say what it is for, such as: website")
    for label, value in (("a tenant", tenant), ("an owner", "x" if owner is None else owner)):
        if not _NAME.fullmatch(value):
            raise BadRequest(f"{value!r} cannot be {label}.", hint="Use up to 64 letters, digits, and . _ - @")
    if uploads is not None:
        Rate.parse(uploads)
    if expires_at is not None and not now_ms() < expires_at < _LAST:
        raise BadRequest("A key expires at a time to come.", hint="Give 90d, or a date such as 2030-01-31.")
    key_id, secret = new_id(), secrets.token_hex(32)
    key = ApiKey(
        id=key_id,
        name=name[:200],
        tenant=tenant,
        owner=owner or f"owner-{new_id()}",
        scopes=wanted,
        created_at=now_ms(),
        uploads=uploads,
        expires_at=expires_at,
    )
    return NewKey(key, f"rk_{key_id}_{secret}", _hash(secret))


def split(text: str) -> tuple[str, str]:
    """The id and secret of a key. Raises: Unauthenticated."""
    match = _KEY.fullmatch(text)
    if not match:
        raise Unauthenticated(hint=_HINT)
    return match[1], match[2]


def verify(found: tuple[ApiKey, str] | None, secret: str) -> Principal:
    """The principal behind a key. Unknown, revoked, expired and wrong keys are refused alike.

    Raises: Unauthenticated.
    """
    key, secret_hash = found or (None, _hash(""))
    matches = hmac.compare_digest(_hash(secret), secret_hash)
    if key is None or not matches or key.state(now_ms()) != "active":
        raise Unauthenticated(hint=_HINT)
    return Principal(owner=key.owner, tenant=key.tenant, scopes=key.scopes, key_id=key.id, uploads=key.uploads)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

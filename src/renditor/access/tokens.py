"""Upload tokens: what a program gives to a browser, so that it can send files without a key.

A token reads ``rt_<id>_<secret>`` and is stored as a hash, like a key. It is good for so many files, of such types and
sizes, until it expires; it opens nothing but the uploads made with it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, get_args

from renditor.errors import BadRequest, Unauthenticated
from renditor.models import Allowance, ApiKey, MediaType, Principal, new_id, now_ms

MEDIA_TYPES: Final[tuple[MediaType, ...]] = get_args(MediaType)
# A token lies in a web page: long enough for an upload, not for whoever finds it in an archive. Seconds.
LONGEST: Final = 86_400
_TOKEN = re.compile(r"rt_([0-9a-z]{26})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class UploadToken:
    """A token without its secret. ``max_bytes`` of each file (None: the server's limits); times in ms since 1970."""

    id: str
    tenant: str
    owner: str
    made_by: str
    max_bytes: int | None
    media_types: frozenset[MediaType]
    uploads_left: int
    created_at: int
    expires_at: int
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A fresh token: ``text`` is the only place where its secret stands in the clear."""

    token: UploadToken
    text: str
    secret_hash: str


def create(
    principal: Principal, seconds: int, uploads: int, max_bytes: int | None, media_types: Iterable[MediaType]
) -> NewToken:
    """Make a token for uploads that ``principal`` will own.

    Raises: BadRequest: for too long.
    """
    if not 0 < seconds <= LONGEST:
        raise BadRequest(f"An upload token is good for 1 to {LONGEST} seconds.")
    token_id, secret, now = new_id(), secrets.token_hex(32), now_ms()
    token = UploadToken(
        id=token_id,
        tenant=principal.tenant,
        owner=principal.owner,
        # The key id of a JWT is its issuer's: as long as that likes, and perhaps that of one of our keys.
        made_by=(principal.key_id if principal.kind == "key" else None) or principal.kind,
        max_bytes=max_bytes,
        media_types=frozenset(media_types),
        uploads_left=uploads,
        created_at=now,
        expires_at=now + seconds * 1000,
    )
    return NewToken(token, f"rt_{token_id}_{secret}", _hash(secret))


def split(text: str) -> tuple[str, str]:
    """The id and secret of a token. Raises: Unauthenticated."""
    match = _TOKEN.fullmatch(text)
    if not match:
        raise _invalid()
    return match[1], match[2]


def verify(found: tuple[UploadToken, str] | None, secret: str, maker: ApiKey | None) -> Principal:
    """The principal behind a token.

    Args:
        maker: the API key it was made with; None: it was made with a JWT. A token ends with its key, or whoever has
            stolen one could go on with it for a day after it was revoked. It has the key's rate of uploads.

    Raises: Unauthenticated: unknown, revoked and wrong ones alike; expired.
    """
    token, secret_hash = found or (None, _hash(""))
    if not hmac.compare_digest(_hash(secret), secret_hash) or token is None or token.revoked_at is not None:
        raise _invalid()
    if maker is not None and maker.state(now_ms()) != "active":
        raise _invalid()
    if token.expires_at <= now_ms():
        raise Unauthenticated("The upload token has expired.", code="token-expired")
    return Principal(
        owner=token.owner,
        tenant=token.tenant,
        scopes=frozenset({"token"}),
        key_id=token.id,
        uploads=None if maker is None else maker.uploads,
        kind="token",
        allowance=Allowance(token.id, token.max_bytes, token.media_types),
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _invalid() -> Unauthenticated:
    return Unauthenticated("The upload token is not valid.", code="invalid-token")

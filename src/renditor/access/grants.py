"""Grants: time-limited permission to see a private asset, as a signed text that goes into a URL or a cookie.

A grant reads ``<what><bound>.<key id>.<asset id>.<expiry>.<signature>``. What it is for is ``x``, exactly one path
(public id, extension and transformation), or ``a``, all there is of the asset: a stream is a folder of files. ``b``
behind it binds the grant to the address of a client. The expiry is in seconds since 1970, the signature the first 192
bits of HMAC-SHA-256 over all of it, the path and the address.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from dataclasses import dataclass
from typing import Final, Literal

from renditor.access.keyring import Key, Keyring, mac
from renditor.errors import Unauthenticated

# Longest life of a grant, seconds. Whoever has one can pass it on.
LONGEST: Final = 7 * 86_400
SHORTEST: Final = 10
_TEXT = re.compile(r"([xa])(b?)\.([0-9a-z]{26})\.([0-9a-z]{26})\.([1-9][0-9]{9,10})\.([A-Za-z0-9_-]{32})")
_SIGNATURE_BYTES = 24

What = Literal["x", "a"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a grant allows; ``expires_at`` in seconds since 1970. Believe it only from ``verify``."""

    what: What
    asset_id: str
    expires_at: int

    @property
    def whole_asset(self) -> bool:
        return self.what == "a"


def sign(key: Key, grant: Grant, path: str = "", address: str | None = None) -> str:
    """The text of a grant.

    Args:
        key: the newest of the keyring.
        grant: what it allows.
        path: of a grant for one path: tenant, kind and ``DeliveryPath.signed``, as ``subject`` joins them.
        address: the only client that may use it; None: whoever has it.
    """
    head = f"{grant.what}{'' if address is None else 'b'}.{key.id}.{grant.asset_id}.{grant.expires_at}"
    return f"{head}.{_signature(key, head, path, address)}"


def verify(text: str, keyring: Keyring, path: str, address: str, now: float) -> Grant:
    """What a grant allows at ``now`` (seconds since 1970), for this path and this client.

    Raises: Unauthenticated: ``grant-expired``: it was good once; ``bad-grant``: anything else.
    """
    match = _TEXT.fullmatch(text)
    key = keyring.find(match[3]) if match else None
    if match is None or key is None:
        raise _bad()
    what: What = "x" if match[1] == "x" else "a"
    head, _, signature = text.rpartition(".")
    expected = _signature(key, head, path if what == "x" else "", address if match[2] else None)
    if not hmac.compare_digest(signature, expected):
        raise _bad()
    grant = Grant(what, match[4], int(match[5]))
    if grant.expires_at <= now:
        raise Unauthenticated("The grant in this URL has expired.", code="grant-expired", hint="Ask for a new one.")
    return grant


def subject(tenant: str, kind: str, signed: str) -> str:
    """The path that a grant is for: ``signed`` leaves out the version and what is before it."""
    return f"{tenant}/{kind}/{signed}"


def _signature(key: Key, head: str, path: str, address: str | None) -> str:
    digest = mac(key, json.dumps(["grant", head, path, address]).encode())
    return base64.urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).decode()


def _bad() -> Unauthenticated:
    return Unauthenticated("The grant in this URL is not valid.", code="bad-grant", hint="Ask for a new one.")

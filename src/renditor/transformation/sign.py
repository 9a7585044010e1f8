"""Cloudinary's delivery signatures: proof that the owner of a secret made this very URL.

    s-- + base64url(sha1(transformation/public_id.ext + secret))[:8] + --      the long form: sha256, 32 characters

The version is not covered. Source: Cloudinary's documentation of delivery signatures, checked against its Python SDK.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

_SHORT, _LONG = 8, 32


def sign(text: str, secret: str, *, long: bool = False) -> str:
    """The signature of a delivery path without its dashes.

    Args:
        text: ``DeliveryPath.signed``: the transformation and the public id with extension.
        secret: the tenant's secret.
        long: 192 bits of SHA-256; the short form has 48 bits of SHA-1 and exists for URLs made by the older SDKs.
    """
    data = (text + secret).encode()
    # SHA-1 is what every Cloudinary SDK sends by default; the short form rests on the secret, not on collisions.
    digest = hashlib.sha256(data).digest() if long else hashlib.sha1(data, usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode()[: _LONG if long else _SHORT]


def verify(signature: str, text: str, secret: str) -> bool:
    """True when ``signature`` is one of the accepted forms for ``text``; takes the same time wherever it differs."""
    if not signature.isascii():
        return False
    return hmac.compare_digest(signature, sign(text, secret, long=len(signature) == _LONG))

"""Secrets at rest: what the server keeps secret lies in the catalog, sealed with a master key that does not.

AES-256-GCM (NIST SP 800-38D) under a key derived from the master key (HKDF, RFC 5869), bound to the id and purpose of
the secret: a row that was copied to another place does not open.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from renditor.errors import BadRequest

# A master key somebody typed. 32 characters of base64 are 192 bits; shorter ones can be guessed.
_SHORTEST = 32
# Fewer different characters than this are no random text.
_FEWEST_CHARACTERS = 10
_NONCE_BYTES = 12


class Vault:
    """Seals and opens secrets.

    Args:
        master_key: random text, at least 32 characters.

    Raises:
        BadRequest: a master key that can be guessed: too short, or too few different characters.
    """

    def __init__(self, master_key: str) -> None:
        if len(master_key) < _SHORTEST or len(set(master_key)) < _FEWEST_CHARACTERS:
            raise BadRequest(
                "The master key is too weak.",
                hint=f"Give RENDITOR_MASTER_KEY {_SHORTEST} random characters or more: openssl rand -hex 32.",
                code="bad-settings",
            )
        derived = HKDF(hashes.SHA256(), length=32, salt=None, info=b"renditor secrets at rest").derive(
            master_key.encode()
        )
        self._cipher = AESGCM(derived)

    def seal(self, secret_id: str, purpose: str, secret: bytes) -> bytes:
        """The sealed form: nonce, ciphertext, tag."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, f"{purpose}:{secret_id}".encode())

    def open(self, secret_id: str, purpose: str, sealed: bytes) -> bytes:
        """The secret. Raises: BadRequest: it was sealed with another master key, or changed."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, f"{purpose}:{secret_id}".encode())
        except (InvalidTag, ValueError):  # ValueError: cut off
            raise BadRequest(
                "The secrets in the catalog do not open with this master key.",
                hint="Use the RENDITOR_MASTER_KEY, or the file secrets/master, that the catalog was made with. Several"
                " machines on one database need the same.",
                code="bad-settings",
            ) from None

"""Keys that sign: one signs, all that are not retired verify, so that they can be changed without a break."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal

# What the keys of a server are for. Each purpose has keys of its own: a signature of one is none of another.
Purpose = Literal["grants", "tokens", "audit", "delivery"]
PURPOSES: tuple[Purpose, ...] = ("grants", "tokens", "audit", "delivery")
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """``id`` goes with what it signed."""

    id: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one purpose, newest first; at least one.

    ``unheard``: how many of them are so new that other processes may not have heard of them yet.
    """

    keys: tuple[Key, ...]
    unheard: int = 0

    @property
    def newest(self) -> Key:
        return self.keys[0]

    @property
    def signing(self) -> Key:
        """The newest that every process knows: what it signs is good everywhere at once."""
        return self.keys[min(self.unheard, len(self.keys) - 1)]

    def find(self, key_id: str) -> Key | None:
        return next((key for key in self.keys if key.id == key_id), None)


def new_secret(purpose: Purpose) -> bytes:
    """256 random bits; where people copy it into their own programs, as text."""
    return secrets.token_hex(SECRET_BYTES).encode() if purpose == "delivery" else secrets.token_bytes(SECRET_BYTES)


def mac(key: Key, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104), 32 bytes."""
    return hmac.digest(key.secret, message, hashlib.sha256)

"""``Content-Digest`` and ``Repr-Digest`` (RFC 9530): what a client says that its body hashes to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from renditor.errors import BadRequest

# Algorithms that RFC 9530 (section 5) has as active, as they are called there and here. All others are ignored.
_ALGORITHMS: Final = {"sha-256": "sha256", "sha-512": "sha512"}
# Characters of a field: both digests take 180. More is somebody keeping our parser busy.
_LONGEST: Final = 2000
# A dictionary of byte sequences (RFC 9651, 3.2, 3.3.5), with parameters, which say nothing here.
_MEMBER: Final = re.compile(
    r'([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):(?:;[ ]*[a-z*][a-z0-9_.*-]*(?:=[\w.:/+*%-]+|="[\w .:/+-]*")?)*',
    re.ASCII,
)
_SEPARATOR: Final = re.compile(r"[ \t]*,[ \t]*")


@dataclass(frozen=True, slots=True)
class Digest:
    """One promise: ``field`` said that the body has this ``digest`` by ``algorithm`` (as hashlib names it)."""

    field: str
    algorithm: str
    digest: bytes


class Digests:
    """Hashes a body by each algorithm that something was promised for, once."""

    def __init__(self, promised: Iterable[Digest]) -> None:
        self._promised = tuple(promised)
        self._hashes: dict[str, Any] = {one.algorithm: hashlib.new(one.algorithm) for one in self._promised}

    def __bool__(self) -> bool:
        return bool(self._promised)

    def update(self, pieces: Iterable[bytes | bytearray]) -> None:
        """Blocking."""
        for piece in pieces:
            for one in self._hashes.values():
                one.update(piece)

    def check(self) -> None:
        """Raises: BadRequest: the body is another one."""
        for one in self._promised:
            if not hmac.compare_digest(self._hashes[one.algorithm].digest(), one.digest):
                raise BadRequest(
                    f"The body is not what its {one.field} says.", code="digest-mismatch", hint="Send it again."
                )


def read_digests(field: str, text: str) -> tuple[Digest, ...]:
    """What one header field promises; ``text`` has all its lines, joined by commas.

    Raises: BadRequest: no dictionary of byte sequences, or no digest of that length.
    """
    if len(text) > _LONGEST:
        raise _malformed(field)
    found: dict[str, Digest] = {}
    rest, position = text.strip(" \t"), 0
    while position < len(rest):
        member = _MEMBER.match(rest, position)
        if member is None:
            raise _malformed(field)
        # Of two members with the same key the last one counts (RFC 9651, 4.2.2).
        found[member[1]] = Digest(field, _ALGORITHMS.get(member[1], ""), _bytes(field, member[2]))
        position = member.end()
        if position == len(rest):
            break
        separator = _SEPARATOR.match(rest, position)
        if separator is None or separator.end() == len(rest):
            raise _malformed(field)
        position = separator.end()
    known = tuple(one for one in found.values() if one.algorithm)
    if any(len(one.digest) != hashlib.new(one.algorithm).digest_size for one in known):
        raise _malformed(field)
    return known


def _bytes(field: str, text: str) -> bytes:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except binascii.Error:
        raise _malformed(field) from None


def _malformed(field: str) -> BadRequest:
    hint = f"It reads `{field}: sha-256=:BASE64:` (RFC 9530); sha-512 is known too."
    return BadRequest(f"{field} is not a dictionary of digests.", code="bad-digest", hint=hint)

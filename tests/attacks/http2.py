"""Frames of HTTP/2 (RFC 9113) and fields of heads without compression (RFC 7541, 6.2.2): what no client would send."""

from __future__ import annotations

import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4
OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def field(name: bytes, value: bytes) -> bytes:
    """One header field, of at most 126 bytes each."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


def get(path: bytes, *more: bytes, authority: bytes = b"localhost") -> bytes:
    pseudo = {b":method": b"GET", b":scheme": b"https", b":path": path, b":authority": authority}
    return b"".join(field(name, value) for name, value in pseudo.items() if value) + b"".join(more)


def frames(received: bytes) -> list[tuple[int, int, bytes]]:
    """(kind, stream, payload) of each."""
    found = []
    while len(received) >= 9:
        length = int.from_bytes(received[:3], "big")
        found.append((received[3], int.from_bytes(received[5:9], "big") & 0x7FFFFFFF, received[9 : 9 + length]))
        received = received[9 + length :]
    return found

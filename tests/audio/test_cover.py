from __future__ import annotations

import base64
import struct

from hypothesis import given
from hypothesis import strategies as st

from renditor.audio.cover import picture_tag


@given(st.binary(max_size=2000))
def test_a_picture_as_flac_has_it(picture: bytes) -> None:
    """RFC 9639, 8.8: type, media type, description, five numbers, data; numbers are big-endian."""
    head, line, end = picture_tag(picture).split("\n")
    assert (head, end) == (";FFMETADATA1", "")
    name, _, value = line.partition("=")
    assert name == "METADATA_BLOCK_PICTURE"
    block = base64.b64decode(value.replace("\\=", "="), validate=True)
    kind, length = struct.unpack(">II", block[:8])
    assert (kind, block[8 : 8 + length]) == (3, b"image/jpeg")
    *_, size = struct.unpack(">IIIIII", block[8 + length : 32 + length])
    assert block[32 + length :] == picture
    assert size == len(picture)

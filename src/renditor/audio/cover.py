"""The attached picture: decoded into a plain JPEG, so that nothing but pixels of it is carried on."""

from __future__ import annotations

import base64
import struct
from typing import Final

from renditor.ffmpeg.run import MJPEG, NO_METADATA
from renditor.ffmpeg.workspace import WORK

COVER_FILE: Final = WORK / "cover.jpg"
PICTURE_TAG_FILE: Final = WORK / "picture.txt"
_SIDE: Final = 1000  # px; what players show, and no more of a huge picture is carried along
_FRONT: Final = 3  # type of picture: front cover (RFC 9639, table 13)
_MIME: Final = b"image/jpeg"


def take_cover(index: int, source: list[str]) -> list[str]:
    """Arguments that write ``COVER_FILE`` from stream ``index`` of a source (``Toolbox.open``)."""
    return [
        *source,
        *("-map", f"0:{index}", "-frames:v", "1"),
        *("-vf", f"scale=w='min({_SIDE},iw)':h=-1,format=yuvj420p", *MJPEG, "-q:v", "3"),
        *NO_METADATA,
        *("-f", "image2", "-update", "1", str(COVER_FILE)),
    ]


def picture_tag(picture: bytes) -> str:
    """A JPEG as a tag for Ogg, in a file for FFmpeg's ``ffmetadata``: no command line could hold it.

    FFmpeg writes no pictures into Ogg. The tag METADATA_BLOCK_PICTURE holds one as FLAC does (RFC 9639, 8.8), in
    Base64. Fields that are 0 (size, depth, colours) are unknown: players read the JPEG.
    """
    head = struct.pack(">II", _FRONT, len(_MIME)) + _MIME + struct.pack(">IIIIII", 0, 0, 0, 0, 0, len(picture))
    # The format has a meaning for "=", with which Base64 may end.
    text = base64.b64encode(head + picture).decode().replace("=", "\\=")
    return f";FFMETADATA1\nMETADATA_BLOCK_PICTURE={text}\n"

"""Names of codecs as CODECS attributes give them (RFC 6381), from the sample entries of a file.

Sources: ISO/IEC 14496-15 annex E (avc1, hvc1), the AV1 and VP9 bindings for ISOBMFF, ISO/IEC 14496-1 and -3 (mp4a).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from renditor.video.streams.boxes import Box, boxes, find

VISUAL_BYTES: Final = 78
"""Bytes of the sample entry of pictures before the boxes inside it (ISO/IEC 14496-12, 12.1.3)."""
SOUND_BYTES: Final = 28
"""The same of sound (12.2.3)."""
# Sound that plays on decoders of AAC-LC need not tell of its extension (ISO/IEC 14496-3, 1.6.6, implicit signalling).
_EXTENDED: Final = ("mp4a.40.5", "mp4a.40.29")
# MPEG-1 and MPEG-2 layer III has as many names as registries.
_MP3: Final = frozenset(("mp4a.40.34", "mp4a.69", "mp4a.6b", "mp3"))
_FORMER_AVC: Final = re.compile(r"avc1\.([0-9]{1,3})\.([0-9]{1,2})")  # profile and level as decimal numbers
PROTECTED: Final = ("encv", "enca")
"""Sample entries of encrypted pictures and sound; what they were before stands inside (ISO/IEC 14496-12, 8.12)."""
_LONGEST_DESCRIPTOR: Final = 4  # bytes in which an MPEG-4 descriptor gives its size


def name(data: bytes, entry: Box, *, visual: bool) -> str:
    """The RFC 6381 name of a sample entry; its four letters where there is no more to say.

    Raises:
        ValueError: damaged.
    """
    inside = entry.body + (VISUAL_BYTES if visual else SOUND_BYTES)
    letters = entry.kind
    if letters in PROTECTED:
        for box in find(data, "sinf/frma", inside, entry.end):
            letters = data[box.body : box.end].decode("latin-1")
    if letters not in _CONFIGURATIONS:
        return _PLAIN.get(letters, letters)
    kind, describe = _CONFIGURATIONS[letters]
    for box in boxes(data, inside, entry.end):
        if box.kind == kind:
            try:
                return f"{letters}.{describe(data[box.body : box.end])}"
            except IndexError:
                raise ValueError("the description of a codec is cut off") from None
    raise ValueError("a codec is not described")


def same(declared: str, found: str) -> bool:
    """Whether a declared name says what was found, as far as looking inside can tell.

    Letter case does not count, nor do the optional parts of AV1 and VP9 names; of HE-AAC often only its AAC-LC is seen.
    What was found without a profile (``dvh1``, ``stpp``) has any.
    """
    one, other = (_normal(value) for value in (declared, found))
    if former := _FORMER_AVC.fullmatch(one):
        profile, level = (f"{int(part):02x}" for part in former.groups())
        return other.startswith(f"avc1.{profile}") and other.endswith(level)
    if "." not in other:
        return one.partition(".")[0] == other
    return one == other or {one, other} <= _MP3 or (other == "mp4a.40.2" and one in _EXTENDED)


def sps_name(sps: bytes) -> str:
    """The name of an H.264 stream from its sequence parameter set, without the NAL unit header (RFC 6381, 3.3)."""
    return f"avc1.{sps[:3].hex()}"


def _normal(value: str) -> str:
    parts = value.strip().lower().split(".")
    optional = {"av01": 4, "vp09": 4}.get(parts[0], len(parts))
    family = {"avc3": "avc1", "hev1": "hvc1"}.get(parts[0], parts[0])
    return ".".join([family, *parts[1:optional]])


def _avc(body: bytes) -> str:
    return body[1:4].hex()


def _hevc(body: bytes) -> str:
    first, compatible, level = body[1], int.from_bytes(body[2:6], "big"), body[12]
    space = ("", "A", "B", "C")[first >> 6]
    tier = "H" if first & 0x20 else "L"
    constraints = body[6:12].rstrip(b"\0")
    parts = [f"{space}{first & 0x1F}", f"{int(f'{compatible:032b}'[::-1], 2):X}", f"{tier}{level}"]
    return ".".join([*parts, *(f"{byte:X}" for byte in constraints)])


def _av1(body: bytes) -> str:
    profile, level, flags = body[1] >> 5, body[1] & 0x1F, body[2]
    bits = 12 if flags & 0x20 else 10 if flags & 0x40 else 8
    return f"{profile}.{level:02}{'H' if flags & 0x80 else 'M'}.{bits:02}"


def _vp9(body: bytes) -> str:
    profile, level, depth = body[4], body[5], body[6] >> 4
    return f"{profile:02}.{level:02}.{depth:02}"


def _mpeg4(body: bytes) -> str:
    """``40.2``: what kind of object, and for MPEG-4 audio which type."""
    content, kind = _descriptor(body, 4)  # after version and flags
    if kind != 3:
        raise ValueError("a codec is not described")
    flags, place = body[content + 2], content + 3
    place += (2 if flags & 0x80 else 0) + (1 + body[place] if flags & 0x40 else 0) + (2 if flags & 0x20 else 0)
    content, _ = _descriptor(body, place)
    codec = f"{body[content]:02x}"
    if codec != "40":
        return codec
    specific, kind = _descriptor(body, content + 13)
    if kind != 5:
        return codec
    object_type = body[specific] >> 3
    if object_type == 31:
        object_type = 32 + ((body[specific] & 7) << 3 | body[specific + 1] >> 5)
    return f"40.{object_type}"


def _descriptor(body: bytes, place: int) -> tuple[int, int]:
    """Where the content of the descriptor at ``place`` begins, and its tag (ISO/IEC 14496-1, 8.3.3)."""
    end = place + 1
    while body[end] & 0x80 and end <= place + _LONGEST_DESCRIPTOR:
        end += 1
    return end + 1, body[place]


# By the sample entry: the box that describes the codec, and how.
_CONFIGURATIONS: Final[Mapping[str, tuple[str, Callable[[bytes], str]]]] = {
    "avc1": ("avcC", _avc),
    "avc3": ("avcC", _avc),
    "hvc1": ("hvcC", _hevc),
    "hev1": ("hvcC", _hevc),
    "av01": ("av1C", _av1),
    "vp09": ("vpcC", _vp9),
    "mp4a": ("esds", _mpeg4),
}
_PLAIN: Final[Mapping[str, str]] = {"Opus": "opus"}

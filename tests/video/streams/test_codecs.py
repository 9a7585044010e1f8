"""Names against examples of the specifications; the boxes of real files are read in check/test_foreign.py."""

from __future__ import annotations

import struct

import pytest

from renditor.video.streams.boxes import Box
from renditor.video.streams.codecs import SOUND_BYTES, VISUAL_BYTES, name, same

DECODER = "4015" + "00" * 11  # an MPEG-4 audio decoder: kind, stream type, buffer size, two bit rates


def entry(kind: str, box: bytes, body: str, *, visual: bool) -> tuple[bytes, Box]:
    content = bytes.fromhex(body)
    inside = struct.pack(">I4s", 8 + len(content), box) + content
    data = bytes(8 + (VISUAL_BYTES if visual else SOUND_BYTES)) + inside
    return data, Box(kind, 0, 8, len(data))


@pytest.mark.parametrize(
    ("kind", "box", "body", "expected"),
    [
        ("avc1", b"avcC", "0164001fffe1", "avc1.64001f"),
        # ISO/IEC 14496-15, E.3: "hvc1.1.6.L93.B0", and a tier and profile space
        ("hvc1", b"hvcC", "0101600000 00b000000000005d", "hvc1.1.6.L93.B0"),
        ("hev1", b"hvcC", "01644100000023000000000078", "hev1.A4.82.H120.23"),
        ("av01", b"av1C", "81044c00", "av01.0.04M.10"),
        ("av01", b"av1C", "8128ec00", "av01.1.08H.12"),
        ("vp09", b"vpcC", "01000000021f8101", "vp09.02.31.08"),
    ],
)
def test_pictures(kind: str, box: bytes, body: str, expected: str) -> None:
    data, place = entry(kind, box, body, visual=True)
    assert name(data, place, visual=True) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"00000000 0319000200 0411{DECODER} 05021210 060102", "mp4a.40.2"),
        (f"00000000 0380808019000200 0480808011{DECODER} 05808080022b10", "mp4a.40.5"),
        (f"00000000 0319000200 0411{DECODER} 0503f94000", "mp4a.40.42"),
        ("00000000 0315000200 040d6b15" + "00" * 11, "mp4a.6b"),
    ],
)
def test_sound(body: str, expected: str) -> None:
    data, place = entry("mp4a", b"esds", body, visual=False)
    assert name(data, place, visual=False) == expected


def test_names_without_more() -> None:
    assert name(b"", Box("Opus", 0, 8, 8), visual=False) == "opus"
    assert name(b"", Box("ac-3", 0, 8, 8), visual=False) == "ac-3"


@pytest.mark.parametrize("body", ["", "0000", "00000000031900", "00000000 04"])
def test_damage(body: str) -> None:
    data, place = entry("mp4a", b"esds", body, visual=False)
    with pytest.raises(ValueError, match="codec"):
        name(data, place, visual=False)
    with pytest.raises(ValueError, match="codec"):
        name(data, Box("avc1", 0, 8, len(data)), visual=True)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("avc1.64001F", "avc1.64001f", True),
        ("avc3.64001f", "avc1.64001f", True),
        ("av01.0.04M.08.0.110", "av01.0.04M.08", True),
        ("vp09.00.10.08.01", "vp09.00.10.08", True),
        ("avc1.64001f", "avc1.640020", False),
        ("mp4a.40.2", "mp4a.40.5", False),
    ],
)
def test_equal_names(one: str, other: str, equal: bool) -> None:
    assert same(one, other) is equal

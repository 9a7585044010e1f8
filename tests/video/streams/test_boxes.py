from __future__ import annotations

import struct
from pathlib import Path

import pytest

from renditor.testing import media
from renditor.video.streams.boxes import boxes, find, top_level


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def test_the_order_of_a_real_file(tmp_path: Path) -> None:
    plain = media.video(tmp_path / "plain.mp4", "64x36", 1)
    media.ffmpeg("-i", plain, "-c", "copy", "-movflags", "+faststart", tmp_path / "fast.mp4")
    assert top_level(plain).index("moov") > top_level(plain).index("mdat")
    assert top_level(tmp_path / "fast.mp4").index("moov") < top_level(tmp_path / "fast.mp4").index("mdat")


def test_long_and_open_ended_boxes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    long = struct.pack(">I4sQ", 1, b"free", 20) + b"1234"
    path.write_bytes(box(b"ftyp", b"isom") + long + struct.pack(">I4s", 0, b"mdat") + b"rest")
    assert top_level(path) == ["ftyp", "free", "mdat"]
    assert [(box.kind, box.body, box.end) for box in boxes(path.read_bytes())][1:] == [
        ("free", 28, 32),
        ("mdat", 40, 44),
    ]


def test_boxes_in_boxes() -> None:
    data = box(b"moov", box(b"trak", box(b"mdia") + box(b"free")) + box(b"trak", box(b"mdia", b"1234")))
    assert [found.end - found.body for found in find(data, "moov/trak/mdia")] == [0, 4]
    assert list(find(data, "moov/mdia")) == []
    with pytest.raises(ValueError, match="box"):
        list(find(data.replace(b"\0\0\0\x0cmdia", b"\0\0\0\x0dmdia"), "moov/trak/mdia"))


@pytest.mark.parametrize(
    "content",
    [
        b"abc",
        box(b"ftyp", b"isom")[:-1],
        struct.pack(">I4s", 4, b"free"),
        struct.pack(">I4sQ", 1, b"free", 5),
        b"\0" * 7,
    ],
)
def test_damage_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="box"):
        top_level(path)

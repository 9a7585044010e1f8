from __future__ import annotations

import struct
from pathlib import Path

import pytest

from renditor.testing import media
from renditor.video.boxes import count_samples, top_level


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def test_the_order_of_a_real_file(tmp_path: Path) -> None:
    plain = media.video(tmp_path / "plain.mp4", "64x36", 1)
    media.ffmpeg("-i", plain, "-c", "copy", "-movflags", "+faststart", tmp_path / "fast.mp4")
    assert top_level(plain).index("moov") > top_level(plain).index("mdat")
    assert top_level(tmp_path / "fast.mp4").index("moov") < top_level(tmp_path / "fast.mp4").index("mdat")


def test_samples_of_a_fragmented_file_are_counted(tmp_path: Path) -> None:
    path = media.video(tmp_path / "frag.mp4", "64x36", 1, "-movflags", "+frag_keyframe+empty_moov", sound=False)
    assert count_samples(path) == 25


def test_long_and_open_ended_boxes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    long = struct.pack(">I4sQ", 1, b"free", 20) + b"1234"
    path.write_bytes(box(b"ftyp", b"isom") + long + struct.pack(">I4s", 0, b"mdat") + b"rest")
    assert top_level(path) == ["ftyp", "free", "mdat"]


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

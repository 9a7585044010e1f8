"""The quality a JPEG was saved with."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.images.analysis.jpegquality import estimate
from tests.images.pictures import encoded, noise


def _estimate(content: bytes) -> int | None:
    source = os.memfd_create("source")
    try:
        os.write(source, content)
        os.lseek(source, 3, os.SEEK_SET)
        found = estimate(source)
        assert os.lseek(source, 0, os.SEEK_CUR) == 3
        return found
    finally:
        os.close(source)


@pytest.mark.parametrize("quality", [20, 35, 50, 75, 90, 97])
def test_what_libjpeg_was_told(quality: int) -> None:
    assert _estimate(encoded(noise(64, 64), "jpg", Q=quality)) == pytest.approx(quality, abs=2)


def test_the_lowest_qualities_are_all_alike() -> None:
    """A step of a baseline JPEG is 255 at most."""
    assert 1 <= (_estimate(encoded(noise(64, 64), "jpg", Q=3)) or 0) <= 15


@pytest.mark.parametrize("quality", [30, 80])
def test_other_tables_come_near(quality: int) -> None:
    content = encoded(noise(64, 64), "jpg", Q=quality, quant_table=3)
    assert _estimate(content) == pytest.approx(quality, abs=12)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"GIF89a", b"\xff\xd8\xff\xdb\x00\x01", b"\xff\xd8\xff\xda\x00\x02"]
)
def test_no_tables_no_answer(content: bytes) -> None:
    assert _estimate(content) is None


@given(st.binary(max_size=300), st.integers(0, 200))
def test_damage_never_raises(junk: bytes, at: int) -> None:
    content = bytearray(encoded(noise(16, 16), "jpg", Q=60))
    content[at : at + len(junk)] = junk
    found = _estimate(bytes(content))
    assert found is None or 1 <= found <= 100

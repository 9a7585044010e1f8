from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from renditor.ffmpeg.closed import CaptionReader, closed_captions
from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from tests import captioned

NOISE = bytes(range(256)) * 40


def read(data: bytes, step: int) -> tuple[str, ...]:
    reader = CaptionReader()
    for place in range(0, len(data), step):
        reader.feed(data[place : place + step])
    return reader.finish()


@pytest.mark.parametrize("step", [1, 7, 100, 100_000])
def test_pieces_of_any_length(step: int) -> None:
    first, second = captioned.supplement(0x48, 0x45, field=0), captioned.supplement(0x48, 0x45, field=1)
    assert read(NOISE + first + NOISE, step) == ("CC1",)
    assert read(NOISE + first + NOISE + second, step) == ("CC1", "CC3")
    assert read(NOISE + captioned.supplement(0, 0, field=0) + NOISE, step) == ()  # filling says nothing


@pytest.mark.parametrize("cut", range(8, 40, 4))
def test_what_is_cut_off_is_no_error(cut: int) -> None:
    assert set(read(captioned.supplement(0x48, 0x45, field=0)[:cut], 5)) <= {"CC1"}


def test_a_byte_that_prevents_a_start_code() -> None:
    escaped = b"\xb5\x00\x31GA94\x03" + bytes([0x43, 0xFF]) + b"\xfa\0\0\3\0" + b"\xfa\0\0" + b"\xfc\x48\x45"
    assert read(escaped.replace(b"\0\0\3\0", b"\0\0\3"), 100) == ("CC1",)


@pytest.mark.parametrize("field", [0, 1])
def test_a_video(field: int, toolbox: Toolbox, tmp_path: Path) -> None:
    said = captioned.video(tmp_path / "said.mp4", field=field)
    assert asyncio.run(closed_captions(toolbox, said, 0)) == (("CC1", "CC3")[field],)
    plain = media.video(tmp_path / "plain.mp4", "320x180", 1)
    assert asyncio.run(closed_captions(toolbox, plain, 0)) == ()

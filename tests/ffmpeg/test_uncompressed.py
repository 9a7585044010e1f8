from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import CorruptMedia
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.uncompressed import expect_all_sound
from renditor.testing import media
from tests.toolbox import binaries, launcher, toolbox

__all__ = ["binaries", "launcher", "toolbox"]


@pytest.mark.parametrize("name", ["song.wav", "song.caf", "song.aiff"])
async def test_what_was_cut_off_is_missed(toolbox: Toolbox, tmp_path: Path, name: str) -> None:
    song = media.song(tmp_path / name, 2)
    whole = await toolbox.probe(song)
    assert whole.duration == pytest.approx(2.0, abs=0.01)
    content = song.read_bytes()
    song.write_bytes(content[: len(content) // 2])
    if name == "song.aiff":  # it counts its samples: who reads them all sees what is missing
        assert (await toolbox.probe(song)).duration == whole.duration
        return
    with pytest.raises(CorruptMedia, match=r"incomplete: it has 1\d\d,\d{3} of 35\d,\d{3} bytes of sound"):
        await toolbox.probe(song)


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_FFFF - 36, 0x7FFF_F000])
async def test_what_was_written_into_a_pipe_knows_no_size(toolbox: Toolbox, tmp_path: Path, size: int) -> None:
    song = media.song(tmp_path / "song.wav", 1)
    content = bytearray(song.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = size.to_bytes(4, "little")
    song.write_bytes(content)
    expect_all_sound(song, "wav")


def test_large_files_say_it_elsewhere(tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, 0, 5_000_000_000, 0, 0)
    song.write_bytes(b"RF64\xff\xff\xff\xffWAVE" + ds64 + b"data\xff\xff\xff\xff" + bytes(1000))
    with pytest.raises(CorruptMedia, match="1,000 of 5,000,000,000 bytes"):
        expect_all_sound(song, "wav")


@given(st.binary(max_size=200), st.sampled_from(["wav", "caf", "mp3"]))
def test_any_bytes_can_be_read(tmp_path_factory: pytest.TempPathFactory, content: bytes, container: str) -> None:
    song = tmp_path_factory.getbasetemp() / "any"
    for head in (b"", b"RIFF\0\0\0\0WAVE", b"RF64\0\0\0\0WAVEds64", b"caff\0\1\0\0"):
        song.write_bytes(head + content)
        try:
            expect_all_sound(song, container)
        except CorruptMedia as error:
            assert "incomplete" in error.detail

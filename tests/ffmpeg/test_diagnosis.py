from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import (
    CorruptMedia,
    LimitExceeded,
    NoSuchStream,
    OutOfSpace,
    ProcessingFailed,
    RenditorError,
    ToolKilled,
    Unavailable,
    UnsupportedMedia,
)
from renditor.ffmpeg.diagnosis import diagnose

BOMB = b"""[h264 @ 0x564c4] [IMGUTILS @ 0x7fff] Picture size 8192x8192 exceeds specified max pixel count 40000000, see
[h264 @ 0x564c4] get_buffer() failed
Error while decoding stream #0:0: Invalid data found when processing input"""
ENCODER = b"""x264 [error]: high profile doesn't support 4:4:4
[libx264 @ 0x564c43fbb4c0] Error setting profile high.
[vost#0:0/libx264 @ 0x564c] [enc:libx264 @ 0x564c] Error while opening encoder - maybe incorrect parameters
[fc#0 @ 0x564c43f2e1c0] Task finished with error code: -22 (Invalid argument)
[out#0/mp4 @ 0x564c43f34e80] Nothing was written into output file, because at least one of its streams received no pa
Conversion failed!"""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (BOMB, LimitExceeded),
        (b"[mov,mp4,m4a @ 0x1] moov atom not found\n/data/in.mp4: Invalid data found", CorruptMedia),
        (b"[hls @ 0x1] Format not on whitelist 'mov'\nin.mp4: Invalid argument", UnsupportedMedia),
        (b"[concat @ 0x1] Protocol 'http' not on whitelist 'file'!", UnsupportedMedia),
        (b"[out#0] Unknown encoder 'libx264'", Unavailable),
        (b"[AVFilterGraph @ 0x5] No such filter: 'zscale'", Unavailable),
        (b"av_interleaved_write_frame(): No space left on device", OutOfSpace),
        (b"Stream map '0:a' matches no streams.\nConversion failed!", NoSuchStream),
        (b"Error: Cannot allocate memory", LimitExceeded),
        (b"[vist#0] Decode error rate 0.4 exceeds maximum 0.1\nConversion failed!", CorruptMedia),
    ],
)
def test_causes_are_told_from_consequences(text: bytes, kind: type[RenditorError]) -> None:
    error = diagnose("ffmpeg", 1, text)
    assert type(error) is kind
    assert "Conversion failed" not in error.detail


def test_the_words_of_an_encoder_are_the_reason() -> None:
    error = diagnose("ffmpeg", 234, ENCODER)
    assert type(error) is ProcessingFailed
    assert "high profile doesn't support 4:4:4" in error.detail


def test_an_encoder_without_words() -> None:
    error = diagnose("ffmpeg", 234, b"[enc:libx264 @ 0x5] Error while opening encoder - maybe incorrect parameters")
    assert "the encoder did not start" in error.detail


def test_paths_and_contexts_do_not_leave() -> None:
    error = diagnose("ffmpeg", 1, b"[abc @ 0x55] cannot open /srv/data/secret/in.mp4 for you\nConversion failed!")
    assert error.detail == "ffmpeg could not do it: cannot open the file for you"


def test_nothing_said_is_told_as_that() -> None:
    assert "code 7" in diagnose("packager", 7, b"").detail
    assert "code 1" in diagnose("ffmpeg", 1, b"Conversion failed!\n").detail


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (signal.SIGKILL, ToolKilled),
        (signal.SIGXFSZ, LimitExceeded),
        (signal.SIGSEGV, ProcessingFailed),
        (63, ProcessingFailed),
    ],
)
def test_signals(number: int, kind: type[RenditorError]) -> None:
    assert type(diagnose("ffmpeg", -number, b"")) is kind


@given(st.integers(-64, 255).filter(bool), st.binary(max_size=300))
def test_whatever_is_printed_there_is_one_sentence(code: int, text: bytes) -> None:
    detail = diagnose("ffmpeg", code, text).detail
    assert detail
    assert len(detail) < 300
    assert "\n" not in detail


def test_a_full_disk_comes_with_advice() -> None:
    assert "Free some space" in (
        diagnose("ffmpeg", 1, b"av_interleaved_write_frame(): No space left on device").hint or ""
    )

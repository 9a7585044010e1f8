"""Bytes to captions: encodings, formats, and what is refused."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import RenditorError, TooLarge, Unprocessable
from renditor.video.subtitles.cues import LARGEST_FILE
from renditor.video.subtitles.reading import read
from tests.video.subtitles.texts import SRT, WEBVTT

_UMLAUT = SRT.replace("Hello", "Grüße")


@pytest.mark.parametrize(
    "data",
    [
        _UMLAUT.encode(),
        _UMLAUT.encode("cp1252"),
        codecs.BOM_UTF8 + _UMLAUT.encode(),
        codecs.BOM_UTF16_LE + _UMLAUT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + _UMLAUT.encode("utf-16-be"),
    ],
)
def test_encodings(data: bytes) -> None:
    assert read(data).cues[0].text == "- Grüße <i>you</i>"


def test_webvtt_is_known_by_its_first_line() -> None:
    assert len(read(codecs.BOM_UTF8 + WEBVTT.encode()).cues) == 2
    assert len(read(WEBVTT.replace("\n", "\r\n").encode()).cues) == 2


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\n\xff\xfe", 4),
        (b"1\n00:00:01,000 --> 00:00:02,000\na\x00b", 3),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\x81", 3),
        (codecs.BOM_UTF16_LE + SRT.encode("utf-16-le") + b"\x00", 8),
        (codecs.BOM_UTF16_LE + SRT.encode("utf-16-le") + b"\x00\xd8", 8),
        (codecs.BOM_UTF16_LE + "a\n\0".encode("utf-16-le"), 2),
        (SRT.encode("utf-16-le"), 1),
    ],
)
def test_what_is_no_text_is_refused_by_line(data: bytes, line: int) -> None:
    with pytest.raises(Unprocessable, match=f"^Line {line}: "):
        read(data)


@pytest.mark.parametrize("data", [b"", b"WEBVTT\n", b"hello", b"WEBVTT\n\n00:01.000 --> 00:02.000\n<b></b>\n"])
def test_a_file_without_captions_is_refused(data: bytes) -> None:
    with pytest.raises(Unprocessable, match="no captions"):
        read(data)


def test_a_file_that_is_too_large_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(TooLarge, match="2 MiB"):
        read(b"\xff" * (LARGEST_FILE + 1))


@given(st.binary(max_size=200))
def test_any_bytes_end_in_an_error_of_the_user(data: bytes) -> None:
    for candidate in (data, b"WEBVTT\n\n" + data, b"00:01.000 --> 00:02.000\n" + data):
        try:
            assert read(candidate).cues
        except RenditorError as error:
            assert error.status in (413, 422)

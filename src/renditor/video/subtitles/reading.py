"""Bytes of anyone's to a track: which encoding, which format."""

from __future__ import annotations

import codecs
from typing import Final

from renditor.errors import TooLarge
from renditor.video.subtitles.cues import LARGEST_FILE, Track, bad_line, no_captions
from renditor.video.subtitles.parsing import is_webvtt, parse_srt, parse_webvtt

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def read(data: bytes) -> Track:
    """A file of WebVTT or SRT; what it holds decides, not what it is called.

    UTF-8, or UTF-16 with a byte order mark; SRT that is neither is taken for Windows-1252, in which most old files
    are written.

    Raises:
        TooLarge: more than ``LARGEST_FILE`` bytes.
        Unprocessable: no captions, with the line at fault.
        LimitExceeded: too many cues, or too long ones.
    """
    if len(data) > LARGEST_FILE:
        raise too_large()
    text = _decode(data)
    found = parse_webvtt(text) if is_webvtt(text) else parse_srt(text)
    if not found.cues:
        raise no_captions()
    return found


def too_large() -> TooLarge:
    """The error for a file beyond ``LARGEST_FILE``."""
    return TooLarge(f"A file of captions may have {LARGEST_FILE // 1024**2} MiB at most.")


def _decode(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data.removeprefix(mark), encoding)
    if 0 in data:
        raise bad_line(data.count(b"\n", 0, data.index(0)) + 1, "there is a NUL byte: this is no text, or UTF-16.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _strictly(data, "utf-8" if data.startswith(b"WEBVTT") else "cp1252")


def _strictly(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "ignore").count("\n") + 1
        name = "UTF-16" if encoding.startswith("utf-16") else "UTF-8"
        raise bad_line(line, f"a character that is not valid {name}; save the file as UTF-8.") from None
    if "\0" in text:
        raise bad_line(text.count("\n", 0, text.index("\0")) + 1, "there is a NUL character: this is no text.")
    return text

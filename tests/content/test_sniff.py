from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.content.sniff import M4A, MP4, WEBM, audio_only, declares_svg, sniff
from renditor.errors import Unprocessable, UnsupportedMedia

TS = b"".join(b"\x47" + bytes(187) for _ in range(6))

ACCEPTED = {
    "jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "gif": b"GIF89a\x01\x00\x01\x00",
    "webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    "avif": b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf",
    "tiff": b"II*\x00\x08\x00\x00\x00",
    "heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "bmp": b"BM" + struct.pack("<IHHIIiiHHI", 58, 0, 0, 54, 40, 1, 1, 1, 24, 0) + bytes(28),
    "ico": b"\x00\x00\x01\x00\x01\x00" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, 40, 22) + bytes(40),
    "svg": b'<?xml version="1.0"?>\n<!-- a - b -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "mp4": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2",
    "mov": b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ",
    "3gp": b"\x00\x00\x00\x14ftyp3gp4\x00\x00\x00\x003gp4",
    "mkv": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska",
    "webm": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm",
    "avi": b"RIFF\x10\x00\x00\x00AVI LIST",
    "flv": b"FLV\x01\x05",
    "ts": TS,
    "mpg": b"\x00\x00\x01\xba\x44",
    "ogg": b"OggS\x00\x02" + bytes(22) + b"\x01vorbis",
    "opus": b"OggS\x00\x02" + bytes(22) + b"OpusHead",
    "ogv": b"OggS\x00\x02" + bytes(22) + b"\x80theora",
    "m4a": b"\x00\x00\x00\x18ftypM4A \x00\x00\x02\x00isomiso2",
    "mp3": b"ID3\x04\x00",
    "aac": b"\xff\xf1\x50\x80",
    "flac": b"fLaC\x00",
    "wav": b"RIFF\x10\x00\x00\x00WAVEfmt ",
    "aiff": b"FORM\x00\x00\x00\x00AIFFCOMM",
    "amr": b"#!AMR\n",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_known_beginnings(name: str) -> None:
    assert sniff(ACCEPTED[name]).format == name


def frames(count: int) -> bytes:
    """Layer III frames of 128 kbit/s at 44.1 kHz: 417 bytes each."""
    return (b"\xff\xfb\x90\x64" + bytes(413)) * count


@pytest.mark.parametrize("junk", [b"", bytes(211), b"\xff\xfb\x14 the tail of a frame \xff\xff", bytes(4000)])
def test_mp3_without_a_tag(junk: bytes) -> None:
    assert sniff(junk + frames(6)).format == "mp3"


def test_a_very_short_mp3() -> None:
    assert sniff(frames(2)).format == "mp3"


def test_one_frame_header_alone_is_chance() -> None:
    with pytest.raises(UnsupportedMedia):
        sniff(b"some text \xff\xfb\x90\x64 and more of it" * 100)


@pytest.mark.parametrize(
    "head",
    [
        b"<!DOCTYPE html><html>",
        b"<html><svg onload=alert(1)>",
        b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"<svgs/>",
        b"text <svg/>",
        b"BMW is a maker of cars, and this sentence is longer than the header of a bitmap.",
        b"BM" + struct.pack("<IHHIIiiHHI", 58, 0, 0, 54, 40, 1, 1, 7, 24, 0) + bytes(28),
        b"\x00\x00\x01\x00\x00\x00" + bytes(60),
        b"\x00\x00\x01\x00\x01\x00" + struct.pack("<BBBBHHII", 16, 16, 0, 9, 1, 32, 40, 22) + bytes(40),
        b"\x00\x00\x02\x00\x01\x00" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, 40, 22) + bytes(40),
        b"\x7fELF\x02\x01\x01",
        b"#EXTM3U\n#EXT-X-VERSION:3\n",
        b"ffconcat version 1.0\nfile other.mp4\n",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">',
        b"BM\x36\x00\x0c\x00",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"viewBox",
        b"Good morning, this text starts with the sync byte of a transport stream." * 20,
        b"\xff\xff\xff\xff",
        b"\xff\xfb\xf0\x64",
        b"hello",
        b"\x00",
    ],
)
def test_anything_else_is_refused(head: bytes) -> None:
    with pytest.raises(UnsupportedMedia):
        sniff(head)


@pytest.mark.parametrize(
    ("brand", "others", "content_type"),
    [
        (b"heic", b"mif1heic", "image/heic"),
        (b"heix", b"mif1heix", "image/heic"),
        (b"hevc", b"msf1hevc", "image/heic"),
        (b"mif1", b"mif1heic", "image/heic"),
        (b"mif1", b"mif1miaf", "image/heif"),
        (b"msf1", b"mif1miaf", "image/heif"),
        (b"mif1", b"avifmiaf", "image/avif"),
    ],
)
def test_brands_of_one_container(brand: bytes, others: bytes, content_type: str) -> None:
    assert sniff(b"\x00\x00\x00\x18ftyp" + brand + bytes(4) + others).content_type == content_type


@pytest.mark.parametrize(
    ("name", "content_type", "declared"),
    [
        ("logo.svg", None, True),
        ("LOGO.SVG", "application/octet-stream", True),
        ("logo", "image/svg+xml; charset=utf-8", True),
        ("logo.svg.png", "image/png", False),
        ("logo", "text/xml", False),
        (None, None, False),
    ],
)
def test_svg_is_declared_by_type_or_name(name: str | None, content_type: str | None, declared: bool) -> None:
    assert declares_svg(name, content_type) is declared


def test_an_empty_file_is_named_as_such() -> None:
    with pytest.raises(Unprocessable, match="empty"):
        sniff(b"")


def test_containers_without_pictures_are_renamed() -> None:
    assert audio_only(MP4) == M4A
    assert audio_only(WEBM).content_type == "audio/webm"
    assert audio_only(M4A) is M4A


@given(st.binary(min_size=1, max_size=600))
def test_no_bytes_make_it_fail_otherwise(head: bytes) -> None:
    try:
        assert sniff(head).media_type in ("image", "video", "audio")
    except UnsupportedMedia as error:
        assert error.status == 415


def test_the_sample_files(shared_media: Path) -> None:
    for path in sorted([*shared_media.glob("made_*"), *shared_media.glob("exo_*"), *shared_media.glob("images/*")]):
        refused = {
            "made_empty.mp4",
            "made_sdp.mp4",
            "made_dash_ssrf.mp4",
            "made_hls_abs.m3u8",
        }
        head = path.read_bytes()[: 64 * 1024]
        if path.name in refused:
            with pytest.raises(Unprocessable if not head else UnsupportedMedia):
                sniff(head)
        elif path.parent.name == "images":
            assert sniff(head).media_type == "image", path.name
        else:
            assert sniff(head).media_type in ("video", "audio"), path.name

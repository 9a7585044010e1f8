"""What files tell of people: in no byte of anything that is delivered or kept beside the originals."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from PIL import Image

from tests.attacks import private
from tests.attacks.private import MARK
from tests.client import Client

FORMS = (MARK.encode(), MARK.encode("utf-16-le"), MARK.encode("utf-16-be"))
# What a picture is made of (ITU-T T.81, B.1): tables, frame and scan, JFIF, the colour profile, Adobe's transform.
JPEG_SEGMENTS = {0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xE2, 0xEE}
PNG_CHUNKS = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "cICP", "pHYs", "sBIT", "bKGD",
              "acTL", "fcTL", "fdAT"}  # fmt: skip
WEBP_CHUNKS = {"VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP"}


def expect_nobody(content: bytes, where: str) -> None:
    """Read by code of the test, not by the server's own reader."""
    assert not [form for form in FORMS if form in content], where
    if content.startswith(b"\xff\xd8"):
        assert set(jpeg_segments(content)) <= JPEG_SEGMENTS, where
    elif content.startswith(b"\x89PNG"):
        assert {kind for kind, _ in chunks(content[8:], ">")} <= PNG_CHUNKS, where
    elif content[8:12] == b"WEBP":
        assert {kind for kind, _ in chunks(content[12:], "<")} <= WEBP_CHUNKS, where
    elif content.startswith(b"GIF8"):
        assert b"XMP" not in content, where
        assert b"!\xfe" not in content, where  # a comment (GIF89a, 24)
    if content[4:12] in (b"ftypavif", b"ftypheic", b"ftypmif1") or content[:3] in (b"\xff\xd8\xff", b"RIF", b"\x89PN"):
        with Image.open(io.BytesIO(content)) as picture:
            assert not dict(picture.getexif()), where
            assert not picture.info.get("xmp"), where


def jpeg_segments(content: bytes) -> Iterator[int]:
    """Markers up to the scan, and that nothing follows the end of the picture."""
    at = 2
    while content[at + 1] != 0xDA:
        size = struct.unpack_from(">H", content, at + 2)[0]
        if content[at + 1] == 0xE2:
            assert content[at + 4 : at + 16] == b"ICC_PROFILE\0"
        yield content[at + 1]
        at += 2 + size
    assert content.endswith(b"\xff\xd9")
    assert content.count(b"\xff\xd8\xff") == 1


def chunks(content: bytes, order: str) -> Iterator[tuple[str, bytes]]:
    """Of PNG (behind the signature) or RIFF."""
    at = 0
    while at + 8 <= len(content):
        if order == ">":
            size, kind = struct.unpack_from(">I4s", content, at)
        else:
            kind, size = struct.unpack_from("<4sI", content, at)
        yield kind.decode("latin-1"), content[at + 8 : at + 8 + size]
        at += 8 + size + (4 if order == ">" else size % 2)


def delivered(owner: Client, asset: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """All that anybody can be sent of an asset: by its addresses, and what playlists and cues name in turn."""
    waiting = {value for name, value in asset.items() if name.endswith("url") and isinstance(value, str)}
    waiting |= {one["url"] for one in asset["renditions"] if one.get("url")}
    seen: set[str] = set()
    while waiting - seen:
        url = (waiting - seen).pop()
        seen.add(url)
        answer = owner.get(url)
        assert answer.status_code == 200, (url, answer.text)
        yield url, answer.content
        waiting |= {urljoin(url, name) for name in named(answer.content)}


def named(content: bytes) -> Iterator[str]:
    if content.startswith((b"#EXTM3U", b"WEBVTT")):
        for line in content.decode().splitlines():
            if 'URI="' in line:
                yield line.split('URI="')[1].split('"')[0]
            elif line and not line.startswith("#") and "." in line and " " not in line:
                yield line.partition("#")[0]


def kept(owner: Client) -> set[Path]:
    """All files of the store but the originals. What was just rendered may still be on its way into it."""
    storage = owner.server.data / "storage"
    end = time.monotonic() + 20
    while any((storage / ".incoming").iterdir()):
        assert time.monotonic() < end, "something never found its place"
        time.sleep(0.05)
    return {path for path in storage.rglob("*") if path.is_file() and (storage / "originals") not in path.parents}


@pytest.mark.parametrize("fmt", private.PICTURES)
def test_people_in_pictures(owner: Client, fmt: str) -> None:
    """In every way that a picture is delivered: as it is, smaller, in each format, by itself and as a frame."""
    content = private.PICTURES[fmt]()
    assert MARK.encode() in content
    before = kept(owner)
    answer = owner.upload(content, f"a.{fmt}")
    assert answer.status_code == 201, answer.text
    asset = answer.json()
    tail = asset["url"].partition("/upload/")[2].rpartition(".")[0]
    urls = [asset["url"], *(f"/main/image/upload/{how}/{tail}.{to}" for how in ("w_16", "q_100", "a_90")
                            for to in ("jpg", "png", "webp", "avif", "gif"))]  # fmt: skip
    for url in urls:
        sent = owner.get(url)
        assert sent.status_code == 200, sent.text
        expect_nobody(sent.content, url)
    for path in kept(owner) - before:
        expect_nobody(path.read_bytes(), path.name)
    assert owner.call("GET", f"/media/{asset['id']}/original").content == content


@pytest.mark.parametrize("fmt", [*private.FILMS, *private.SONGS])
def test_people_in_films_and_songs(owner: Client, tmp_path: Path, fmt: str) -> None:
    """In streams, files, posters, covers, playlists and cues. The film is one whose pictures are copied."""
    path = private.FILMS[fmt](tmp_path) if fmt in private.FILMS else private.song(tmp_path, f"a.{fmt}")
    content = path.read_bytes()
    assert MARK.encode() in content
    before = kept(owner)
    asset = owner.done(owner.upload(path).json()["id"])
    assert asset["status"] == "completed", asset
    sent = dict(delivered(owner, asset))
    assert len(sent) > 3
    for url, part in sent.items():
        expect_nobody(part, url)
    for one in kept(owner) - before:
        expect_nobody(one.read_bytes(), one.name)
    assert owner.call("GET", f"/media/{asset['id']}/original").content == content

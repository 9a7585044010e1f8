"""Files that are two things at once, names that say another thing, and what files tell of the people in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from PIL import Image, PngImagePlugin

from renditor.testing import media
from tests.client import Client

HTML = b"<html><body><script>alert(document.domain)</script></body></html>"
# In every place of a file that may hold a text about people.
MARK = "Mrs-Private-52.5200N"
WIDE = MARK.encode("utf-16-le")


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("index.html", HTML)
    return made.getvalue()


REFUSED = {
    "html": HTML, "html after spaces": b"\n" * 2000 + HTML, "xml": b"<?xml version='1.0'?><x/>", "zip": archive(),
    "elf": b"\x7fELF\2\1\1" + bytes(200), "exe": b"MZ" + bytes(200), "pdf": b"%PDF-1.7\n" + bytes(200),
    "php": b"<?php system($_GET[0]); ?>", "shell": b"#!/bin/sh\nid\n", "postscript": b"%!PS-Adobe-3.0\n",
    "flash": b"FWS\x09" + bytes(200), "java": b"\xca\xfe\xba\xbe" + bytes(200), "script": b"alert(1)//",
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_media_under_the_name_of_media(owner: Client, kind: str) -> None:
    for name in ("photo.jpg", "film.mp4", "song.mp3"):
        answer = owner.upload(REFUSED[kind], name)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media"), answer.text


def still(fmt: str, **options: object) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (32, 24), (10, 120, 200)).save(made, fmt, **options)
    return made.getvalue()


def polyglots(folder: Path) -> dict[str, bytes]:
    film = media.video(folder / "a.mp4", seconds=1).read_bytes()
    song = media.song(folder / "a.wav", 1).read_bytes()
    gif = bytearray(still("GIF"))
    gif[6:10] = b"/*\x20\x00"  # the size becomes the beginning of a comment of JavaScript
    return {
        "gif and script": still("GIF") + b"*/=1;alert(1)//",
        "gif that begins as script": bytes(gif) + b"*/=1;alert(1)//",
        "jpeg with html as comment": still("JPEG", comment=HTML),
        "jpeg with html behind": still("JPEG") + HTML,
        "png and zip": still("PNG") + archive(),
        "mp4 with html behind": film + HTML,
        "wav with html behind": song + HTML,
        "wav in front of mp4": song + film,
        "jpeg in front of mp4": still("JPEG") + film,
        "mp3 tag in front of a film": b"ID3\4\0\0\0\0\0\0" + film,
    }


@pytest.mark.parametrize("kind", ["gif and script", "gif that begins as script", "jpeg with html as comment",
    "jpeg with html behind", "png and zip", "mp4 with html behind", "wav with html behind", "wav in front of mp4",
    "jpeg in front of mp4", "mp3 tag in front of a film"])  # fmt: skip
def test_files_that_are_two_things(owner: Client, tmp_path: Path, kind: str) -> None:
    """Refused, or nothing of the second thing is in what is delivered; the original is nothing to open in a page."""
    answer = owner.upload(polyglots(tmp_path)[kind], "page.html")
    if answer.status_code >= 400:
        assert answer.status_code in (415, 422), answer.text
        return
    asset = owner.done(answer.json()["id"])
    if asset["status"] == "completed":
        expect_harmless(owner.get(asset["url"]))
    original = owner.call("GET", f"/media/{asset['id']}/original")
    expect_harmless(original, original=True)
    assert ".html" in original.headers["content-disposition"]
    assert '.html"' not in original.headers["content-disposition"]
    owner.call("DELETE", f"/media/{asset['id']}")


def expect_harmless(answer: httpx.Response, *, original: bool = False) -> None:
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-type"].split("/")[0] in ("image", "video", "audio")
    assert "svg" not in answer.headers["content-type"]
    if original:
        assert answer.headers["content-disposition"].startswith("attachment;")
    else:
        assert b"<script" not in answer.content
        assert b"alert(1)" not in answer.content
        assert b"PK\3\4" not in answer.content


NAMES = {
    "crlf": "a\r\nSet-Cookie: x=1\r\n\r\n<html>.jpg", "quotes": 'a"; filename="evil.exe.jpg', "backslash": 'a\\"b.jpg',
    "turned round": "photo\u202egpj.exe.jpg", "path": "../../etc/passwd.jpg", "windows path": "C:\\x\\y.jpg",
    "beyond ascii": "Füße 猫 🐈.jpg", "long": "x" * 5000 + ".jpg", "long beyond ascii": "猫" * 2000 + ".jpg",
    "nul": "a\0b.jpg", "dots": "....jpg", "html": "page.html", "script": "run.js", "none": "a",
    "percent": "%2e%2e%2fa.jpg",
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMES)
def test_names_in_content_disposition(owner: Client, kind: str) -> None:
    asset = owner.upload(still("JPEG"), NAMES[kind]).json()
    if "id" not in asset:
        assert asset["status"] in (400, 422), asset
        return
    said = owner.call("GET", f"/media/{asset['id']}/original").headers["content-disposition"]
    assert said.startswith('attachment; filename="')
    assert said.count('"') == 2
    assert len(said) < 1000
    plain = said.split('"')[1]
    assert plain.endswith((".jpg", ".jpeg"))
    assert not set(plain) & set("/\\:<>|?*;%")
    assert all(" " <= letter <= "~" for letter in said)
    for form in ("%E2%80%AE", "%0D", "%0A", "%00", "%2F"):
        assert form not in said
    owner.call("DELETE", f"/media/{asset['id']}")


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.m3u8", "a.htm", "a.js", "a.xml"])
def test_public_ids_that_end_like_something_else(owner: Client, name: str) -> None:
    asset = owner.upload(still("JPEG"), public_id=f"ends/{name}").json()
    for url in (asset["url"], f"/main/image/upload/ends/{name}", f"/main/image/upload/fl_attachment/ends/{name}.jpg"):
        answer = owner.get(url)
        if answer.status_code == 200:
            expect_harmless(answer)
        else:
            assert answer.headers["content-type"] == "application/problem+json"
    owner.call("DELETE", f"/media/{asset['id']}")


# -- people -----------------------------------------------------------------------------------------------------------


def exif() -> bytes:
    """With a place, a maker's own notes, a comment and a name."""
    made = Image.Exif()
    made[0x010E] = made[0x9C9C] = MARK
    places = made.get_ifd(0x8825)
    places[1], places[2], places[3], places[4] = "N", (52.0, 31.0, 12.0), "E", (13.0, 24.0, 18.0)
    places[0x1B] = MARK.encode()
    inner = made.get_ifd(0x8769)
    inner[0x927C] = inner[0x9286] = MARK.encode()
    return made.tobytes()


XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{MARK}</rdf:RDF></x:xmpmeta>'.encode()


def png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", MARK)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    texts.add_text("Raw profile type iptc", MARK, zip=True)
    return still("PNG", pnginfo=texts, exif=exif())


PICTURES: dict[str, Callable[[], bytes]] = {
    "jpg": lambda: still("JPEG", exif=exif(), xmp=XMP, comment=MARK.encode()),
    "png": png,
    "webp": lambda: still("WEBP", exif=exif(), xmp=XMP),
    "avif": lambda: still("AVIF", exif=exif(), xmp=XMP),
    "gif": lambda: still("GIF", comment=MARK.encode()),
    "tiff": lambda: still("TIFF", exif=exif()),
}


@pytest.mark.parametrize("fmt", PICTURES)
def test_people_in_pictures(owner: Client, fmt: str) -> None:
    content = PICTURES[fmt]()
    assert MARK.encode() in content
    asset = owner.upload(content, f"a.{fmt}").json()
    tail = asset["url"].partition("/upload/")[2].rpartition(".")[0]
    urls = [asset["url"], *(f"/main/image/upload/{how}/{tail}.{to}" for how in ("w_16", "c_fill,w_9,h_9")
                            for to in ("jpg", "png", "webp", "avif", "gif"))]  # fmt: skip
    for url in urls:
        answer = owner.get(url)
        assert answer.status_code == 200, answer.text
        assert MARK.encode() not in answer.content, url
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert not picture.getexif().get_ifd(0x8825), url
    assert owner.call("GET", f"/media/{asset['id']}/original").content == content


def test_people_in_films_and_songs(owner: Client, tmp_path: Path) -> None:
    """Places, comments, and covers with a place in them; in no file that the server keeps beside the originals."""
    texts = [word for name in ("location", "comment", "description", "com.apple.quicktime.location.ISO6709")
             for word in ("-metadata", f"{name}={MARK}")]  # fmt: skip
    cover = tmp_path / "cover.jpg"
    cover.write_bytes(PICTURES["jpg"]())
    film, song = media.video(tmp_path / "plain.mp4", seconds=2), media.song(tmp_path / "plain.wav", 2)
    made = [tmp_path / name for name in ("a.mp4", "a.mov", "a.mkv", "a.mp3")]
    for path in made[:3]:
        tags = ("-movflags", "use_metadata_tags") if path.suffix == ".mov" else ()
        media.ffmpeg("-i", film, "-c", "copy", *texts, *tags, path)
    media.ffmpeg("-i", song, "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy", *texts, made[3])
    for path in made:
        assert MARK.encode() in path.read_bytes() or WIDE in path.read_bytes()
        asset = owner.done(owner.upload(path).json()["id"])
        assert asset["status"] == "completed", asset
    storage = owner.server.data / "storage"
    kept = [path for path in storage.rglob("*") if path.is_file() and (storage / "originals") not in path.parents]
    assert len(kept) > 20
    for path in kept:
        content = path.read_bytes()
        assert MARK.encode() not in content, path.name
        assert WIDE not in content, path.name

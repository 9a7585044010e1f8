"""Files that are two things at once, and names that say another thing."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx
import pytest
from PIL import Image

from renditor.testing import media
from tests.client import Client
from tests.server import start_server

HTML = b"<html><body><script>alert(document.domain)</script></body></html>"


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'


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
        "jpeg and zip": still("JPEG") + archive(),
        "jpeg with a zip as comment": still("JPEG", comment=archive()),
        "pdf in front of jpeg": b"%PDF-1.4\n1 0 obj<</Length 9>>stream\n" + still("JPEG"),
        "jpeg with a pdf inside": still("JPEG", comment=b"%PDF-1.4\n1 0 obj<</JS(alert(1))>>endobj") + b"%%EOF",
        "html in front of mp4": HTML + film,
        "html in a box in front of mp4": len(HTML + bytes(8)).to_bytes(4, "big") + b"free" + HTML + film,
        "html behind the first bytes of jpeg": b"\xff\xd8\xff\xe0" + HTML,
        "html behind the first bytes of png": still("PNG")[:8] + HTML,
        "svg under the name of a png": SVG,
        "mp4 with html behind": film + HTML,
        "wav with html behind": song + HTML,
        "wav in front of mp4": song + film,
        "jpeg in front of mp4": still("JPEG") + film,
        "mp3 tag in front of a film": b"ID3\4\0\0\0\0\0\0" + film,
    }


@pytest.mark.parametrize("kind", ["gif and script", "gif that begins as script", "jpeg with html as comment",
    "jpeg with html behind", "png and zip", "mp4 with html behind", "wav with html behind", "wav in front of mp4",
    "jpeg in front of mp4", "mp3 tag in front of a film", "jpeg and zip", "jpeg with a zip as comment",
    "pdf in front of jpeg", "jpeg with a pdf inside", "html in front of mp4", "html in a box in front of mp4",
    "html behind the first bytes of jpeg", "html behind the first bytes of png",
    "svg under the name of a png"])  # fmt: skip
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
        assert b"%PDF" not in answer.content


NAMES = {
    "crlf": "a\r\nSet-Cookie: x=1\r\n\r\n<html>.jpg", "quotes": 'a"; filename="evil.exe.jpg', "backslash": 'a\\"b.jpg',
    "turned round": "photo\u202egpj.exe.jpg", "path": "../../etc/passwd.jpg", "windows path": "C:\\x\\y.jpg",
    "beyond ascii": "Füße 猫 🐈.jpg", "long": "x" * 5000 + ".jpg", "long beyond ascii": "猫" * 2000 + ".jpg",
    "nul": "a\0b.jpg", "dots": "....jpg", "html": "page.html", "script": "run.js", "none": "a",
    "percent": "%2e%2e%2fa.jpg", "device": "CON.jpg", "port": "com1.jpg", "a stream of ntfs": "a.jpg::$DATA",
    "hidden": ".htaccess.jpg", "blank": "   .jpg", "zero width": "a\u200b\ufeff.jpg",
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


def test_every_status_of_delivery_is_nothing_to_run(owner: Client) -> None:
    """A page in an error would run as well as one in a file."""
    made = owner.upload(still("JPEG"), public_id="status/of").json()
    etag = owner.get(made["url"]).headers["etag"]
    asked: list[tuple[str, str, dict[str, str], int]] = [
        ("GET", made["url"], {}, 200),
        ("HEAD", made["url"], {}, 200),
        ("GET", made["url"], {"range": "bytes=0-3"}, 206),
        ("GET", made["url"], {"if-none-match": etag}, 304),
        ("GET", made["url"], {"range": "bytes=999999-"}, 416),
        ("GET", "/main/image/upload/w_<script>/status/of.jpg", {}, 400),
        ("GET", "/main/image/upload/<script>alert(1)</script>.jpg", {}, 404),
        ("GET", "/main/video/upload/status/of.mp4", {}, 404),
        ("GET", "/main/files/<script>/x.html", {}, 404),
        ("POST", made["url"], {}, 405),
    ]
    for method, url, headers, status in asked:
        answer = owner.http.request(method, url, headers=headers)
        assert answer.status_code == status, (url, answer.text)
        assert answer.headers["x-content-type-options"] == "nosniff", url
        assert "sandbox" in answer.headers["content-security-policy"], url
        assert "html" not in answer.headers.get("content-type", ""), url
    owner.call("DELETE", f"/media/{made['id']}")


def test_formats_that_are_not_on_a_short_list(tmp_path: Path) -> None:
    """By their content, whatever they are called; also as what a file of the list has in front or behind."""
    film = media.video(tmp_path / "a.mp4", seconds=1).read_bytes()
    song = media.song(tmp_path / "a.mp3", 1).read_bytes()
    with start_server(tmp_path / "data", (), RENDITOR_CONTENT__FORMATS='["jpg"]') as server:
        owner = Client(server)
        for content in (still("PNG"), still("GIF"), still("WEBP"), still("AVIF"), still("TIFF"), film, song, SVG):
            for name in ("photo.jpg", "photo"):
                answer = owner.upload(content, name)
                assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media"), answer.text
        for content in (still("JPEG"), still("JPEG") + film, still("JPEG") + still("PNG")):
            answer = owner.upload(content, "film.mp4")
            assert answer.status_code in (201, 415, 422), answer.text
            if answer.status_code == 201:
                assert answer.json()["format"] == "jpg"
                assert owner.get(answer.json()["url"]).headers["content-type"] == "image/jpeg"
        owner.close()

"""Text that means something to a shell, to FFmpeg, to libvips or to SQL, in every place where users write."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from renditor import generate_safe_filename
from renditor.testing import media
from tests.client import Client
from tests.server import RunningServer

# {canary}: a file that must not appear; {secret}: one that must not be read.
PAYLOADS = {
    "semicolon": "'; touch {canary}; echo '.mp4",
    "substitution": "$(touch {canary})",
    "backticks": "`touch {canary}`",
    "pipe": "a.jpg|touch {canary}",
    "and": "a.jpg && touch {canary}",
    "double quotes": '"; touch {canary}; "',
    "line end": "a.jpg\ntouch {canary}\n",
    "redirection": "a.jpg > {canary}",
    "option": "-y {canary}",
    "option of ffmpeg": "-f lavfi -i color -y {canary}",
    "glob": "*{{?}}[a-z]~",
    "variable": "${{IFS}}$HOME",
    "filter graph": "[in]movie={secret}[out];nullsrc",
    "filter option": "a':textfile='{secret}':x='",
    "protocol of ffmpeg": "file:{secret}",
    "concat of ffmpeg": "concat:{secret}|{secret}",
    "options of libvips": "a.gif[n=-1,access=random]",
    "format string": "%s%n%x%d",
    "pattern of names": "frame%05d.jpg",
    "sql": "'); DROP TABLE assets; --",
    "sql, or": "' OR '1'='1",
    "template": "{{{{7*7}}}}${{7*7}}",
    "lookup": "${{jndi:ldap://127.0.0.1:9/a}}",
    "traversal": "../../../../{secret}",
    "markup": "<script>alert(1)</script>",
    "pango markup": "<span font='99999'>&xxe;</span>",
    "header": "a.jpg\r\nX-Injected: yes",
}


class Trap:
    """Where a payload would leave its trace, and what it would read."""

    def __init__(self, folder: Path) -> None:
        self.canary, self.secret = folder / "canary", folder / "secret.txt"
        self.secret.write_text("the-secret-text")

    def write(self, name: str) -> str:
        return PAYLOADS[name].format(canary=self.canary, secret=self.secret)


@pytest.fixture
def trap(tmp_path: Path, attacked: RunningServer) -> Iterator[Trap]:
    made = Trap(tmp_path)
    yield made
    assert not made.canary.exists()
    # Nor where a relative name would have put something.
    assert {path.name for path in attacked.log.parent.iterdir()} <= {attacked.data.name, attacked.log.name}


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.photo(tmp_path_factory.mktemp("photo") / "photo.jpg", 60, 40).read_bytes()


@pytest.fixture(scope="module")
def film(owner: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = media.video(tmp_path_factory.mktemp("film") / "film.mp4", "160x90", 1)
    asset = owner.done(owner.upload(path).json()["id"])
    assert asset["status"] == "completed", asset
    return asset


def is_the_photo(content: bytes, size: tuple[int, int]) -> bool:
    with Image.open(io.BytesIO(content)) as picture:
        red, green, blue = picture.convert("RGB").getpixel((2, 2))  # type: ignore[misc]
        return picture.size == size and red > 180 and green < 80 and blue < 80


@pytest.mark.parametrize("name", PAYLOADS)
def test_command_injection_prevention(owner: Client, photo: bytes, trap: Trap, name: str) -> None:
    """As file name, tag, public id and folder of an upload: kept as text or refused, and the picture is right."""
    text = trap.write(name)
    safe = generate_safe_filename(text)
    assert text not in safe
    assert safe.isascii()
    assert safe.replace(".", "").isalnum()

    tag = text.replace(",", " ")[:100].strip()
    response = owner.upload(photo, text, tags=tag if tag.isprintable() else "t")
    assert response.status_code == 201, response.text
    asset = response.json()
    shown = "".join(c for c in text.replace("\\", "/").rpartition("/")[2] if c.isprintable()).strip()
    assert asset["filename"] == (shown or None)
    assert asset["tags"] == ([tag] if tag.isprintable() else ["t"])
    found = owner.call("GET", "/media", params={"tag": tag, "limit": 100})
    assert asset["id"] in [item["id"] for item in found.json()["items"]] or not tag.isprintable()
    assert is_the_photo(owner.get(f"{asset['url']}").content, (60, 40))
    original = owner.call("GET", f"/media/{asset['id']}/original")
    assert original.content == photo
    assert "x-injected" not in original.headers

    for option in ("public_id", "folder", "recipe", "visibility", "overwrite", text):
        answer = owner.upload(photo, "a.jpg", **{option: text})
        assert answer.status_code in (201, 400), (option, answer.text)
        if answer.status_code == 201:
            assert is_the_photo(owner.get(answer.json()["url"]).content, (60, 40))
            owner.call("DELETE", f"/media/{answer.json()['id']}")
    owner.call("DELETE", f"/media/{asset['id']}")


@pytest.mark.parametrize("name", PAYLOADS)
def test_injection_by_multipart_forms(owner: Client, photo: bytes, trap: Trap, name: str) -> None:
    """The name in the form is raw bytes: it can close the quotes around it."""
    text = trap.write(name).encode()
    for field in (text, text.replace(b'"', b'\\"').replace(b"\r\n", b"%0D%0A").replace(b"\n", b"%0A")):
        head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="' + field + b'"\r\n\r\n'
        response = owner.call(
            "POST",
            "/media/upload",
            content=head + photo + b"\r\n--B--\r\n",
            headers={"content-type": "multipart/form-data; boundary=B"},
        )
        assert response.status_code in (201, 400), response.text
        if response.status_code == 201:
            assert is_the_photo(owner.get(response.json()["url"]).content, (60, 40))
            owner.call("DELETE", f"/media/{response.json()['id']}")


@pytest.mark.parametrize("name", PAYLOADS)
def test_injection_by_transformations(owner: Client, photo: bytes, trap: Trap, name: str) -> None:
    """In each kind of value, written so that it arrives whole: a picture without a secret, or a plain refusal."""
    asset = owner.upload(photo, "a.jpg").json()
    once = quote(trap.write(name), safe="")
    written = (once, quote(once, safe=""), trap.write(name).replace("\n", "").replace("\r", ""))
    for value in written:
        for template in (
            "w_{}",
            "l_text:Arial_12:{}",
            "l_{}",
            "e_{}",
            "f_{}",
            "t_{}",
            "$x_!{}!/w_$x",
            "c_fill,w_9,h_9,g_{}",
        ):
            path = f"/main/image/upload/{template.format(value)}/{asset['public_id']}.png"
            answer = owner.http.get(owner.server.url + path.replace(" ", "%20").replace("#", "%23"))
            assert answer.status_code in (200, 400, 404, 401), (path, answer.status_code)
            assert "x-injected" not in answer.headers
            assert b"the-secret-text" not in answer.content
            assert str(trap.secret.parent) not in answer.headers.get("x-cld-error", "") or value in path
    owner.call("DELETE", f"/media/{asset['id']}")


@pytest.mark.parametrize("name", PAYLOADS)
def test_injection_by_captions(owner: Client, film: dict[str, Any], trap: Trap, name: str) -> None:
    """Label and language go into playlists and manifests; the text into a file that players read as markup."""
    text = trap.write(name)
    captions = f"WEBVTT\n\n00:00.100 --> 00:00.900\n{text}\n".encode()
    for options in ({"label": text, "language": "de"}, {"label": "x", "language": text}, {"kind": text}):
        path = f"/media/{film['id']}/captions"
        response = owner.call("POST", path, content=captions, params=options, headers={"content-type": "text/vtt"})
        assert response.status_code in (201, 400, 422), response.text
        if response.status_code == 201:
            master = owner.get(owner.call("GET", f"/media/{film['id']}").json()["hls_url"]).text
            assert all(line.startswith(("#EXT", "http", "/")) or not line for line in master.splitlines())
            assert "\nX-Injected" not in master
            track = response.json()["name"]
            assert owner.call("DELETE", f"{path}/{quote(track, safe='')}").status_code == 204


@pytest.mark.parametrize("name", PAYLOADS)
def test_injection_by_queries_and_changes(
    owner: Client, photo: bytes, film: dict[str, Any], trap: Trap, name: str
) -> None:
    text = trap.write(name)
    asset = owner.upload(photo, "a.jpg").json()
    for key in ("tag", "status", "media_type", "cursor", "limit"):
        assert owner.call("GET", "/media", params={key: text}).status_code in (200, 422)
    for key in ("widths", "sizes", "alt"):
        answer = owner.call("GET", f"/media/{asset['id']}/srcset", params={key: text})
        assert answer.status_code in (200, 400, 422)
        if answer.status_code == 200:
            assert "<script>" not in answer.json()["html"]
    for body in ({"tags": [text]}, {"public_id": text}, {"visibility": text}):
        assert owner.call("PATCH", f"/media/{asset['id']}", json=body).status_code in (200, 409, 422)
    for body in ({"transformation": text}, {"preset": text}, {"recipe": text}):
        assert owner.call("POST", f"/media/{film['id']}/renditions", json=body).status_code in (400, 404, 422)
    assert owner.call("GET", f"/media/{quote(text, safe='')}").status_code == 404
    assert owner.call("GET", f"/media/{asset['id']}").status_code == 200
    owner.call("DELETE", f"/media/{asset['id']}")


def test_the_log_takes_no_lines_from_strangers(owner: Client, attacked: RunningServer, photo: bytes) -> None:
    """A line end in what is logged would forge an entry."""
    forged = '\n{"event": "forged-by-a-stranger", "level": "info"}'
    owner.upload(b"no picture" + forged.encode(), f"a{forged}", recipe=forged)
    owner.upload(photo, "a.jpg", public_id=forged)
    owner.call(
        "GET", "/media/x", headers={"x-request-id": "forged-by-a-stranger", "user-agent": "forged-by-a-stranger"}
    )
    owner.get(f"/main/image/upload/w_{quote(forged)}/a.jpg")
    lines = attacked.log.read_text(errors="replace").splitlines()
    assert not any(line.startswith('{"event": "forged') for line in lines)

"""What bad input gets: a clear status, quickly, as problem+json without paths, and nothing is left behind."""

from __future__ import annotations

import socket
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from renditor.testing import media
from tests.client import Client
from tests.flows.conftest import left_as_it_was
from tests.server import RunningServer, start_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Not the one of all tests: what their jobs store in the background would be taken for something left behind."""
    with start_server(tmp_path_factory.mktemp("bad-input") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    made = Client(server)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_is_left(client: Client, eventually: Callable[[Callable[[], bool]], None]):
    with left_as_it_was(client, eventually):
        yield


def refused(response: httpx.Response, status: int, code: str | None = None) -> dict[str, object]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, object] = response.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(problem)
    assert problem["request_id"] == response.headers["x-request-id"]
    text = response.text
    assert "/tmp" not in text
    assert "Traceback" not in text
    if code:
        assert problem["code"] == code
    return problem


FAKES = {
    "text": b"hello, this is no picture",
    "html": b"<!DOCTYPE html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "elf": b"\x7fELF\x02\x01\x01" + bytes(100),
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile '../storage/secret'\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>',
}


@pytest.mark.parametrize("kind", FAKES)
@pytest.mark.parametrize("name", ["photo.jpg", "film.mp4"])
def test_disguises_are_415(client: Client, kind: str, name: str) -> None:
    refused(client.upload(FAKES[kind], name), 415, "unsupported-media")


def test_an_empty_file_is_422(client: Client) -> None:
    refused(client.upload(b"", "empty.jpg"), 422, "empty-file")


def test_truncated_and_corrupt_pictures_say_so(client: Client, tmp_path: Path) -> None:
    whole = media.photo(tmp_path / "whole.jpg", 640, 480).read_bytes()
    problem = refused(client.upload(whole[: len(whole) // 2], "half.jpg"), 422, "corrupt-media")
    assert "damaged or incomplete" in str(problem["title"])
    png = tmp_path / "whole.png"
    media.quadrants(200, 200).write_to_file(str(png))
    refused(client.upload(png.read_bytes()[:-40], "half.png"), 422, "corrupt-media")
    refused(client.upload(b"\xff\xd8\xff\xe0" + b"\x00" * 3000, "zeros.jpg"), 422, "corrupt-media")


def test_a_truncated_video_is_422(client: Client, tmp_path: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", "160x120", 1).read_bytes()
    refused(client.upload(whole[: len(whole) // 2], "half.mp4"), 422, "corrupt-media")


def png_bomb(side: int) -> bytes:
    """A valid PNG of one colour, ``side`` px wide and high, a thousandth of its size in bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compressobj(9)
    row = bytes(side // 8 + 1)
    data = b"".join(rows.compress(row) for _ in range(side)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_pixel_bombs_are_refused_from_the_header(client: Client, tmp_path: Path) -> None:
    bomb = png_bomb(30_000)
    began = time.monotonic()
    refused(client.upload(bomb, "bomb.png"), 422, "limit-exceeded")
    assert time.monotonic() - began < 5


def test_a_video_of_8192_by_8192_is_refused(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    media.ffmpeg(
        "-f", "lavfi", "-i", "color=size=8192x8192:rate=1:duration=1", "-c:v", "libx264", "-preset", "ultrafast", path
    )
    refused(client.upload(path), 422, "limit-exceeded")


def test_too_large_is_413_as_soon_as_it_is_known(client: Client, tmp_path: Path) -> None:
    head = media.photo(tmp_path / "a.jpg", 640, 480).read_bytes()
    refused(client.upload(head + bytes(11 * 1024 * 1024), "fat.jpg"), 413, "too-large")
    with socket.create_connection(("127.0.0.1", client.server.port), timeout=10) as connection:
        # Announced too large: answered although not a byte of the body was ever sent.
        connection.sendall(
            f"POST /media/upload HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
            f"Content-Length: {10**12}\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_without_a_key_nothing_is_read(client: Client) -> None:
    refused(httpx.post(f"{client.server.url}/media/upload", content=b"x" * 1000), 401, "unauthenticated")
    wrong = {"authorization": "Bearer rk_00000000000000000000000000_" + "0" * 64}
    response = httpx.post(f"{client.server.url}/media/upload", content=b"x", headers=wrong)
    refused(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("media_id", ["unknown", "01" * 13, "%00", "a%2Fb", "..%2f..", "'%20OR%201=1", "x" * 3000])
def test_unknown_and_malformed_ids_are_404_alike(client: Client, media_id: str) -> None:
    texts = set()
    for method, path in (("GET", ""), ("GET", "/status"), ("GET", "/original"), ("POST", "/cancel"), ("DELETE", "")):
        response = client.call(method, f"/media/{media_id}{path}")
        refused(response, 404, "not-found")
        texts.add(response.json()["detail"])
    assert len(texts) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/main/image/upload/none.jpg",
        "/main/image/upload/w_100/none.jpg",
        "/main/raw/upload/x.bin",
        "/other/image/upload/x.jpg",
        "/main/image/private/x.jpg",
        "/main/files/x/y",
        "/main/video/upload/x.mp4",
        "/main/image/upload/..%2f..%2fetc%2fpasswd",
        "/main/image/upload/%00.jpg",
        "/nothing",
        "/media/x/nothing",
    ],
)
def test_unknown_delivery_paths_are_404(client: Client, path: str) -> None:
    refused(client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    "options",
    [{"visibility": "secret"}, {"nonsense": "1"}, {"public_id": "../x"}, {"public_id": "a\x00"}, {"folder": "v123"},
     {"recipe": "none"}, {"overwrite": "perhaps"}, {"public_id": "x" * 256}, {"tags": "t" * 101}],
)  # fmt: skip
def test_wrong_options_are_400(client: Client, tmp_path: Path, options: dict[str, str]) -> None:
    refused(client.upload(media.photo(tmp_path / "a.jpg", 20, 20), **options), 400)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"not a form"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="tags"\r\n\r\na\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
        ),
    ],
)
def test_broken_forms_are_400(client: Client, content_type: str, body: bytes) -> None:
    response = client.call("POST", "/media/upload", content=body, headers={"content-type": content_type})
    assert response.status_code in (400, 415), response.text


def test_a_body_that_breaks_off_is_not_taken(client: Client, tmp_path: Path) -> None:
    content = media.photo(tmp_path / "a.jpg", 300, 200).read_bytes()
    with socket.create_connection(("127.0.0.1", client.server.port)) as connection:
        connection.sendall(
            f"POST /media/upload HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
            f"Content-Length: {len(content) + 1000}\r\n\r\n".encode()
            + content
        )
    time.sleep(0.5)


def test_wrong_changes_are_422_and_come_after_404(client: Client, tmp_path: Path) -> None:
    asset = client.upload(media.photo(tmp_path / "a.jpg", 20, 21)).json()
    half = b'{"tags": ["\\ud800"]}'  # half of a surrogate pair: it has no UTF-8
    wrong = (b"{", b"[]", b'{"owner": "me"}', b'{"visibility": "x"}', b'{"tags": [1]}', b"\xff", b"[" * 60_000, half)
    for body in wrong:
        refused(client.call("PATCH", "/media/unknown", content=body), 404)
        refused(client.call("PATCH", f"/media/{asset['id']}", content=body), 422)
    client.call("DELETE", f"/media/{asset['id']}")


@pytest.mark.parametrize("query", ["limit=0", "limit=1000", "limit=x", "status=none", "media_type=pdf", "cursor=%00"])
def test_wrong_queries_are_422(client: Client, query: str) -> None:
    refused(client.call("GET", f"/media?{query}"), 422, "invalid-parameter")


def test_a_body_in_many_tiny_pieces_is_taken(client: Client, tmp_path: Path) -> None:
    """More pieces than one system call writes."""
    content = media.photo(tmp_path / "a.jpg", 200, 200).read_bytes()
    pieces = [content[at : at + 2] for at in range(0, len(content), 2)]
    assert len(pieces) > 1024
    headers = client.headers | {"content-type": "application/octet-stream"}
    response = client.http.post("/media/upload", content=iter(pieces), headers=headers)
    assert (response.status_code, response.json().get("bytes")) == (201, len(content))
    client.call("DELETE", f"/media/{response.json()['id']}")


def test_a_form_that_does_not_end(client: Client, tmp_path: Path) -> None:
    photo = media.photo(tmp_path / "a.jpg", 20, 20).read_bytes()
    form = b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + photo + b"\r\n--B--\r\n"
    headers = client.headers | {"content-type": "multipart/form-data; boundary=B"}
    for body in (form + b"x" * 2**22, b"x" * 2**22 + b"\r\n" + form):
        # A connection of its own: the server closes one whose body it does not read to the end.
        response = httpx.post(f"{client.server.url}/media/upload", content=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, "bad-form")


def test_names_of_files_that_no_rendition_has(client: Client, tmp_path: Path) -> None:
    song = client.done(client.upload(media.song(tmp_path / "song.mp3", 1)).json()["id"])
    folder = song["renditions"][0]["url"].rpartition("/")[0]
    for name in ("x" * 300, "x/" * 3 + "x", "..", "%2e%2e", "%00", ".incoming"):
        assert client.get(f"{folder}/{name}").status_code == 404
    client.call("DELETE", f"/media/{song['id']}")


def test_redirects_are_never_made_from_the_host_header(client: Client) -> None:
    for path in ("/media/", "/docs/x/", "/healthz/"):
        response = client.call("GET", path, headers={"host": "evil.example"})
        assert response.status_code == 404
        assert "evil.example" not in str(response.headers)

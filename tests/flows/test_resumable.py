"""Resumable uploads on a running server, by hand and by a client that others use."""

from __future__ import annotations

import base64
import hashlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from renditor.testing import media
from tests.api.test_server import second_key
from tests.client import Client
from tests.flows.conftest import stored_files
from tests.server import RunningServer, launch

BODY = "application/offset+octet-stream"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.photo(tmp_path_factory.mktemp("resumable") / "photo.jpg", 640, 480).read_bytes()


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def tus(client: Client, method: str, url: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items() if name != "content"}
    content = headers.get("content")
    return client.call(method, url, headers={"tus-resumable": "1.0.0"} | named, content=content)


def begin(client: Client, length: int, **headers: str) -> str:
    response = tus(client, "POST", "/uploads", **{"upload_length": str(length)} | headers)
    assert response.status_code == 201, response.text
    location = response.headers["location"]
    assert location.startswith(client.server.url + "/uploads/")
    return str(location)


def send(client: Client, url: str, offset: int, content: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fixed = {"tus-resumable": "1.0.0", "upload-offset": str(offset), "content-type": BODY}
    return client.call("PATCH", url, headers=fixed | named, content=content)


def fresh(client: Client, url: str, offset: int, content: bytes) -> httpx.Response:
    """``send`` over a connection of its own."""
    mine = Client(client.server)
    try:
        return send(mine, url, offset, content)
    finally:
        mine.close()


def offset(client: Client, url: str) -> int:
    response = tus(client, "HEAD", url)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    return int(response.headers["upload-offset"])


def asset_of(client: Client, url: str) -> dict[str, Any]:
    made: dict[str, Any] = client.call("GET", f"/media/{url.rpartition('/')[2]}").json()
    return made


def test_what_the_server_can_do(client: Client) -> None:
    response = client.http.options("/uploads")
    assert response.status_code == 204
    assert response.headers["tus-version"] == "1.0.0"
    assert set(response.headers["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "termination", "expiration", "checksum", "concatenation"
    }  # fmt: skip
    assert "sha1" in response.headers["tus-checksum-algorithm"].split(",")
    assert int(response.headers["tus-max-size"]) > 10**8


def test_a_file_in_pieces_becomes_an_asset_with_the_same_id(client: Client, photo: bytes) -> None:
    url = begin(client, len(photo), upload_metadata=metadata(filename="Zoë.jpg", filetype="image/jpeg", tags="a,b"))
    for start in range(0, len(photo), 10_000):
        assert offset(client, url) == start
        assert send(client, url, start, photo[start : start + 10_000]).status_code == 204
    made = asset_of(client, url)
    assert made["sha256"] == hashlib.sha256(photo).hexdigest()
    assert (made["filename"], made["tags"], made["status"]) == ("Zoë.jpg", ["a", "b"], "completed")
    assert offset(client, url) == len(photo)  # whoever lost the last answer learns that it is done
    assert client.get(made["url"]).status_code == 200


def test_a_first_piece_at_once(client: Client, photo: bytes) -> None:
    response = client.call(
        "POST",
        "/uploads",
        headers={"tus-resumable": "1.0.0", "upload-length": str(len(photo)), "content-type": BODY},
        content=photo[:5000],
    )
    assert (response.status_code, response.headers["upload-offset"]) == (201, "5000")
    url = response.headers["location"]
    assert send(client, url, 5000, photo[5000:]).status_code == 204
    assert asset_of(client, url)["bytes"] == len(photo)


TUSPY = """
import sys
from tusclient.client import TusClient
url, authorization, path = sys.argv[1:]
tool = TusClient(url, headers={"Authorization": authorization})
named = {"filename": "tuspy.jpg"}
uploader = tool.uploader(path, chunk_size=5000, metadata=named, upload_checksum=True)
uploader.upload()
print(uploader.url)
"""


def test_a_client_that_others_use(client: Client, photo: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo)
    arguments = [f"{client.server.url}/uploads", client.headers["authorization"], str(path)]
    done = subprocess.run(
        [sys.executable, "-c", TUSPY, *arguments], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    made = asset_of(client, done.stdout.strip())
    assert (made["filename"], made["bytes"]) == ("tuspy.jpg", len(photo))


def test_parts_sent_side_by_side(client: Client, photo: bytes) -> None:
    size = len(photo) // 3 + 1
    pieces = [photo[start : start + size] for start in range(0, len(photo), size)]
    urls = [begin(client, len(piece), upload_concat="partial") for piece in pieces]
    early = tus(client, "POST", "/uploads", upload_concat="final;" + " ".join(urls))
    assert early.status_code == 400  # the parts are not there yet
    with ThreadPoolExecutor(3) as threads:
        results = threads.map(lambda pair: fresh(client, pair[0], 0, pair[1]), zip(urls, pieces, strict=True))
        assert [result.status_code for result in results] == [204] * 3
    assert client.call("GET", f"/media/{urls[0].rpartition('/')[2]}").status_code == 404  # a part is no asset
    paths = " ".join(urlsplit(url).path for url in urls)
    response = tus(
        client, "POST", "/uploads", upload_concat=f"final;{paths}", upload_metadata=metadata(filename="c.jpg")
    )
    assert response.status_code == 201, response.text
    made = asset_of(client, response.headers["location"])
    assert made["sha256"] == hashlib.sha256(photo).hexdigest()
    assert send(client, response.headers["location"], len(photo), b"x").status_code == 403
    assert [tus(client, "HEAD", url).status_code for url in urls] == [404] * 3


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_that_is_not_what_its_checksum_says_leaves_nothing(
    client: Client, photo: bytes, algorithm: str
) -> None:
    url = begin(client, len(photo))
    right = base64.b64encode(hashlib.new(algorithm, photo[:1000]).digest()).decode()
    assert send(client, url, 0, photo[1:1001], upload_checksum=f"{algorithm} {right}").status_code == 460
    assert offset(client, url) == 0
    assert send(client, url, 0, photo[:1000], upload_checksum="md5 XUFAKrxLKna5cZ2REBfFkg==").status_code == 400
    assert send(client, url, 0, photo[:1000], upload_checksum=f"{algorithm} {right}").status_code == 204
    assert send(client, url, 1000, photo[1000:]).status_code == 204
    assert asset_of(client, url)["sha256"] == hashlib.sha256(photo).hexdigest()


def test_what_was_given_up_is_gone(client: Client, photo: bytes) -> None:
    before = stored_files(client.server.data) | set((client.server.data / "uploads").iterdir())
    url = begin(client, len(photo))
    send(client, url, 0, photo[:1000])
    assert tus(client, "DELETE", url).status_code == 204
    assert tus(client, "HEAD", url).status_code == 404
    assert send(client, url, 1000, photo[1000:]).status_code == 404
    assert stored_files(client.server.data) | set((client.server.data / "uploads").iterdir()) == before


def test_a_file_that_is_none_is_refused_with_its_last_piece(client: Client) -> None:
    url = begin(client, 2000, upload_metadata=metadata(filename="cat.jpg"))
    response = send(client, url, 0, b"<html>" + b"x" * 1994)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media")
    assert tus(client, "HEAD", url).status_code == 404


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "HEAD"])
def test_a_method_in_a_header(client: Client, photo: bytes, method: str) -> None:
    url = begin(client, len(photo))
    headers = {"tus-resumable": "1.0.0", "x-http-method-override": method, "upload-offset": "0", "content-type": BODY}
    response = client.call("POST", url, headers=headers, content=photo[:10] if method == "PATCH" else None)
    assert response.status_code == (200 if method == "HEAD" else 204)


def test_two_at_once_do_not_mix(client: Client, photo: bytes) -> None:
    url = begin(client, len(photo))
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: fresh(client, url, 0, photo[:8_000]).status_code, range(8)))
    assert results.count(204) == 1
    assert set(results) <= {204, 409, 423}
    assert send(client, url, 8_000, photo[8_000:]).status_code == 204
    assert asset_of(client, url)["sha256"] == hashlib.sha256(photo).hexdigest()


def test_more_than_was_announced_changes_nothing(client: Client, photo: bytes) -> None:
    url = begin(client, len(photo))
    assert send(client, url, 0, photo[:1000]).status_code == 204
    assert send(client, url, 1000, photo[1000:] + b"more").status_code == 413

    def chunked() -> Iterator[bytes]:
        yield photo[1000:]
        yield b"more"

    fixed = {"tus-resumable": "1.0.0", "upload-offset": "1000", "content-type": BODY}
    assert client.call("PATCH", url, headers=fixed, content=chunked()).status_code == 413
    assert offset(client, url) == 1000
    assert send(client, url, 1000, photo[1000:]).status_code == 204
    assert asset_of(client, url)["sha256"] == hashlib.sha256(photo).hexdigest()


def half_a_request(
    server: RunningServer, client: Client, url: str, start: int, announced: int, sent: bytes
) -> socket.socket:
    """A PATCH whose body does not end."""
    parts = urlsplit(url)
    wire = socket.create_connection((parts.hostname or "", parts.port or 0))
    head = (
        f"PATCH {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: {client.headers['authorization']}\r\n"
        f"Tus-Resumable: 1.0.0\r\nUpload-Offset: {start}\r\nContent-Type: {BODY}\r\nContent-Length: {announced}\r\n\r\n"
    )
    wire.sendall(head.encode() + sent)
    return wire


def test_what_arrived_of_a_broken_request_counts(client: Client, photo: bytes) -> None:
    url = begin(client, len(photo))
    half_a_request(client.server, client, url, 0, len(photo), photo[:9_000]).close()
    end = time.monotonic() + 10
    while (at := offset(client, url)) == 0:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert 0 < at <= 9_000
    assert send(client, url, at, photo[at:]).status_code == 204
    assert asset_of(client, url)["sha256"] == hashlib.sha256(photo).hexdigest()


def test_a_server_that_is_killed_in_the_middle_goes_on_where_it_was(tmp_path: Path) -> None:
    server = launch(tmp_path / "data")
    client = first = Client(server)
    content = media.video(tmp_path / "film.mp4", "320x180", 4).read_bytes()
    try:
        url = begin(client, len(content), upload_metadata=metadata(filename="film.mp4"))
        assert send(client, url, 0, content[:50_000]).status_code == 204
        wire = half_a_request(server, client, url, 50_000, len(content) - 50_000, content[50_000:90_000])
        time.sleep(0.3)
        server.stop(signal.SIGKILL)
        wire.close()
        server = launch(tmp_path / "data", server.key)
        client = Client(server)
        path = urlsplit(url).path
        at = offset(client, path)
        assert 50_000 <= at <= 90_000
        assert send(client, path, at, content[at:]).status_code == 204
        made = asset_of(client, path)
        assert made["sha256"] == hashlib.sha256(content).hexdigest()
    finally:
        server.stop()
        first.close()
        client.close()


def test_strangers_and_other_owners_see_nothing(client: Client, photo: bytes, other: Client) -> None:
    url = begin(client, len(photo))
    for method, more in (("HEAD", {}), ("DELETE", {}), ("PATCH", {"upload_offset": "0", "content_type": BODY})):
        foreign = tus(other, method, url, **more)
        unknown = tus(other, method, url.rpartition("/")[0] + "/" + "0" * 26, **more)
        assert foreign.status_code == unknown.status_code == 404
        nobody = httpx.request(
            method,
            url,
            headers={"tus-resumable": "1.0.0", "upload-offset": "0", "content-type": BODY},
            content=photo[:10] if method == "PATCH" else None,
        )
        assert nobody.status_code == 401
    assert offset(client, url) == 0


@pytest.fixture(scope="module")
def other(client: Client) -> Iterator[Client]:
    made = Client(client.server, second_key(client))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"upload_length": "-1"}, 400),
        ({"upload_length": "1", "upload_metadata": "filename !!"}, 400),
        ({"upload_length": "1", "upload_metadata": metadata(public_id="../x")}, 400),
        ({"upload_length": "1", "upload_metadata": metadata(visibility="secret")}, 400),
        ({"upload_length": str(10**15)}, 413),
        ({"upload_length": "1", "tus_resumable": "0.2.2"}, 412),
        ({"upload_concat": "final;/uploads/" + "0" * 26}, 404),
        ({"upload_concat": "nothing", "upload_length": "1"}, 400),
        ({"upload_defer_length": "1"}, 400),
    ],
    ids=str,
)
def test_uploads_that_do_not_begin(client: Client, headers: dict[str, str], status: int) -> None:
    before = sorted((client.server.data / "uploads").iterdir())
    refused = tus(client, "POST", "/uploads", **headers)
    assert (refused.status_code, refused.headers["tus-resumable"]) == (status, "1.0.0")
    assert status != 412 or refused.headers["tus-version"] == "1.0.0"
    assert sorted((client.server.data / "uploads").iterdir()) == before


def test_a_browser_with_an_upload_token(client: Client, photo: bytes) -> None:
    token = client.call("POST", "/tokens", json={"uploads": 1, "media_types": ["image"], "max_bytes": 10**6}).json()
    browser = Client(client.server, token["token"])
    too_big = tus(browser, "POST", "/uploads", upload_length=str(10**6 + 1))
    assert too_big.status_code == 413
    browser.close()
    token = client.call("POST", "/tokens", json={"uploads": 1, "media_types": ["image"]}).json()
    browser = Client(client.server, token["token"])
    url = begin(browser, len(photo))
    assert send(browser, url, 0, photo).status_code == 204
    media_id = url.rpartition("/")[2]
    assert browser.call("GET", f"/media/{media_id}/status").json()["status"] == "completed"
    assert browser.http.get(f"/media/{media_id}/events", params={"token": token["token"]}).status_code == 200
    for method, path in (("GET", f"/media/{media_id}"), ("GET", "/media"), ("DELETE", f"/media/{media_id}")):
        assert browser.call(method, path).status_code == 403
    assert tus(browser, "POST", "/uploads", upload_length="10").status_code == 403  # used up
    browser.close()
    assert client.call("GET", f"/media/{media_id}").status_code == 200


def test_a_token_for_pictures_takes_no_song(client: Client, tmp_path: Path) -> None:
    song = media.song(tmp_path / "song.mp3", 1).read_bytes()
    token = client.call("POST", "/tokens", json={"media_types": ["image"]}).json()["token"]
    browser = Client(client.server, token)
    url = begin(browser, len(song))
    refused = send(browser, url, 0, song)
    assert (refused.status_code, refused.json()["code"]) == (403, "token-limits")
    assert tus(browser, "HEAD", url).status_code == 404
    browser.close()


def test_many_small_uploads_at_once(client: Client, tmp_path: Path) -> None:
    files = [media.photo(tmp_path / f"{number}.png", 16 + number, 16).read_bytes() for number in range(12)]
    failures: list[str] = []

    def one(content: bytes) -> None:
        mine = Client(client.server)
        url = begin(mine, len(content))
        if send(mine, url, 0, content).status_code != 204 or asset_of(mine, url)["bytes"] != len(content):
            failures.append(url)
        mine.close()

    threads = [threading.Thread(target=one, args=(content,)) for content in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures

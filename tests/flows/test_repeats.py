"""Uploads that are sent again, and bodies that are not what was promised, on a server of two web processes."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from renditor.testing import media
from tests.client import Client
from tests.flows.conftest import left_as_it_was, media_count
from tests.flows.test_resumable import begin, offset, send, tus
from tests.server import start_server

Eventually = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with start_server(tmp_path_factory.mktemp("repeats") / "data", ("--workers", "2")) as server:
        made = Client(server)
        yield made
        made.close()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.photo(tmp_path_factory.mktemp("photo") / "photo.jpg", 320, 240).read_bytes()


def upload(client: Client, content: bytes, query: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.call("POST", f"/media/upload{query}", content=content, headers=named)


def form(client: Client, content: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.call("POST", "/media/upload", files={"file": ("a.jpg", content)}, headers=named)


def key() -> str:
    return str(uuid.uuid4())


def digest(content: bytes, algorithm: str = "sha-256") -> str:
    value = hashlib.new(algorithm.replace("-", ""), content).digest()
    return f"{algorithm}=:{base64.b64encode(value).decode()}:"


@pytest.mark.parametrize("send_it", [upload, form])
def test_the_same_request_again_is_the_same_asset(
    client: Client, photo: bytes, send_it: Callable[..., httpx.Response]
) -> None:
    again = key()
    first, count = send_it(client, photo, idempotency_key=again), media_count(client)
    second = send_it(client, photo, idempotency_key=again)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert first.headers["location"] == second.headers["location"]
    assert media_count(client) == count


def test_twenty_at_once_are_one_asset(client: Client, photo: bytes) -> None:
    again, before = key(), media_count(client)

    def one(_: int) -> httpx.Response:
        with closing(Client(client.server)) as mine:
            return upload(mine, photo, idempotency_key=again)

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(one, range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    late = [answer for answer in answers if answer.status_code == 409]
    assert {answer.json()["code"] for answer in late} <= {"idempotency-in-progress"}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in late)
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert media_count(client) == before + 1


def test_a_key_is_for_one_request(client: Client, photo: bytes) -> None:
    again = key()
    assert upload(client, photo, idempotency_key=again).status_code == 201
    for answer in (
        upload(client, photo + b"\0", idempotency_key=again),
        upload(client, photo, "?visibility=private", idempotency_key=again),
        upload(client, photo, idempotency_key=again, content_digest=digest(photo)),
        upload(client, photo, idempotency_key=again, x_filename="other.jpg"),
        client.call("POST", "/media/fetch", json={"url": "https://a.example/"}, headers={"idempotency-key": again}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-mismatch")


@pytest.mark.parametrize("bad", ["", "two words", "x" * 256], ids=len)
def test_keys_that_are_none(client: Client, photo: bytes, bad: str) -> None:
    answer = upload(client, photo, idempotency_key=bad)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-idempotency-key")


def test_a_failure_frees_the_key(client: Client, photo: bytes) -> None:
    again = key()
    bad = photo[: len(photo) // 2].replace(photo[:4], b"<htm", 1).ljust(len(photo))
    assert upload(client, bad, idempotency_key=again).status_code == 415
    assert upload(client, photo, idempotency_key=again).status_code == 201


def test_after_a_delete_it_is_made_anew(client: Client, photo: bytes) -> None:
    again = key()
    first = upload(client, photo, idempotency_key=again).json()["id"]
    assert client.call("DELETE", f"/media/{first}").status_code == 204
    second = upload(client, photo, idempotency_key=again)
    assert second.status_code == 201
    assert second.json()["id"] != first


def test_who_was_killed_is_taken_over(client: Client, photo: bytes) -> None:
    """As a killed server leaves it: the key is claimed, the asset is not there."""
    again = key()
    made = upload(client, photo, idempotency_key=again).json()["id"]
    now = int(time.time() * 1000)
    with closing(sqlite3.connect(client.server.data / "catalog.sqlite", timeout=10)) as catalog:
        row = catalog.execute("SELECT * FROM idempotency WHERE asset_id = ?", (made,)).fetchone()
        client.call("DELETE", f"/media/{made}")
        catalog.execute("INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?)", (*row[:-1], now))
        catalog.commit()
        waiting = upload(client, photo, idempotency_key=again)
        assert (waiting.status_code, waiting.json()["code"]) == (409, "idempotency-in-progress")
        catalog.execute("UPDATE idempotency SET created_at = ? WHERE asset_id = ?", (now - 600_000, made))
        catalog.commit()
    assert upload(client, photo, idempotency_key=again).json()["id"] == made


def test_the_keys_of_a_token_are_its_own(client: Client, photo: bytes) -> None:
    again = key()
    owners = upload(client, photo, idempotency_key=again).json()["id"]
    token = client.call("POST", "/tokens", json={"uploads": 1}).json()["token"]
    with closing(Client(client.server, token)) as browser:
        first = upload(browser, photo, idempotency_key=again)
        assert first.status_code == 201
        assert first.json()["id"] != owners
        assert upload(browser, photo, idempotency_key=again).json()["id"] == first.json()["id"]  # and costs nothing


@pytest.mark.parametrize("field", ["content_digest", "repr_digest"])
@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
def test_what_a_digest_promises(
    client: Client, photo: bytes, field: str, algorithm: str, eventually: Eventually
) -> None:
    assert upload(client, photo, **{field: digest(photo, algorithm)}).status_code == 201
    with left_as_it_was(client, eventually):
        refused = upload(client, photo, **{field: digest(photo + b"x", algorithm)})
        assert (refused.status_code, refused.json()["code"]) == (400, "digest-mismatch")
        malformed = upload(client, photo, **{field: f"{algorithm}=abc"})
        assert (malformed.status_code, malformed.json()["code"]) == (400, "bad-digest")


def test_the_digest_of_a_form_is_that_of_the_message(client: Client, photo: bytes, eventually: Eventually) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + photo + b"\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    assert upload(client, body, content_type=kind, content_digest=digest(body)).status_code == 201
    with left_as_it_was(client, eventually):
        refused = upload(client, body, content_type=kind, content_digest=digest(photo))
        assert (refused.status_code, refused.json()["code"]) == (400, "digest-mismatch")


def test_a_piece_that_is_not_what_its_digest_says(client: Client, photo: bytes) -> None:
    url = begin(client, len(photo))
    refused = send(client, url, 0, photo[:2000], content_digest=digest(photo[1:2001]))
    assert (refused.status_code, refused.json()["code"]) == (400, "digest-mismatch")
    assert offset(client, url) == 0
    assert send(client, url, 0, photo[:2000], content_digest=digest(photo[:2000])).status_code == 204
    assert send(client, url, 2000, photo[2000:]).status_code == 204
    assert client.call("GET", f"/media/{url.rpartition('/')[2]}").json()["sha256"] == hashlib.sha256(photo).hexdigest()


def test_a_creation_whose_first_piece_is_refused_leaves_nothing(client: Client, photo: bytes) -> None:
    folder: Path = client.server.data / "uploads"
    before = sorted(folder.iterdir())
    headers = {"upload_length": str(len(photo)), "content_type": "application/offset+octet-stream"}
    for more in ({"content_digest": digest(b"other")}, {"upload_checksum": "sha1 " + "A" * 27 + "="}):
        answer = client.call(
            "POST",
            "/uploads",
            content=photo[:1000],
            headers={
                name.replace("_", "-"): value for name, value in (headers | more | {"tus_resumable": "1.0.0"}).items()
            },
        )
        assert answer.status_code in (400, 460)
        assert "location" not in answer.headers
    assert sorted(folder.iterdir()) == before


def test_what_is_no_media_is_refused_with_its_first_piece(client: Client) -> None:
    url = begin(client, 200_000_000)
    refused = send(client, url, 0, b"<html>" + b"x" * 70_000)
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported-media")
    assert tus(client, "HEAD", url).status_code == 404


def test_a_picture_that_is_announced_too_large(client: Client) -> None:
    url = begin(client, 200_000_000)
    refused = send(client, url, 0, media_head() + b"\0" * 70_000)
    assert (refused.status_code, refused.json()["code"]) == (413, "too-large")
    assert tus(client, "HEAD", url).status_code == 404


def media_head() -> bytes:
    """What a PNG begins with."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0"

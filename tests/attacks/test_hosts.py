"""Two names for one server: files at one, all else at the other. And what the server's logs keep of secrets in URLs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from renditor.testing import media
from tests.attacks import wire
from tests.attacks.test_identity import command
from tests.client import Client
from tests.server import RunningServer, start_server

API, FILES, PAGE = "media.example.com", "files.example.net", "https://app.example.com"
PREFIX = "/_files"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Known by two names, behind a proxy that sends stored files itself."""
    with start_server(
        tmp_path_factory.mktemp("hosts") / "data",
        (),
        RENDITOR_PUBLIC_URL=f"https://{API}",
        RENDITOR_DELIVERY__URL=f"https://{FILES}",
        RENDITOR_DELIVERY__ACCEL_PREFIX=PREFIX,
        RENDITOR_CORS__ORIGINS=f'["{PAGE}"]',
    ) as running:
        yield running


@pytest.fixture(scope="module")
def owner(server: RunningServer) -> Iterator[Client]:
    made = Client(server)
    yield made
    made.close()


@pytest.fixture(scope="module")
def song(owner: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = media.song(tmp_path_factory.mktemp("song") / "secret.wav", 1)
    return owner.done(owner.upload(path, visibility="private").json()["id"])


@pytest.fixture(scope="module")
def photo(owner: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = media.photo(tmp_path_factory.mktemp("photo") / "secret.jpg", 64, 48)
    made: dict[str, Any] = owner.upload(path).json()
    return made


def asked(server: RunningServer, host: str, path: str, *lines: str, method: str = "GET") -> wire.Answer:
    head = "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *lines))
    return wire.one(server.port, f"{head}\r\n\r\n".encode("latin-1"))


def granted(owner: Client, asset: dict[str, Any]) -> str:
    """The path of its own file."""
    answer = owner.call("POST", f"/media/{asset['id']}/grants", json={"ttl": 60})
    assert answer.status_code == 201, answer.text
    url = urlsplit(answer.json()["url"])
    assert url.netloc == FILES
    return str(url.path)


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/media", "/uploads"]
)
def test_the_api_at_the_host_of_files(server: RunningServer, path: str) -> None:
    key = f"Authorization: Bearer {server.key}"
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        answer = asked(server, FILES, path, key, method=method)
        assert (answer.status, json.loads(answer.body or b"{}").get("code")) == (404, "not-found")
        assert "ratelimit" not in answer.headers
    assert asked(server, API, path, key).status in (200, 204, 404, 405)


def test_files_at_the_host_of_the_api(server: RunningServer, owner: Client, photo: Any, song: Any) -> None:
    for path in (urlsplit(photo["url"]).path, granted(owner, song)):
        assert asked(server, FILES, path).status == 200
        assert asked(server, API, path).status == 404
        assert asked(server, API, path, f"Authorization: Bearer {server.key}").status == 404


@pytest.mark.parametrize(
    "host",
    [
        f"{FILES}.evil.example", f"evil.{FILES}", "127.0.0.1", "localhost", f"{FILES}:8443", f"{FILES}:80",
        f"x@{FILES}", f"{FILES}%00", f"{FILES}/", f"{API}#{FILES}", f"{FILES},{API}", "files_example.net",
    ],
)  # fmt: skip
def test_hosts_that_look_like_that_of_files(server: RunningServer, photo: dict[str, Any], host: str) -> None:
    path = urlsplit(photo["url"]).path
    assert asked(server, host, path).status in (400, 404)


@pytest.mark.parametrize(
    "line", [f"X-Forwarded-Host: {FILES}", f"Forwarded: host={FILES}", f"X-Host: {FILES}", f"X-Original-Host: {FILES}"]
)
def test_other_fields_that_name_the_host(server: RunningServer, photo: dict[str, Any], line: str) -> None:
    assert asked(server, API, urlsplit(photo["url"]).path, line).status == 404


@pytest.mark.parametrize("host", [FILES.upper(), f"{FILES}.", f"{FILES}:443", f"{FILES}:"])
def test_spellings_of_the_host_of_files(server: RunningServer, photo: dict[str, Any], host: str) -> None:
    assert asked(server, host, urlsplit(photo["url"]).path).status == 200
    assert asked(server, host, "/media", f"Authorization: Bearer {server.key}").status == 404


def test_two_hosts_at_once(server: RunningServer, photo: dict[str, Any]) -> None:
    """Two fields, or a whole URL that says another (RFC 9112, 3.2.2)."""
    path = urlsplit(photo["url"]).path
    assert asked(server, API, path, f"Host: {FILES}").status == 400
    assert asked(server, API, f"https://{FILES}/media", f"Authorization: Bearer {server.key}").status in (200, 400, 404)


def test_a_cookie_of_the_api_for_the_other_host(owner: Client, song: dict[str, Any]) -> None:
    answer = owner.call("POST", f"/media/{song['id']}/grants", json={"cookie": True})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")
    assert "set-cookie" not in answer.headers


def test_a_cookie_that_the_program_set_for_both_names(server: RunningServer, owner: Client, song: Any) -> None:
    path = granted(owner, song)
    found = re.search(r"g--(.*?)--/", path)
    assert found
    cookie = f"Cookie: grant_{song['id']}={found[1]}"
    plain = path.replace(found[0], "")
    opened = asked(server, FILES, plain, cookie, f"Origin: {PAGE}")
    assert (opened.status, opened.headers["access-control-allow-origin"]) == (200, PAGE)
    assert asked(server, FILES, plain).status == asked(server, API, plain, cookie).status == 404


def test_naming_private_files_to_the_proxy(server: RunningServer, owner: Client, song: dict[str, Any]) -> None:
    """The proxy is told of a file only where a grant opens it, and keeps it no longer; no client can name one."""
    path = granted(owner, song)
    for line in ("Range: bytes=0-3", "Accept: */*"):
        told = asked(server, FILES, path, line)
        assert told.status == 200
        assert told.headers["x-accel-redirect"].startswith(f"{PREFIX}/")
        assert told.headers["cache-control"].startswith("private, max-age=")
        assert told.body == b""
        closed = asked(server, FILES, re.sub(r"g--.*?--/", "", path), line, f"X-Accel-Redirect: {PREFIX}/x")
        assert closed.status == 404
        assert "x-accel-redirect" not in closed.headers
    assert asked(server, FILES, told.headers["x-accel-redirect"]).status == 404


def test_tokens_and_grants_in_urls_are_in_no_log(server: RunningServer, owner: Client, song: dict[str, Any]) -> None:
    """A page of an allowed origin listens with its token; refused ones, and grants in paths, are logged without it."""
    made = owner.call("POST", "/tokens", json={"ttl": 60, "uploads": 1})
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    host = {"host": API, "origin": PAGE}
    picture = media.quadrants(40, 30).jpegsave_buffer()
    mine = owner.http.post("/media/upload", content=picture, headers=host | {"authorization": f"Bearer {token}"})
    assert mine.status_code in (201, 202), mine.text
    events = f"/media/{mine.json()['id']}/events"
    with owner.http.stream(
        "GET", events, params={"token": token}, headers=host | {"accept": "text/event-stream"}
    ) as heard:
        assert (heard.status_code, heard.headers["access-control-allow-origin"]) == (200, PAGE)
        assert heard.headers["content-type"].startswith("text/event-stream")
        # The picture is done: the stream ends behind its only event.
        assert "completed" in heard.read().decode()
    for path in (f"/media/{song['id']}/events", "/media", "/nothing", f"{events}/x"):
        assert owner.http.get(path, params={"token": token}, headers=host).status_code in (401, 403, 404)
    changed = f"{token[:-4]}0000"
    assert owner.http.get(events, params={"token": changed}, headers=host).status_code == 401
    other = owner.http.get(events, params={"token": token}, headers=host | {"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    path = granted(owner, song)
    grant = path.partition("g--")[2].partition("--/")[0]
    assert asked(server, FILES, path.replace("/main/", "/other/")).status == 404
    said = server.log.read_text() + "".join(_audited(server))
    for secret in (token, changed, token[-40:], grant.rpartition(".")[2]):
        assert secret not in said


def _audited(server: RunningServer) -> list[str]:
    shown = command("audit", "list", "--limit", "1000", "--data", str(server.data), "--json")
    assert shown.returncode == 0, shown.stderr
    entries = [json.dumps(entry) for entry in json.loads(shown.stdout)["items"]]
    assert entries
    return entries

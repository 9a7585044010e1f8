"""Server-side request forgery against the running server: ``POST /media/fetch`` of what only the server could reach.

The same table, and names that resolve to bad addresses, run against the client in tests/outbound/test_ssrf.py.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from renditor.transformation.sign import sign
from tests.attacks.conftest import SECRET
from tests.client import Client
from tests.outbound.ssrf import LITERALS, WRITING
from tests.server import RunningServer

# None of them needs a name server.
TARGETS = {name: case.url for name, case in (LITERALS | WRITING).items()}


@pytest.fixture(scope="module")
def inside() -> Iterator[socket.socket]:
    """A service of this machine that nobody outside may reach; at the port of the web where that is allowed."""
    try:
        service = socket.create_server(("127.9.8.7", 80))
    except OSError:
        service = socket.create_server(("127.9.8.7", 0))
    with service:
        service.setblocking(False)
        yield service


@pytest.mark.parametrize("name", TARGETS)
def test_ssrf_prevention(name: str, owner: Client, inside: socket.socket) -> None:
    answer = owner.call("POST", "/media/fetch", json={"url": TARGETS[name]})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "blocked-url")
    assert problem["detail"] == problem["title"] == "Nothing can be fetched from this URL"
    with pytest.raises(BlockingIOError):
        inside.accept()


def test_a_service_inside_cannot_be_told_from_nothing(
    owner: Client, inside: socket.socket, attacked: RunningServer
) -> None:
    host, port = inside.getsockname()
    urls = [f"http://{host}:{port}/", f"http://{host}/", "http://127.9.8.6/", attacked.url, "http://[::1]/", "x"]
    bodies = [owner.call("POST", "/media/fetch", json={"url": url}).json() for url in urls]
    for body in bodies:
        del body["request_id"]
    assert all(body == bodies[0] for body in bodies)
    with pytest.raises(BlockingIOError):
        inside.accept()


def test_the_log_says_why_and_keeps_the_secrets_of_the_url(owner: Client, attacked: RunningServer) -> None:
    answer = owner.call("POST", "/media/fetch", json={"url": f"http://127.9.8.7/{SECRET}?signature={SECRET}"})
    lines = [line for line in attacked.log.read_text().splitlines() if answer.json()["request_id"] in line]
    assert any("fetch_refused" in line and "127.9.8.7" in line and "loopback" in line for line in lines)
    assert not any(SECRET in line for line in lines)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/\nfetch_refused host=evil", "http://evil\r\n\r\n/", "http://\x1b[31m/"]
)
def test_a_url_cannot_write_lines_into_the_log(url: str, owner: Client, attacked: RunningServer) -> None:
    assert owner.call("POST", "/media/fetch", json={"url": url}).json()["code"] == "blocked-url"
    assert "evil" not in attacked.log.read_text()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b"null",
        b'"http://example.com/"',
        b"{}",
        b'{"url": null}',
        b'{"url": 7}',
        b'{"url": ""}',
        b'{"url": ["http://127.0.0.1/"]}',
        b'{"url": {"$ref": "http://127.0.0.1/"}}',
        b'{"url": "http://127.0.0.1/", "owner": "admin"}',
        b'{"url": "http://127.0.0.1/", "headers": {"Metadata-Flavor": "Google"}}',
        b'{"url": "http://127.0.0.1/", "tags": "a,b"}',
        b'{"url": "\\ud800"}',
        b'{"url": "' + b"a" * 9000 + b'"}',
        b"[" * 60000,
    ],
    ids=lambda body: ascii(body[:40]),
)
def test_a_body_that_is_no_request_is_refused(body: bytes, owner: Client) -> None:
    answer = owner.call("POST", "/media/fetch", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("invalid-body", "blocked-url")


def test_a_huge_body_is_refused_before_it_is_read(owner: Client) -> None:
    answer = owner.call("POST", "/media/fetch", content=b'{"url": "' + b"a" * 10_000_000)
    assert answer.status_code == 413


@pytest.mark.parametrize("scheme", ["Bearer wrong", "Basic YTpi", ""])
def test_nobody_fetches_without_a_key(scheme: str, attacked: RunningServer) -> None:
    stranger = Client(attacked)
    answer = stranger.http.post(
        "/media/fetch", json={"url": "http://127.0.0.1/"}, headers={"authorization": scheme} if scheme else {}
    )
    stranger.close()
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["loopback", "metadata", "ipv6 mapped", "private 10", "metadata azure"])
def test_a_page_cannot_have_the_server_fetch_from_inside(
    name: str, owner: Client, attacked: RunningServer, inside: socket.socket
) -> None:
    url = quote(TARGETS[name], safe="/:")
    unsigned = owner.get(f"/main/image/fetch/{url}")
    assert (unsigned.status_code, unsigned.json()["code"]) == (401, "signature-required")
    signature = sign(url, attacked.delivery_secret())
    signed = owner.get(f"/main/image/fetch/s--{signature}--/{url}")
    assert (signed.status_code, signed.json()["code"]) == (404, "not-found")
    with pytest.raises(BlockingIOError):
        inside.accept()


@pytest.mark.parametrize("signature", ["s--AAAAAAAA--", "s--" + "A" * 32 + "--", "s----", "s--AAAAAAAA"])
def test_a_forged_signature_fetches_nothing(signature: str, owner: Client) -> None:
    answer = owner.get(f"/main/image/fetch/{signature}/http://example.com/a.jpg")
    assert answer.status_code in (400, 401)

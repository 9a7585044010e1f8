"""More than one's share: rates and quotas of a server with two web processes, whose limits are small."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from renditor.testing import media
from tests.attacks import wire
from tests.client import Client
from tests.server import RunningServer, start_server

PROXY = "127.0.0.2"
FILES, BYTES, REQUESTS, ADDRESS = 6, 60_000, 40, 60
TUS = {"tus-resumable": "1.0.0"}
SETTINGS = {
    "RENDITOR_TRUSTED_PROXIES": f'["{PROXY}"]',
    "RENDITOR_LIMITS__OWNER_FILES": str(FILES),
    "RENDITOR_LIMITS__OWNER_BYTES": str(BYTES),
    "RENDITOR_LIMITS__OWNER_JOBS": "1",
    "RENDITOR_LIMITS__REQUESTS": f"{REQUESTS}/day",
    "RENDITOR_LIMITS__ADDRESS_REQUESTS": f"{ADDRESS}/day",
    "RENDITOR_ACCESS__FAILED_LOGINS": "100000/minute",
    "RENDITOR_CORS__ORIGINS": '["https://app.example.com"]',
}
# Structured fields (RFC 9651): a list of strings with integer parameters.
ITEM = re.compile(r'"(?P<name>[a-z]+)"(?P<parameters>(?:;[a-z]+=\d+)+)')
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("limited") / "data"
    with start_server(folder, ("--workers", "2"), **SETTINGS) as running:
        yield running


class Visitor(Client):
    """Comes through the trusted proxy from an address of his own, unless another is given."""

    def __init__(self, server: RunningServer, key: str, address: str | None = None, through: str = PROXY) -> None:
        super().__init__(server, key)
        self.http.close()
        forwarded = {"x-forwarded-for": address or f"203.0.113.{next(numbers)}"}
        transport = httpx.HTTPTransport(local_address=through)
        self.http = httpx.Client(base_url=server.url, timeout=60, transport=transport, headers=forwarded)


@pytest.fixture
def visit(limited: RunningServer) -> Iterator[Any]:
    """Makes a visitor with a key of an owner that nobody was before."""
    made: list[Visitor] = []

    def visitor(owner: str | None = None, address: str | None = None, **asked: Any) -> Visitor:
        admin = Visitor(limited, limited.key)
        body = {"name": "test", "scopes": ["write"], "owner": owner or f"owner-{next(numbers)}"}
        key = admin.call("POST", "/keys", json=body | asked).json()["key"]
        admin.close()
        made.append(Visitor(limited, key, address))
        return made[-1]

    yield visitor
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A picture of which the quota of bytes holds a few."""
    content = media.photo(tmp_path_factory.mktemp("photo") / "a.jpg", 200, 150).read_bytes()
    content += bytes(BYTES // 4 - len(content))
    assert BYTES // FILES < len(content) <= BYTES // 4
    return content


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    content = media.photo(tmp_path_factory.mktemp("small") / "a.jpg", 20, 20).read_bytes()
    assert len(content) < BYTES // 12
    return content


def fields(answer: httpx.Response, name: str) -> dict[str, dict[str, int]]:
    """A header of limits, read as the structured field that it must be."""
    found = {}
    for item in answer.headers[name].split(", "):
        match = ITEM.fullmatch(item)
        assert match, answer.headers[name]
        pairs = (part.split("=") for part in match["parameters"][1:].split(";"))
        found[match["name"]] = {key: int(value) for key, value in pairs}
    return found


def left_behind(server: RunningServer) -> list[Path]:
    """Files of uploads on their way."""
    return [path for name in ("spool", "uploads") for path in (server.data / name).iterdir() if path.is_file()]


def used(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.call("GET", "/usage").json()
    return found


# -- rates ------------------------------------------------------------------------------------------------------------


def test_the_eleventh_upload_of_an_hour(visit: Any) -> None:
    visitor = visit()
    answers = [visitor.call("POST", "/uploads", headers={**TUS, "upload-length": "9"}) for _ in range(FILES)]
    for answer in answers:
        assert answer.status_code == 201
        visitor.call("DELETE", f"/uploads/{answer.headers['location'].rpartition('/')[2]}", headers=TUS)
    ends = [visitor.upload(b"no picture").status_code for _ in range(10 - FILES)]
    assert ends == [415] * (10 - FILES)  # what is refused was an upload, too
    refused = visitor.upload(b"no picture")
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
    assert 0 < int(refused.headers["retry-after"]) <= 360
    assert "RENDITOR_LIMITS__UPLOADS" in refused.json()["hint"]
    assert fields(refused, "ratelimit")["uploads"]["r"] == 0
    fetched = visitor.call("POST", "/media/fetch", json={"url": "http://x.test/"})
    begun = visitor.call("POST", "/uploads", headers={**TUS, "upload-length": "1"})
    assert (fetched.status_code, begun.status_code) == (429, 429)


def test_many_uploads_at_once_in_two_processes(visit: Any) -> None:
    visitor = visit(uploads="5/day")
    with ThreadPoolExecutor(16) as many:
        statuses = list(many.map(lambda _: visitor.upload(b"no picture").status_code, range(30)))
    assert (statuses.count(415), statuses.count(429)) == (5, 25)


def test_a_key_that_may_only_read_hammers(visit: Any) -> None:
    """Neither another key of its owner nor another route has a count of its own."""
    visitor, second = visit("hammer", scopes=["read"]), visit("hammer")
    for _ in range(REQUESTS // 2):
        assert visitor.call("GET", "/media").status_code == 200
        assert second.call("GET", "/usage").status_code == 200
    refused = visitor.call("GET", "/media")
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
    assert "RENDITOR_LIMITS__REQUESTS" in refused.json()["hint"]
    assert second.call("DELETE", f"/media/{'0' * 26}").status_code == 429
    assert visit("somebody").call("GET", "/media").status_code == 200
    # Not what others see of it.
    assert visitor.http.get("/healthz").status_code == 200
    assert visitor.http.get("/main/image/upload/none.jpg").status_code == 404


def test_nobody_hammers_from_one_address(limited: RunningServer) -> None:
    nobody = Visitor(limited, "rk_none", "198.51.100.1")
    statuses = [nobody.call("GET", "/media").status_code for _ in range(ADDRESS)]
    assert set(statuses) == {401}
    refused = nobody.call("GET", "/media")
    assert refused.status_code == 429
    assert "RENDITOR_LIMITS__ADDRESS_REQUESTS" in refused.json()["hint"]
    assert fields(refused, "ratelimit") == {"address": {"r": 0, "t": fields(refused, "ratelimit")["address"]["t"]}}
    # A body is not asked for by then.
    assert nobody.upload(bytes(1000)).status_code == 429
    nobody.close()


def test_rotating_addresses_of_one_network(limited: RunningServer) -> None:
    """IPv6: whoever has one address has 2**64 of them."""
    statuses = []
    for number in range(ADDRESS + 1):
        visitor = Visitor(limited, "rk_none", f"2001:db8:0:1:{number:x}::{number:x}")
        statuses.append(visitor.call("GET", "/media").status_code)
        visitor.close()
    assert statuses == [401] * ADDRESS + [429]
    other = Visitor(limited, "rk_none", "2001:db8:0:2::1")
    assert other.call("GET", "/media").status_code == 401
    other.close()


def test_addresses_that_the_client_makes_up(limited: RunningServer) -> None:
    """No proxy of ours says so: each is the address of who speaks."""
    statuses = []
    for number in range(ADDRESS + 1):
        visitor = Visitor(limited, "rk_none", f"192.0.2.{number}", through="127.0.0.3")
        statuses.append(visitor.call("GET", "/media").status_code)
        visitor.close()
    assert statuses == [401] * ADDRESS + [429]


def test_addresses_made_up_behind_a_proxy(limited: RunningServer) -> None:
    """The proxy adds who speaks to it at the end; what stands before it is the client's word."""
    statuses = []
    for number in range(ADDRESS + 1):
        visitor = Visitor(limited, "rk_none", f"192.0.2.{number}, 198.51.100.77")
        statuses.append(visitor.call("GET", "/media").status_code)
        visitor.close()
    assert statuses == [401] * ADDRESS + [429]


def test_admin_keys_are_exempt(limited: RunningServer, small: bytes) -> None:
    admin = Visitor(limited, limited.key)
    answers = [admin.upload(small, "a.jpg") for _ in range(FILES + 5)]
    assert {answer.status_code for answer in answers} == {201}
    assert not any(name.startswith("ratelimit") for answer in answers for name in answer.headers)
    told = used(admin)
    assert (told["files"], told["rates"]) == ({"used": FILES + 5, "limit": None}, {})
    admin.close()


def test_what_answers_say_of_limits(visit: Any) -> None:
    visitor = visit()
    listed = visitor.call("GET", "/media")
    assert fields(listed, "ratelimit-policy") == {"requests": {"q": REQUESTS, "w": 86_400}}
    assert fields(listed, "ratelimit")["requests"]["r"] == REQUESTS - 1
    headers = {"origin": "https://app.example.com"}
    sent = visitor.http.post("/media/upload", content=b"x", headers=visitor.headers | headers)
    assert fields(sent, "ratelimit-policy")["uploads"] == {"q": 10, "w": 3600}
    state = fields(sent, "ratelimit")
    assert (state["uploads"], state["requests"]["r"]) == ({"r": 9, "t": 360}, REQUESTS - 2)
    assert {"ratelimit", "ratelimit-policy"} <= set(sent.headers["access-control-expose-headers"].lower().split(", "))
    rates = used(visitor)["rates"]
    assert rates["uploads"] == {"limit": 10, "period_seconds": 3600, "remaining": 9, "reset_seconds": 360}
    assert rates["requests"]["remaining"] == REQUESTS - 3


# -- quotas -----------------------------------------------------------------------------------------------------------


def test_twenty_uploads_at_once_against_the_quota_of_bytes(visit: Any, photo: bytes, limited: RunningServer) -> None:
    visitor = visit(uploads="1000/hour")
    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(lambda number: visitor.upload(photo + bytes([number]) * 3, "a.jpg"), range(20)))
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(413, "quota-bytes")}
    assert len(answers) - len(refused) == BYTES // (len(photo) + 3)
    told = used(visitor)
    assert told["bytes"] == {"used": 3 * (len(photo) + 3), "limit": BYTES}
    assert len(visitor.call("GET", "/media").json()["items"]) == 3
    assert left_behind(limited) == []


def test_twenty_uploads_at_once_against_the_quota_of_files(visit: Any, small: bytes) -> None:
    """The same bytes each time: what is stored once counts as often as it was uploaded."""
    visitor = visit(uploads="1000/hour")
    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(lambda _: visitor.upload(small, "a.jpg"), range(20)))
    assert [answer.status_code for answer in answers].count(201) == FILES
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"quota-files"}
    assert "RENDITOR_LIMITS__OWNER_FILES" in visitor.upload(small).json()["hint"]
    other = visit()
    assert other.upload(small, "a.jpg").status_code == 201


def test_a_length_that_is_declared_is_refused_before_the_body(visit: Any, limited: RunningServer) -> None:
    visitor = visit()
    key = visitor.headers["authorization"]
    head = f"POST /media/upload HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Length: {BYTES + 1}\r\n\r\n"
    answer = wire.one(limited.port, head.encode())
    assert (answer.status, b"quota-bytes" in answer.body) == (413, True)
    begun = visitor.call("POST", "/uploads", headers={**TUS, "upload-length": str(BYTES + 1)})
    assert (begun.status_code, begun.json()["code"]) == (413, "quota-bytes")
    assert "RENDITOR_LIMITS__OWNER_BYTES" in begun.json()["hint"]
    assert left_behind(limited) == []


def test_open_uploads_take_the_room_that_they_announce(visit: Any, photo: bytes) -> None:
    visitor = visit()
    half = {**TUS, "upload-length": str(BYTES // 2)}
    first = visitor.call("POST", "/uploads", headers=half)
    part = visitor.call("POST", "/uploads", headers={**half, "upload-concat": "partial"})
    assert (first.status_code, part.status_code) == (201, 201)
    assert visitor.call("POST", "/uploads", headers={**TUS, "upload-length": "1"}).json()["code"] == "quota-bytes"
    assert visitor.upload(photo, "a.jpg").json()["code"] == "quota-bytes"
    assert used(visitor)["bytes"]["used"] == BYTES
    path = f"/uploads/{first.headers['location'].rpartition('/')[2]}"
    assert visitor.call("DELETE", path, headers=TUS).status_code == 204
    assert visitor.upload(photo, "a.jpg").status_code == 201


def test_an_upload_in_parts_counts_once(visit: Any, photo: bytes) -> None:
    visitor = visit()
    made = visitor.upload(photo, "a.jpg").json()
    content = photo * 2 + bytes(BYTES - 3 * len(photo))
    urls = []
    for piece in (content[: len(photo)], content[len(photo) :]):
        headers = {**TUS, "upload-length": str(len(piece)), "upload-concat": "partial"}
        urls.append(visitor.call("POST", "/uploads", headers=headers).headers["location"])
        body = {**TUS, "upload-offset": "0", "content-type": "application/offset+octet-stream"}
        path = f"/uploads/{urls[-1].rpartition('/')[2]}"
        assert visitor.call("PATCH", path, content=piece, headers=body).status_code == 204
    final = visitor.call("POST", "/uploads", headers={**TUS, "upload-concat": f"final;{' '.join(urls)}"})
    assert final.status_code == 201, final.text
    told = used(visitor)
    assert (told["bytes"]["used"], told["files"]["used"], told["open_uploads"]["used"]) == (BYTES, 2, 0)
    assert made["bytes"] + len(content) == BYTES


def test_what_is_deleted_or_replaced_makes_room(visit: Any, photo: bytes) -> None:
    visitor = visit()
    made = [visitor.upload(photo + bytes([number]), "a.jpg", public_id=f"limits-{number}") for number in range(3)]
    assert [answer.status_code for answer in made] == [201] * 3
    assert visitor.upload(photo + b"4", "a.jpg").json()["code"] == "quota-bytes"
    name = made[0].json()["public_id"]
    assert visitor.upload(photo + b"5", "a.jpg", public_id=name, overwrite="true").status_code == 201
    assert visitor.upload(photo + bytes(BYTES // 4), "a.jpg", public_id=name, overwrite="true").status_code == 413
    assert used(visitor)["files"]["used"] == 3
    assert visitor.call("DELETE", f"/media/{made[1].json()['id']}").status_code == 204
    assert visitor.upload(photo + b"6", "a.jpg").status_code == 201


def test_more_jobs_than_an_owner_may_have(visit: Any, small: bytes) -> None:
    visitor = visit()
    made = visitor.upload(small, "a.jpg").json()["id"]

    def ask(first: int) -> httpx.Response:
        chains = [f"w_{width},h_{width}" for width in range(first, first + 20)]
        answer: httpx.Response = visitor.call("POST", f"/media/{made}/renditions", json={"transformations": chains})
        return answer

    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(ask, range(21, 181, 20)))
    refused = [answer for answer in answers if answer.status_code != 202]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(429, "quota-jobs")}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert used(visitor)["running_jobs"]["limit"] == 1

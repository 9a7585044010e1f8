"""Attacks on grants: changed, moved to other paths, used too late or from elsewhere, and what caches give away."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from renditor.testing import media
from tests.attacks import wire
from tests.attacks.test_identity import command
from tests.client import Client
from tests.server import RunningServer, launch

PROXY, PAGE = "127.0.0.2", "https://app.example.com"
# In every process.
RETIRED_SECONDS = 5
SIGNING_SECONDS = 12
# Enough for each of two processes to answer.
ASKED = 12
SAME = ("type", "title", "status", "detail", "code")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    made = launch(
        tmp_path_factory.mktemp("grants") / "data",
        arguments=("--workers", "2"),
        RENDITOR_TRUSTED_PROXIES=f'["{PROXY}"]',
        RENDITOR_CORS__ORIGINS=f'["{PAGE}"]',
        RENDITOR_ACCESS__FAILED_LOGINS="100000/minute",
    )
    yield made
    made.stop()


@pytest.fixture(scope="module")
def owner(server: RunningServer) -> Iterator[Client]:
    made = Client(server)
    yield made
    made.close()


@pytest.fixture(scope="module")
def photo(owner: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = media.photo(tmp_path_factory.mktemp("photo") / "secret.jpg", 64, 48)
    made: dict[str, Any] = owner.upload(path, visibility="private", public_id="trip/secret").json()
    owner.upload(media.photo(path.with_name("sibling.jpg"), 60, 48), visibility="private", public_id="trip/secret2")
    return made


@pytest.fixture(scope="module")
def song(owner: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = media.song(tmp_path_factory.mktemp("song") / "secret.wav", 2)
    return owner.done(owner.upload(path, visibility="private").json()["id"])


def grant(owner: Client, asset: dict[str, Any], **asked: Any) -> str:
    """The URL that a grant opens: the picture, or the stream."""
    response = owner.call("POST", f"/media/{asset['id']}/grants", json={"ttl": 60} | asked)
    assert response.status_code == 201, response.text
    answer = response.json()
    return str(answer.get("hls_url", answer["url"]))


def text_of(url: str) -> str:
    found = re.search(r"/g--(.*?)--/", url)
    assert found
    return found[1]


def raw(server: RunningServer, path: str, *lines: str, method: str = "GET") -> wire.Answer:
    """A path as it stands, which clients would tidy up."""
    head = "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *lines))
    return wire.one(server.port, f"{head}\r\n\r\n".encode("latin-1"))


def from_network(server: RunningServer, url: str, peer: str, **headers: str) -> httpx.Response:
    """Ask from an address of this machine."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=peer), timeout=60) as client:
        return client.get(url, headers=named)


def links(text: str) -> list[str]:
    named = re.findall(r'URI="([^"]+)"', text)
    return [*named, *(line for line in text.splitlines() if line and not line.startswith("#"))]


def segment_of(owner: Client, url: str) -> str:
    """The first file of a stream that is no playlist."""
    while ".m3u8" in url:
        url = urljoin(url, links(owner.get(url).text)[0])
    return url


# -- changed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["what", "key", "asset", "expiry", "signature"])
@pytest.mark.parametrize("kind", ["one path", "whole asset"])
def test_changing_any_character_of_a_grant(owner: Client, photo: dict[str, Any], part: str, kind: str) -> None:
    """Every character of the short parts, every fourth of the others, replaced by one that may stand there too."""
    url = grant(owner, photo, whole=kind == "whole asset")
    text = text_of(url)
    parts = text.split(".")
    at = ["what", "key", "asset", "expiry", "signature"].index(part)
    for index in range(0, len(parts[at]), 1 if len(parts[at]) < 12 else 4):
        letter = parts[at][index]
        other = {"x": "a", "a": "x"}.get(letter, "1") if at == 0 else "2" if letter == "1" else "1"
        changed = ".".join((*parts[:at], parts[at][:index] + other + parts[at][index + 1 :], *parts[at + 1 :]))
        refused = owner.get(url.replace(text, changed))
        assert (refused.status_code, refused.json()["code"]) == (401, "bad-grant"), changed
        assert refused.headers["cache-control"] == "no-store"
    assert owner.get(url).status_code == 200


def later(text: str) -> str:
    what, key, asset, expiry, signature = text.split(".")
    return f"{what}.{key}.{asset}.{int(expiry) + 86_400}.{signature}"


CHANGES: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "cut short": lambda text: text[:-1],
    "without its signature": lambda text: text.rpartition(".")[0],
    "an empty signature": lambda text: text.rpartition(".")[0] + ".",
    "longer": lambda text: f"{text}A",
    "twice": lambda text: text * 2,
    "twice, with a dot": lambda text: f"{text}.{text}",
    "in other order": lambda text: ".".join(reversed(text.split("."))),
    "in capitals": lambda text: text.upper(),
    "with an escaped dot": lambda text: text.replace(".", "%2e"),
    "with an escaped letter": lambda text: f"%{ord(text[0]):02x}{text[1:]}",
    "with padding": lambda text: f"{text}=",
    "with a NUL": lambda text: f"{text}%00",
    "with a line": lambda text: f"{text}%0a",
    "for longer": later,
    "for ever": lambda text: re.sub(r"\.\d{10}\.", ".99999999999.", text),
    "bound the other way": lambda text: text[0] + (text[2:] if text[1] == "b" else f"b{text[1:]}"),
    "a thousand dots": lambda _: "." * 1000,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("bound", [False, True], ids=["for all", "for one address"])
def test_grants_of_another_form(
    server: RunningServer, owner: Client, photo: dict[str, Any], change: str, bound: bool
) -> None:
    url = urlsplit(grant(owner, photo, **({"address": "127.0.0.1"} if bound else {}))).path
    changed = url.replace(text_of(url), CHANGES[change](text_of(url)))
    refused = raw(server, changed)
    # No text at all is no grant.
    expected = (404, "not-found") if change == "empty" else (401, "bad-grant")
    assert (refused.status, json.loads(refused.body)["code"]) == expected


def test_two_grants_in_one_path(server: RunningServer, owner: Client, photo: dict[str, Any]) -> None:
    path = urlsplit(grant(owner, photo, whole=True)).path
    one = f"g--{text_of(path)}--/"
    for changed in (path.replace(one, one * 2), path.replace(one, f"g--{text_of(path)}--g--{text_of(path)}--/")):
        assert raw(server, changed).status in (400, 401, 404)


# -- elsewhere --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "escape",
    [
        "trip/secret2.jpg", "trip/secret/../secret2.jpg", "trip/secret%2f..%2fsecret2.jpg",
        "trip/secret/%2e%2e/secret2.jpg", "trip//secret2.jpg", "trip%2fsecret2.jpg", "trip/secret2.jpg%00.jpg",
        "trip/secret.jpg/../secret2.jpg", "trip\\secret2.jpg", "trip/secret%5c..%5csecret2.jpg", "/trip/secret2.jpg",
        "trip/secret.jpg%00secret2.jpg", "./trip/secret2.jpg", "trip/secret%32.jpg",
    ],
)  # fmt: skip
@pytest.mark.parametrize("whole", [False, True], ids=["one path", "whole asset"])
def test_leaving_what_a_grant_covers(
    server: RunningServer, owner: Client, photo: dict[str, Any], escape: str, whole: bool
) -> None:
    """The sibling's name begins with that of the granted one."""
    path = urlsplit(grant(owner, photo, whole=whole)).path
    head = path[: path.index("--/") + 3]
    assert raw(server, path).status == 200
    assert raw(server, f"{head}{escape}").status in (400, 401, 404)


def test_another_asset_tenant_kind_or_transformation(owner: Client, photo: dict[str, Any]) -> None:
    url = grant(owner, photo, transformation="c_fill,w_20,h_20")
    assert owner.get(url).status_code == 200
    for old, new in (
        ("/main/", "/other/"), ("/main/", "/MAIN/"), ("/image/", "/video/"), ("w_20", "w_21"), ("w_20", "w_020"),
        ("c_fill,w_20,h_20", "w_20,h_20,c_fill"), ("c_fill,w_20,h_20/", ""), (".jpg", ".png"), (".jpg", ""),
        ("c_fill,w_20,h_20", "c_fill,w_20,h_20/e_sepia"), ("trip/", "Trip/"), ("/private/", "/upload/"),
        ("/private/", "/fetch/"), ("/private/", "/authenticated/"), ("c_fill", "%63_fill"),
    ):  # fmt: skip
        assert old in url
        assert owner.get(url.replace(old, new, 1)).status_code in (401, 404), (old, new)


def test_files_beside_a_granted_stream(server: RunningServer, owner: Client, song: dict[str, Any]) -> None:
    """Up and across by every spelling, another set under this grant, and a grant for one picture on a stream."""
    url = grant(owner, song)
    assert owner.get(url).status_code == 200
    path = urlsplit(segment_of(owner, url)).path
    folder, _, name = path.rpartition("/")
    assert owner.get(path).status_code == 200
    for other in (
        f"{folder}/../{name}", f"{folder}/..%2f{name}", f"{folder}/%2e%2e/{name}", f"{folder}//{name}",
        f"{folder}\\..\\{name}", f"{folder}/%2e/{name}", f"{folder}/{name}%00", f"{folder}/{name}/", f"{folder}/",
        f"{folder}/{name.upper()}", f"{folder}/.{name}", f"{folder}/{name}%2f..%2f{name}",
        f"{folder}/../../../../../../etc/passwd", f"{folder}/%2e%2e%2f%2e%2e%2fcatalog.db",
    ):  # fmt: skip
        answer = raw(server, other)
        assert answer.status == 404, other


def test_a_grant_for_a_picture_opens_no_stream(owner: Client, photo: dict[str, Any], song: dict[str, Any]) -> None:
    stream = segment_of(owner, grant(owner, song))
    for whole in (False, True):
        other = text_of(grant(owner, photo, whole=whole))
        assert owner.get(stream.replace(text_of(stream), other)).status_code in (401, 404)


# -- from another place -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forwarded", ["127.0.0.1", "127.0.0.1, 127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1:80"])
def test_the_address_of_a_grant_from_another(
    server: RunningServer, owner: Client, photo: dict[str, Any], forwarded: str
) -> None:
    url = grant(owner, photo, address="127.0.0.1")
    assert from_network(server, url, "127.0.0.1").status_code == 200
    assert from_network(server, url, "127.0.0.3").status_code == 401
    for name in ("x_forwarded_for", "x_real_ip", "forwarded", "true_client_ip", "cf_connecting_ip"):
        assert from_network(server, url, "127.0.0.3", **{name: forwarded}).status_code == 401, name
    assert from_network(server, url, PROXY, x_forwarded_for=f"{forwarded}, 203.0.113.7").status_code == 401


def test_the_address_of_a_grant_behind_a_proxy(server: RunningServer, owner: Client, photo: dict[str, Any]) -> None:
    for address, told in (
        ("203.0.113.7", "203.0.113.7"), ("203.0.113.7", "9.9.9.9, 203.0.113.7:4711"), ("2001:db8::7", "2001:DB8:0::7"),
        ("2001:db8::7", "[2001:db8::7]:443"), ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "::ffff:203.0.113.7"),
    ):  # fmt: skip
        url = grant(owner, photo, address=address)
        assert from_network(server, url, PROXY, x_forwarded_for=told).status_code == 200, (address, told)
        assert from_network(server, url, PROXY).status_code == 401
        assert from_network(server, url, "127.0.0.1", x_forwarded_for=told).status_code == 401


# -- too late ---------------------------------------------------------------------------------------------------------


def operator(server: RunningServer, *words: str) -> Any:
    done = command(*words, "--data", str(server.data), "--json")
    assert done.returncode == 0, done.stderr
    return done


def test_an_old_key_opens_until_it_is_retired(server: RunningServer, owner: Client, photo: dict[str, Any]) -> None:
    """In both processes: each connection may reach another."""
    before = grant(owner, photo)
    old = text_of(before).split(".")[1]
    operator(server, "secrets", "rotate", "grants")
    end = time.monotonic() + SIGNING_SECONDS
    while text_of(after := grant(owner, photo)).split(".")[1] == old:
        assert time.monotonic() < end
    assert statuses(after) == {200}  # it signs when both have heard of it
    assert statuses(before) == {200}
    operator(server, "secrets", "retire", old)
    end = time.monotonic() + RETIRED_SECONDS
    while statuses(before) != {401}:
        assert time.monotonic() < end
    assert statuses(after) == {200}
    assert httpx.get(before).json()["code"] == "bad-grant"


def statuses(url: str) -> set[int]:
    return {httpx.get(url).status_code for _ in range(ASKED)}

"""Attacks with and on API keys: more rights, other tenants, more time; and listening on with a key that is no more."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from renditor.testing import media
from tests.attacks.test_identity import command
from tests.client import Client
from tests.server import RunningServer, launch

# In every process, and for streams that were open before.
REVOKED_SECONDS = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Two web processes and no worker: what is uploaded is never done, and no stream about it ends by itself."""
    made = launch(
        tmp_path_factory.mktemp("keys") / "data",
        arguments=("--workers", "2", "--no-worker"),
        RENDITOR_ACCESS__FAILED_LOGINS="100000/minute",
        RENDITOR_EVENTS__KEEP_ALIVE_SECONDS="0.25",
    )
    yield made
    made.stop()


Open = Callable[[str], Client]


@pytest.fixture(scope="module")
def opened(server: RunningServer) -> Iterator[Open]:
    """Makes clients with a key or token."""
    with contextlib.ExitStack() as made:

        def with_credential(credential: str) -> Client:
            client = Client(server, credential)
            made.callback(client.close)
            return client

        yield with_credential


@pytest.fixture(scope="module")
def admin(server: RunningServer, opened: Open) -> Client:
    return opened(server.key)


def operator(server: RunningServer, *words: str) -> dict[str, Any]:
    done = command(*words, "--data", str(server.data), "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def stranger(server: RunningServer, opened: Open) -> Client:
    """The administrator of another tenant."""
    made = operator(server, "keys", "create", "--name", "o", "--scopes", "admin", "--tenant", "other")
    return opened(made["key"])


def make(client: Client, **asked: Any) -> Any:
    return client.call("POST", "/keys", json={"name": "k", "scopes": ["read"]} | asked)


def test_a_key_for_another_owner_of_the_own_tenant(
    server: RunningServer, admin: Client, tmp_path: Path, opened: Open
) -> None:
    """What administrators may do; it opens what that owner has and nothing else, and is in the log with its maker."""
    anna = opened(make(admin, owner="anna", scopes=["write"]).json()["key"])
    asset = anna.upload(media.photo(tmp_path / "p.jpg", 40, 30)).json()["id"]
    second = make(admin, owner="anna").json()
    assert opened(second["key"]).call("GET", f"/media/{asset}").status_code == 200
    for key in (make(admin, owner="ben").json()["key"], server.key):
        assert opened(key).call("GET", f"/media/{asset}").status_code == 404
    entries = operator(server, "audit", "list", "--action", "key.create")["items"]
    entry = next(one for one in entries if one["object"] == second["id"])
    assert (entry["owner"], entry["detail"]["owner"]) == ("admin", "anna")


def test_a_key_in_another_tenant(admin: Client, stranger: Client) -> None:
    before = stranger.call("GET", "/keys").json()
    assert make(admin, tenant="other").status_code == 422
    assert make(admin, owner="other/anna").status_code == 422
    for more in ({"params": {"tenant": "other"}}, {"headers": {"x-tenant": "other"}}):
        made = admin.call("POST", "/keys", json={"name": "k", "scopes": ["read"], "owner": "anna"}, **more)
        assert made.status_code == 201
    assert stranger.call("GET", "/keys").json() == before
    assert stranger.call("GET", "/keys", params={"tenant": "main"}).json() == before


@pytest.mark.parametrize("scopes", [["admin"], ["write"], ["read"], ["read", "admin"]], ids=",".join)
def test_more_rights_by_a_new_key(scopes: list[str], server: RunningServer, admin: Client, opened: Open) -> None:
    writer = opened(make(admin, scopes=["write"], owner="anna").json()["key"])
    token = writer.call("POST", "/tokens", json={}).json()["token"]
    jwt = operator(server, "token", "issue", "--owner", "anna", "--scopes", "read,write", "--ttl", "5m")["token"]
    known = len(admin.call("GET", "/keys").json()["items"])
    for client in (writer, opened(token), opened(jwt)):
        assert make(client, scopes=scopes).status_code == 403
    assert len(admin.call("GET", "/keys").json()["items"]) == known


@pytest.mark.parametrize(
    "asked",
    [
        {"ttl": 0},
        {"ttl": -3600},
        {"ttl": 10**30},
        {"ttl": "3600s"},
        {"ttl": 60.5},
        {"expires_at": "2001-01-01"},
        {"expires_at": 0},
        {"revoked_at": None},
        {"id": "0" * 26},
        {"secret": "0" * 64},
        {"key": "rk_mine"},
        {"scopes": ["admin "]},
        {"scopes": "admin"},
        {"scopes": [["admin"]]},
        {"scopes": {"admin": True}},
        {"owner": ""},
        {"owner": "a\nb"},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a\0b"},
        {"name": "\x1b]0;gone\x07"},
        {"name": "\ud800"},
        {"name": {"$ne": 1}},
        {"uploads": "-1/hour"},
        {"uploads": "1e9/hour"},
        {"uploads": ""},
    ],
    ids=ascii,
)
def test_a_key_with_fields_that_nobody_may_choose(asked: dict[str, Any], admin: Client) -> None:
    known = len(admin.call("GET", "/keys").json()["items"])
    body = json.dumps({"name": "k", "scopes": ["read"]} | asked)
    answer = admin.call("POST", "/keys", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")
    assert len(admin.call("GET", "/keys").json()["items"]) == known


@pytest.mark.parametrize("ttl", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_time_that_is_no_number(ttl: str, admin: Client) -> None:
    assert not math.isfinite(float(ttl))
    body = f'{{"name": "k", "scopes": ["read"], "ttl": {ttl}}}'
    assert admin.call("POST", "/keys", content=body).status_code == 422


def test_a_key_of_another_tenant_cannot_be_told_from_none(
    server: RunningServer, admin: Client, stranger: Client, opened: Open
) -> None:
    key = make(admin).json()
    answers = [stranger.call("DELETE", f"/keys/{key_id}") for key_id in (key["id"], "0" * 26, "x", "%00", "a" * 5000)]
    bodies = [{**one.json(), "request_id": None, "instance": None} for one in answers]
    assert {one.status_code for one in answers} == {404}
    assert all(body == bodies[0] for body in bodies)
    assert opened(key["key"]).call("GET", "/media").status_code == 200


def test_lists_and_logs_show_no_secret(server: RunningServer, admin: Client) -> None:
    made = [make(admin, scopes=[scope]).json() for scope in ("read", "write", "admin")]
    listed = admin.call("GET", "/keys")
    assert {one["id"] for one in made} <= {one["id"] for one in listed.json()["items"]}
    said = listed.text + json.dumps(operator(server, "keys", "list")) + json.dumps(operator(server, "audit", "list"))
    said += server.log.read_text().replace(server.key, "")  # the first one is shown at the start
    for one in made:
        assert one["key"].rpartition("_")[2] not in said
    assert all("hash" not in name and "secret" not in name for one in listed.json()["items"] for name in one)


def test_a_revoked_administrator(server: RunningServer, admin: Client, opened: Open) -> None:
    """Makes and revokes nothing any more. The keys she made belong to the tenant: they stay until they are revoked."""
    key = make(admin, scopes=["admin"], owner="eve").json()
    eve = opened(key["key"])
    heir = make(eve, owner="eve").json()
    assert eve.call("DELETE", f"/keys/{key['id']}").status_code == 204  # her own
    assert {make(eve).status_code for _ in range(10)} == {401}
    assert {eve.call("DELETE", f"/keys/{heir['id']}").status_code for _ in range(10)} == {401}
    assert opened(heir["key"]).call("GET", "/media").status_code == 200
    made = operator(server, "audit", "list", "--owner", "eve", "--action", "key.create")["items"]
    assert [one["object"] for one in made] == [heir["id"]]  # how the others find it
    assert admin.call("DELETE", f"/keys/{key['id']}").status_code == 404  # a second time
    assert admin.call("DELETE", f"/keys/{heir['id']}").status_code == 204


def test_uploading_on_with_a_token_of_a_key_that_was_revoked(admin: Client, opened: Open) -> None:
    """Whoever has stolen a key makes a token for a day before it is missed."""
    stolen = make(admin, owner="kim", scopes=["write"]).json()
    token = opened(opened(stolen["key"]).call("POST", "/tokens", json={"ttl": 86_400, "uploads": 9}).json()["token"])
    content: bytes = media.quadrants(40, 30).jpegsave_buffer()
    assert token.upload(content).status_code == 201
    assert admin.call("DELETE", f"/keys/{stolen['id']}").status_code == 204
    assert {token.upload(content).status_code for _ in range(10)} == {401}


def test_an_administrator_whose_time_is_over(server: RunningServer, admin: Client, opened: Open) -> None:
    made = operator(server, "keys", "create", "--name", "short", "--scopes", "admin", "--expires", "3s")
    late = opened(made["key"])
    end = time.monotonic() + 10
    while late.call("GET", "/keys").status_code != 401:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert {make(late).status_code for _ in range(10)} == {401}
    (state,) = (one["state"] for one in admin.call("GET", "/keys").json()["items"] if one["id"] == made["id"])
    assert state == "expired"


class Listener(threading.Thread):
    """Reads a stream of events; ``ended`` is when it was over (``time.monotonic``)."""

    def __init__(self, server: RunningServer, asset: str, credential: str) -> None:
        super().__init__(daemon=True)
        self.url, self.credential = f"{server.url}/media/{asset}/events", credential
        self.listens, self.ended = threading.Event(), math.inf
        self.start()

    def run(self) -> None:
        shown = {"authorization": f"Bearer {self.credential}"}
        with httpx.stream("GET", self.url, headers=shown, timeout=30) as response:
            assert response.status_code == 200
            for _ in response.iter_lines():
                self.listens.set()
        self.ended = time.monotonic()


def test_listening_on_after_a_key_ended(server: RunningServer, admin: Client, tmp_path: Path, opened: Open) -> None:
    good, bad = (make(admin, owner="zoe", scopes=["write"]).json() for _ in range(2))
    zoe = opened(good["key"])
    token = zoe.call("POST", "/tokens", json={}).json()
    clip = media.video(tmp_path / "clip.mp4", "320x180", 1)
    asset = opened(token["token"]).upload(clip).json()["id"]
    jwt = operator(server, "token", "issue", "--owner", "zoe", "--scopes", "read", "--ttl", "6s")["token"]
    expires = time.monotonic() + 6
    listeners = [Listener(server, asset, text) for text in (bad["key"], token["token"], jwt, good["key"])]
    assert all(one.listens.wait(20) for one in listeners)
    assert admin.call("DELETE", f"/keys/{bad['id']}").status_code == 204
    assert zoe.call("DELETE", f"/tokens/{token['id']}").status_code == 204
    revoked = time.monotonic()
    for one, over in zip(listeners, (revoked, revoked, expires), strict=False):
        one.join(over + REVOKED_SECONDS - time.monotonic())
        assert one.ended < over + REVOKED_SECONDS
    assert listeners[3].ended == math.inf
    assert zoe.call("DELETE", f"/media/{asset}").status_code == 204
    listeners[3].join(20)
    assert listeners[3].ended < math.inf
    assert "Traceback" not in server.log.read_text()

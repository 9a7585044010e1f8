"""Every route of the API as somebody who must not: what each may be is read from the running server's own document.

A new route is attacked as soon as it is there; one whose path names something new fails until ``VICTIM`` has it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from renditor.models import new_id
from renditor.testing import media
from tests.client import Client
from tests.server import RunningServer

TUS = {"tus-resumable": "1.0.0"}
# For routes that would refuse the request before they look for the object.
PARAMETERS = {"srcset": {"widths": "320"}}
# Of each answer, whatever it is about; limits are those of routes, and an id with a slash in it names none.
DIFFERENT = ("x-request-id", "date", "ratelimit", "ratelimit-policy")
BODIES: dict[str, dict[str, Any]] = {
    "/media/fetch": {"url": "https://example.com/a.jpg"},
    "/media/{media_id}/renditions": {"transformation": "w_20"},
    "/keys": {"name": "a", "scopes": ["read"]},
}
MALFORMED = ("x", "0" * 26, "A" * 26, "%00", "..%2f..%2fetc", "'%20or%201=1--", "%F0%9F%92%A9", "z" * 5000)


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    need: str

    @property
    def names(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


def make_key(server: RunningServer, owner: str, scope: str, tenant: str = "main") -> str:
    command = [sys.executable, "-m", "renditor.cli", "keys", "create", "--data", str(server.data), "--json"]
    command += ["--name", "test", "--owner", owner, "--scopes", scope, "--tenant", tenant, "--uploads", "9999/hour"]
    made = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    key: str = json.loads(made.stdout)["key"]
    return key


@pytest.fixture(scope="module")
def keys(attacked: RunningServer) -> dict[str, str]:
    asked = {
        "victim": ("victim", "write"),
        "read-only": ("victim", "read"),
        "other owner": ("stranger", "write"),
        "other tenant": ("victim", "write", "other"),
        "admin": ("somebody", "admin"),
    }
    return {name: make_key(attacked, *words) for name, words in asked.items()}


@pytest.fixture(scope="module")
def victim(attacked: RunningServer, keys: dict[str, str]) -> Iterator[Client]:
    made = Client(attacked, keys["victim"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def things(victim: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One of everything that a path may name, by the name it has there; all of it the victim's."""
    asset = victim.upload(media.photo(tmp_path_factory.mktemp("own") / "a.jpg", 40, 30)).json()
    made = victim.call("POST", f"/media/{asset['id']}/renditions", json={"transformation": "w_20"}).json()
    begun = victim.call("POST", "/uploads", headers={**TUS, "upload-length": "10"})
    token = victim.call("POST", "/tokens", json={}).json()
    return {
        "media_id": asset["id"],
        "job_id": made["job_id"],
        "upload_id": begun.headers["location"].rpartition("/")[2],
        "token_id": token["id"],
        "name": "en",
        "key_id": victim.headers["authorization"].split("_")[1],
    }


@pytest.fixture(scope="module")
def document(attacked: RunningServer) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{attacked.url}/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def guarded(document: dict[str, Any]) -> list[Operation]:
    found = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "security" in operation:
                ((need,),) = ([*scheme["key"]] for scheme in operation["security"])
                found.append(Operation(method.upper(), path, need))
    assert len(found) > 20
    return found


def ask(client: Client, operation: Operation, ids: dict[str, str], key: str | None) -> httpx.Response:
    path = operation.path
    for name in operation.names:
        assert name in ids, f"{path} names something new: tell here what is the victim's"
        path = path.replace(f"{{{name}}}", ids[name])
    params = next((more for end, more in PARAMETERS.items() if path.endswith(end)), {})
    headers = {**TUS, "x-http-method-override": "HEAD"}
    if operation.path.startswith("/uploads/") and operation.method == "PATCH":
        headers |= {"upload-offset": "0", "content-type": "application/offset+octet-stream"}
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    return client.http.request(operation.method, path, params=params, headers=headers)


def shown(response: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    """All of an answer but what differs from one to the next."""
    headers = {name: value for name, value in response.headers.items() if name not in DIFFERENT}
    body = json.loads(response.content) if response.content else {}
    body.pop("request_id", None)
    return response.status_code, body, headers


@pytest.mark.parametrize("shows", ["nothing", "a bad key", "a key with another's id", "no key but a name"])
def test_every_route_as_nobody(
    victim: Client, guarded: list[Operation], things: dict[str, str], keys: dict[str, str], shows: str
) -> None:
    first, _, _ = keys["victim"].rpartition("_")
    key = {"nothing": None, "a bad key": f"rk_{new_id()}_{'0' * 64}", "no key but a name": "victim"}.get(
        shows, f"{first}_{'0' * 64}"
    )
    for operation in guarded:
        answer = ask(victim, operation, things, key)
        assert answer.status_code == 401, operation
        assert answer.headers["www-authenticate"].startswith("Bearer"), operation


def test_every_route_with_a_key_that_may_only_read(
    victim: Client, guarded: list[Operation], things: dict[str, str], keys: dict[str, str]
) -> None:
    """Its owner is the right one: nothing but the scope stands in the way."""
    for operation in guarded:
        if operation.need not in ("read", "follow"):
            answer = ask(victim, operation, things, keys["read-only"])
            assert answer.status_code == 403, (operation, answer.text)


def test_every_route_of_administrators_with_a_key_that_may_write(
    victim: Client, guarded: list[Operation], things: dict[str, str], keys: dict[str, str]
) -> None:
    for operation in guarded:
        if operation.need == "admin":
            assert ask(victim, operation, things, keys["victim"]).status_code == 403, operation


def test_every_route_with_an_upload_token(victim: Client, guarded: list[Operation], things: dict[str, str]) -> None:
    """The token of the same owner: it opens neither what he has, nor what was not sent with it."""
    token = victim.call("POST", "/tokens", json={"uploads": 5}).json()["token"]
    for operation in guarded:
        answer = ask(victim, operation, things, token)
        if operation.need not in ("upload", "follow"):
            assert answer.status_code == 403, (operation, answer.text)
        elif operation.names:
            assert answer.status_code == 404, (operation, answer.text)


@pytest.mark.parametrize("who", ["other owner", "other tenant", "admin"])
def test_every_object_of_somebody_else_is_as_if_it_were_not(
    victim: Client, guarded: list[Operation], things: dict[str, str], keys: dict[str, str], who: str
) -> None:
    """Foreign, unknown and malformed: the same status, body and headers."""
    for operation in guarded:
        if not operation.names or operation.need == "admin":
            continue
        foreign = shown(ask(victim, operation, things, keys[who]))
        assert foreign[0] == 404, (operation, foreign)
        first = operation.names[0]
        unknown = shown(ask(victim, operation, {**things, first: new_id()}, keys[who]))
        assert unknown == foreign, operation
        for malformed in MALFORMED:
            answer = shown(ask(victim, operation, {**things, first: malformed}, keys[who]))
            assert answer == foreign, (operation, malformed)


def test_lists_show_ones_own_alone(victim: Client, things: dict[str, str], keys: dict[str, str]) -> None:
    for who in ("other owner", "other tenant", "admin"):
        headers = {"authorization": f"Bearer {keys[who]}"}
        for cursor in ({}, {"cursor": things["media_id"]}, {"cursor": "z" * 26}):
            answer = victim.http.get("/media", params=cursor, headers=headers)
            assert things["media_id"] not in answer.text


def test_nothing_has_happened_to_the_victim(victim: Client, things: dict[str, str]) -> None:
    """After all of the above."""
    assert victim.call("GET", f"/media/{things['media_id']}").json()["status"] == "completed"
    upload = victim.call("HEAD", f"/uploads/{things['upload_id']}", headers=TUS)
    assert (upload.status_code, upload.headers["upload-offset"]) == (200, "0")
    assert victim.call("DELETE", f"/tokens/{things['token_id']}").status_code == 204


def test_assigning_what_nobody_may_assign(victim: Client, things: dict[str, str]) -> None:
    """Every field that an asset shows and some that it hides, one by one."""
    path = f"/media/{things['media_id']}"
    before = victim.call("GET", path).json()
    hidden = (
        "owner",
        "tenant",
        "owner_id",
        "original_key",
        "version",
        "token_id",
        "stamp",
        "route",
        "scopes",
        "__proto__",
    )
    fields = {**before, **dict.fromkeys(hidden, "x")}
    for name, value in fields.items():
        if name not in ("visibility", "tags", "focal_point"):
            answer = victim.call("PATCH", path, json={"tags": ["pwned"], name: value})
            assert answer.status_code == 422, name
    assert victim.call("GET", path).json() == before


def test_fields_that_no_body_has(
    owner: Client, document: dict[str, Any], things: dict[str, str], victim: Client
) -> None:
    """Every route that takes JSON, asked by who may use it."""
    tried = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "application/json" not in operation.get("requestBody", {}).get("content", {}):
                continue
            needs = operation.get("security", [{"key": ["read"]}])[0]["key"]
            client = owner if needs == ["admin"] else victim
            target = path.replace("{media_id}", things["media_id"])
            for name in ("owner_id", "is_admin", "__proto__"):
                answer = client.call(method.upper(), target, json={**BODIES.get(path, {}), name: "x"})
                assert answer.status_code == 422, (path, answer.text)
                assert name in answer.json()["detail"], (path, answer.text)
                tried += 1
    assert tried >= 12


def test_asking_for_more_than_the_own_owner_in_a_header_or_query(victim: Client, keys: dict[str, str]) -> None:
    for name in ("owner", "tenant", "user", "sub"):
        headers = {"authorization": f"Bearer {keys['other owner']}", f"x-{name}": "victim"}
        assert victim.http.get("/media", params={name: "victim"}, headers=headers).json()["items"] == []


def test_a_data_folder_of_another_is_not_made(attacked: RunningServer) -> None:
    """A tenant is a name, never a path."""
    command = [sys.executable, "-m", "renditor.cli", "keys", "create", "--data", str(attacked.data), "--name", "x"]
    made = subprocess.run(
        [*command, "--tenant", "../x", "--scopes", "read"], capture_output=True, timeout=60, check=False
    )
    assert made.returncode in (1, 2)
    assert not Path(attacked.data.parent / "x").exists()

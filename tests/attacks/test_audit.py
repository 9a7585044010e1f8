"""Who was here cannot be hidden: what is done and refused on a running server is in the audit log, and stays there."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from renditor.testing import media
from tests.client import Client
from tests.server import RunningServer, start_server

ENVIRONMENT = {
    "RENDITOR_ACCESS__DENIALS": "20/hour",
    "RENDITOR_LOG__LEVEL": "debug",
    # Each original is read back every few seconds.
    "RENDITOR_INTEGRITY__EVERY_DAYS": "0.00002",
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start_server(tmp_path_factory.mktemp("watched") / "data", (), **ENVIRONMENT) as running:
        yield running


@pytest.fixture
def anna(watched: RunningServer) -> Iterator[Client]:
    """An owner with a key of her own."""
    made = Client(watched, new_key(watched)["key"])
    yield made
    made.close()


def command(server: RunningServer, *arguments: str) -> tuple[int, dict[str, Any]]:
    line = [sys.executable, "-m", "renditor.cli", *arguments, "--data", str(server.data), "--json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=server.data.parent)
    return done.returncode, json.loads(done.stdout)


def new_key(server: RunningServer, scopes: str = "write") -> dict[str, Any]:
    options = ("--name", "test", "--scopes", scopes, "--uploads", "1000/hour")
    return command(server, "keys", "create", *options)[1]


def entries(server: RunningServer) -> list[dict[str, Any]]:
    """The newest first."""
    found: list[dict[str, Any]] = command(server, "audit", "list", "--limit", "1000")[1]["items"]
    return found


def findings(server: RunningServer, *arguments: str) -> set[str]:
    status, value = command(server, "audit", "verify", *arguments)
    found = {one["fault"] for one in value["findings"]}
    assert status == (1 if found else 0)
    return found


def picture(size: tuple[int, int] = (40, 30)) -> bytes:
    content: bytes = media.quadrants(*size).jpegsave_buffer()
    return content


def test_everything_that_is_done_is_in_the_log_with_who_and_where(watched: RunningServer, anna: Client) -> None:
    asset = anna.upload(picture(), "a.jpg").json()["id"]
    anna.call("PATCH", f"/media/{asset}", json={"visibility": "private"})
    anna.call("POST", f"/media/{asset}/grants", json={"ttl": 60})
    anna.call("POST", f"/media/{asset}/renditions", json={"transformation": "w_20"})
    anna.call("DELETE", f"/media/{asset}/renditions")
    gone = anna.call("DELETE", f"/media/{asset}")
    assert gone.status_code == 204
    mine = [one for one in entries(watched) if one["object"] == asset]
    actions = ["asset.delete", "renditions.drop", "job.create", "grant.create", "asset.change", "asset.upload"]
    assert [one["action"] for one in mine] == actions
    assert mine[0]["request_id"] == gone.headers["x-request-id"]
    assert {one["address"] for one in mine} == {"127.0.0.1"}
    assert len({one["key_id"] for one in mine}) == 1


def test_what_operators_do_by_commands_is_in_the_log(watched: RunningServer) -> None:
    key = new_key(watched)["id"]
    command(watched, "keys", "revoke", key)
    done = [(one["action"], one["kind"]) for one in entries(watched) if one["object"] == key]
    assert done == [("key.revoke", "operator"), ("key.create", "operator")]


def test_looking_for_assets_of_others_is_in_the_log(watched: RunningServer, anna: Client) -> None:
    asset = anna.upload(picture(), "a.jpg").json()["id"]
    made = new_key(watched)
    thief = Client(watched, made["key"])
    assert thief.call("GET", f"/media/{asset}").status_code == 404
    assert thief.call("DELETE", f"/media/{asset}").status_code == 404
    thief.close()
    refused = [one for one in entries(watched) if one["key_id"] == made["id"]]
    assert [one["detail"]["asked"] for one in refused] == [f"DELETE /media/{asset}", f"GET /media/{asset}"]
    assert {(one["outcome"], one["detail"]["code"]) for one in refused} == {("denied", "not-found")}


def test_looking_for_parts_of_others_uploads_is_in_the_log(watched: RunningServer, anna: Client) -> None:
    """They are named in a header, not in the path."""
    whole = {"tus-resumable": "1.0.0", "upload-length": "9", "upload-concat": "partial"}
    part = anna.call("POST", "/uploads", headers=whole).headers["location"]
    made = new_key(watched)
    thief = Client(watched, made["key"])
    final = {"tus-resumable": "1.0.0", "upload-concat": f"final;{part}"}
    assert thief.call("POST", "/uploads", headers=final).status_code == 404
    thief.close()
    refused = [one["detail"] for one in entries(watched) if one["key_id"] == made["id"]]
    assert refused == [{"asked": "POST /uploads", "code": "not-found"}]


def test_forged_grants_are_in_the_log_without_what_they_say(watched: RunningServer, anna: Client) -> None:
    asset = anna.upload(picture(), "a.jpg", visibility="private").json()["id"]
    made = anna.call("POST", f"/media/{asset}/grants", json={"ttl": 60}).json()
    grant = made["url"].split("/g--")[1].split("--/")[0]
    forged = made["url"].replace(grant, grant[:-4] + ("aaaa" if grant[-4:] != "aaaa" else "bbbb"))
    assert anna.get(forged).status_code == 401
    found = next(one for one in entries(watched) if one["detail"].get("code") == "bad-grant")
    assert "/g--***--/" in found["detail"]["asked"]
    assert grant[:20] not in json.dumps(entries(watched))


def test_a_flood_of_refusals_does_not_fill_the_disk(watched: RunningServer) -> None:
    made = new_key(watched)
    flooder = Client(watched, made["key"])
    for number in range(150):
        assert flooder.call("GET", f"/media/{number:026}").status_code == 404
    counted = flooder.get("/metrics").text
    flooder.close()
    own = [one for one in entries(watched) if one["key_id"] == made["id"]]
    assert 0 < len(own) <= 20 * 2  # the bound is that of each web process
    told = next(line for line in counted.splitlines() if line.startswith("renditor_denials_counted_total"))
    assert float(told.split()[1]) >= 150 - len(own)


def test_names_of_files_forge_no_lines_and_keys_are_in_no_log(watched: RunningServer, anna: Client) -> None:
    evil = 'x\r\n{"event": "forged"}\x1b[2J\u2028\u2029.jpg'
    asset = anna.upload(picture((41, 30)), evil, tags=evil.replace(",", "")).json()
    anna.get(f"/main/image/upload/{'%0d%0a%1b[2Jforged'}/{asset.get('public_id', 'x')}.jpg")
    anna.call("GET", "/media/%0d%0aforged", headers={"x-filename": "a%0d%0aforged", "user-agent": "\x7fforged"})
    key = anna.headers["authorization"].removeprefix("Bearer ")
    anna.call("GET", f"/media/{key}")
    anna.call("GET", f"/{key}?token={key}")
    token = anna.call("POST", "/tokens", json={"ttl": 60, "uploads": 1}).json()
    text = watched.log.read_text(errors="replace")
    for line in text.splitlines():
        assert not line.lstrip().startswith('{"event": "forged"')
        assert "forged" not in line or line.startswith(("{", "http"))
    assert "\x1b" not in text
    assert "\u2028" not in text
    secret = key.rpartition("_")[2]
    assert secret not in text
    assert str(token.get("token", "no token")).rpartition("_")[2] not in text
    with closing(sqlite3.connect(watched.data / "catalog.sqlite")) as database:
        dumped = "\n".join(entry for (entry,) in database.execute("SELECT entry FROM audit_log"))
    assert secret not in dumped


def test_a_flipped_byte_in_storage_is_found_and_never_delivered(watched: RunningServer, anna: Client) -> None:
    content = picture((64, 48))
    asset = anna.upload(content, "a.jpg").json()
    before = anna.get(asset["url"])
    stored = _stored(watched, content)
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 1
    stored.write_bytes(damaged)
    _until(lambda: anna.call("GET", f"/media/{asset['id']}").json()["corrupt"])
    answer = anna.call("GET", f"/media/{asset['id']}/original")
    assert (answer.status_code, answer.json()["code"]) == (503, "corrupt")
    fresh = anna.get(asset["url"].replace("/upload/", "/upload/w_9/"))
    assert (fresh.status_code, fresh.json()["code"]) == (503, "corrupt")
    assert anna.get(asset["url"]).content == before.content  # made before: still true
    assert any(one["action"] == "original.corrupt" for one in entries(watched))
    assert '"original_corrupt"' in watched.log.read_text()
    status, told = command(watched, "audit", "verify", "--media")
    assert status == 1
    assert [one["assets"] for one in told["media"]["damaged"]] == [[asset["id"]]]
    # The same bytes heal it.
    assert anna.upload(content, "b.jpg").status_code == 201
    assert anna.call("GET", f"/media/{asset['id']}").json()["corrupt"] is False
    assert anna.call("GET", f"/media/{asset['id']}/original").content == content
    assert anna.get(asset["url"].replace("/upload/", "/upload/w_9/")).status_code == 200
    assert command(watched, "audit", "verify", "--media")[0] == 0


def test_an_original_that_was_removed_or_cut_is_told_as_such(watched: RunningServer, anna: Client) -> None:
    content = picture((65, 48))
    asset = anna.upload(content, "a.jpg").json()["id"]
    stored = _stored(watched, content)
    stored.write_bytes(content[:-1])
    assert anna.call("GET", f"/media/{asset}/original").json()["code"] == "corrupt"
    stored.unlink()
    assert anna.call("GET", f"/media/{asset}/original").json()["code"] == "corrupt"
    _until(lambda: anna.call("GET", f"/media/{asset}").json()["corrupt"])
    stored.write_bytes(content)  # from a backup
    assert command(watched, "audit", "verify", "--media")[0] == 0
    assert anna.call("GET", f"/media/{asset}/original").content == content


def _stored(server: RunningServer, content: bytes) -> Path:
    files = [path for path in (server.data / "storage" / "originals").rglob("*") if path.is_file()]
    return next(path for path in files if path.read_bytes() == content)


def _until(holds: Any, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.3)


@pytest.fixture(scope="module")
def tampered(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    """A server that has stopped, with a log of some entries. Each test works on the same log, and puts it back."""
    with start_server(tmp_path_factory.mktemp("tampered") / "data") as server:
        client = Client(server)
        for number in range(6):
            client.upload(picture((30 + number, 30)), "a.jpg")
        client.close()
    return server


TAMPERING = {
    "changed": "UPDATE audit_log SET entry = replace(entry, '127.0.0.1', '192.0.2.1') WHERE number = 3",
    "missing": "DELETE FROM audit_log WHERE number = 3",
    "out-of-order": "UPDATE audit_log SET number = CASE number WHEN 3 THEN -4 ELSE -3 END WHERE number IN (3, 4);"
    "UPDATE audit_log SET number = -number WHERE number < 0",
    "truncated": "DELETE FROM audit_log WHERE number > 4; DELETE FROM audit_checkpoints",
    "unknown-key": 'UPDATE audit_log SET entry = replace(entry, \'"key":"0\', \'"key":"1\') WHERE number = 3',
    "bad-checkpoint": "UPDATE audit_checkpoints SET signature = replace(signature, 'a', 'b')",
}


@pytest.mark.parametrize("fault", TAMPERING)
def test_what_was_done_to_the_database_behind_the_servers_back_is_found(tampered: RunningServer, fault: str) -> None:
    assert findings(tampered) == set()
    path = tampered.data / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM")
        kept = "\n".join(database.iterdump())
        database.executescript(TAMPERING[fault])
    try:
        assert fault in findings(tampered)
    finally:
        path.unlink()
        with closing(sqlite3.connect(path)) as database:
            database.executescript(kept)


def test_an_emptied_log_is_found_by_the_file_of_checkpoints(tampered: RunningServer, tmp_path: Path) -> None:
    path, file = tampered.data / "catalog.sqlite", tampered.data / "audit" / "checkpoints.jsonl"
    kept, copy = path.read_bytes(), tmp_path / "copy.jsonl"
    copy.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(path)) as database:
        database.executescript("DELETE FROM audit_log; DELETE FROM audit_checkpoints")
    assert "truncated" in findings(tampered)
    file.unlink()
    assert findings(tampered) == set()  # who has the whole data folder can do this: hence the copy elsewhere
    assert "truncated" in findings(tampered, "--checkpoint", str(copy))
    assert "truncated" in findings(tampered, "--checkpoint", str(tampered.log))
    file.write_bytes(copy.read_bytes() + b"{damaged}\n")
    path.write_bytes(kept)
    assert findings(tampered) == {"bad-checkpoint"}
    file.write_bytes(copy.read_bytes())
    assert findings(tampered) == set()

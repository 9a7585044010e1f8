"""renditor secrets and renditor token: on a real data folder, as processes where that counts."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.cli.conftest import Run
from tests.server import RunningServer, launch

OWN = ("--data", "d")


@pytest.fixture
def folder(run: Run) -> Path:
    assert run("keys", "create", *OWN, "--name", "a", "--scopes", "read").status == 0
    return Path("d")


def listed(run: Run, purpose: str) -> list[dict[str, Any]]:
    found = run("secrets", "list", *OWN, "--json").json["items"]
    return [one for one in found if one["purpose"] == purpose]


def set_delivery(content: bytes) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "renditor.cli", "secrets", "set", "delivery", *OWN],
        input=content,
        capture_output=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONUTF8": "1"},
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.usefixtures("folder")
def test_only_show_shows_a_secret(run: Run) -> None:
    shown = run("secrets", "show", "delivery", *OWN)
    assert shown.status == 0
    secret = shown.out.strip()
    assert run("secrets", "show", "delivery", *OWN, "--json").json["secret"] == secret
    said = [run("secrets", "list", *OWN), run("secrets", "list", *OWN, "--json"), run("audit", "list", *OWN, "--json")]
    said.append(run("secrets", "rotate", "delivery", *OWN, "--json"))
    assert all(secret not in one.out + one.err for one in said)
    assert run("secrets", "show", "delivery", *OWN).out.strip() != secret
    entries = said[2].json["items"]
    assert [one["action"] for one in entries].count("secret.show") == 2
    for purpose in ("tokens", "grants", "audit", "master"):
        assert run("secrets", "show", purpose, *OWN).status == 2


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("purpose", ["grants", "tokens", "audit", "delivery"])
def test_rotate_then_retire(purpose: str, run: Run) -> None:
    (old,) = listed(run, purpose)
    only = run("secrets", "retire", old["id"], *OWN)
    assert (only.status, f"renditor secrets rotate {purpose}" in only.err) == (1, True)
    new = run("secrets", "rotate", purpose, *OWN, "--json").json["id"]
    states = {one["id"]: one["state"] for one in listed(run, purpose)}
    assert states == {new: "signs", old["id"]: "verifies"}
    assert run("secrets", "retire", old["id"], *OWN).status == 0
    assert {one["id"]: one["state"] for one in listed(run, purpose)} == {new: "signs", old["id"]: "retired"}
    assert run("secrets", "retire", old["id"], *OWN).status == 1
    assert run("audit", "verify", *OWN).status == 0  # also what a retired secret has signed


@pytest.mark.usefixtures("folder")
def test_a_secret_of_ones_own_is_read_from_stdin(run: Run) -> None:
    own = secrets.token_urlsafe(20)
    status, out, err = set_delivery(own.encode() + b"\n")
    assert (status, own in out + err) == (0, False)
    assert run("secrets", "show", "delivery", *OWN).out.strip() == own
    for bad in (b"", b"short", b"a" * 64, b"changeme" * 8, b"\xff\xfe" * 30, b"a b\0" * 20, "ä".encode() * 30):
        status, out, err = set_delivery(bad)
        assert (status, out) == (2, "")
        assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]
    assert run("secrets", "show", "delivery", *OWN).out.strip() == own


def test_another_master_key(run: Run, folder: Path) -> None:
    secret = run("secrets", "show", "delivery", *OWN).out
    file, new = folder / "secrets" / "master", Path("new")
    old = file.read_text()
    for bad in ("changeme", "a" * 64):
        new.write_text(bad)
        done = run("secrets", "reseal", "--new-key-file", new, *OWN)
        assert (done.status, "too weak" in done.error) == (2, True)
    new.write_bytes(b"\xff" * 40)
    assert run("secrets", "reseal", "--new-key-file", new, *OWN).status == 2
    assert run("secrets", "reseal", "--new-key-file", "nothing", *OWN).status == 2
    assert file.read_text() == old
    new.write_text(secrets.token_hex(32))
    assert run("secrets", "reseal", "--new-key-file", new, *OWN).status == 0
    assert (file.read_text(), file.stat().st_mode & 0o777) == (new.read_text(), 0o600)
    assert run("secrets", "show", "delivery", *OWN).out == secret
    file.write_text(old)
    assert "do not open" in run("secrets", "show", "delivery", *OWN).error


def test_commands_make_no_master_key(run: Run, folder: Path) -> None:
    (folder / "secrets" / "master").rename("safe")
    token = ("token", "issue", "--owner", "anna", "--scopes", "read", "--ttl", "1m")
    commands = (("secrets", "list"), ("secrets", "rotate", "tokens"), token, ("audit", "list"), ("audit", "verify"))
    for command in commands:
        done = run(*command, *OWN)
        assert (done.status, "no master key" in done.error) == (2, True)
        assert "is not a data folder" in run(*command, "--data", "nowhere").error
    assert not (folder / "secrets" / "master").exists()
    assert not Path("nowhere").exists()
    assert run("keys", "list", *OWN).status == 0  # needs no secret


@pytest.mark.usefixtures("folder")
def test_what_is_no_token(run: Run) -> None:
    good = {"--owner": "anna", "--scopes": "read", "--ttl": "15m"}
    for name, value in (
        *(("--ttl", text) for text in ("", "0", "-1m", "31d", "soon", "1.5h", "1w", "9" * 30)),
        *(("--scopes", text) for text in ("", "root", "read,root", "upload")),
        *(("--owner", text) for text in ("", "a\nb", "x" * 201)),
        ("--tenant", "../other"),
    ):
        options = [word for pair in (good | {name: value}).items() for word in pair]
        done = run("token", "issue", *OWN, *options)
        assert (done.status, done.out) == (2, ""), value
        assert done.error
    made = run("token", "issue", *OWN, *(word for pair in good.items() for word in pair), "--json").json
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["scope"], claims["exp"] - claims["iat"]) == ("anna", "read", 900)
    entry = run("audit", "list", *OWN, "--action", "jwt.issue", "--json")
    assert made["token"].rpartition(".")[2] not in entry.out
    assert entry.json["items"][0]["detail"] == {"owner": "anna", "scopes": "read", "seconds": 900}


def test_a_running_server_takes_a_rotation_up(run: Run, tmp_path: Path) -> None:
    server = launch(tmp_path / "served", arguments=("--workers", "1", "--no-worker"))
    try:
        _rotate(run, server)
    finally:
        server.stop()


def _rotate(run: Run, server: RunningServer) -> None:
    data = ("--data", server.data)

    def issue() -> str:
        found = run("token", "issue", "--owner", "anna", "--scopes", "read", "--ttl", "5m", *data, "--json")
        return str(found.json["token"])

    def status(token: str) -> int:
        return httpx.get(f"{server.url}/media", headers={"authorization": f"Bearer {token}"}).status_code

    def within_5_seconds(token: str, wanted: int) -> None:
        end = time.monotonic() + 5
        while status(token) != wanted:
            assert time.monotonic() < end
            time.sleep(0.2)

    before = issue()
    assert status(before) == 200
    items = run("secrets", "list", *data, "--json").json["items"]
    (old,) = (one["id"] for one in items if one["purpose"] == "tokens")
    assert run("secrets", "rotate", "tokens", *data).status == 0
    assert jwt.get_unverified_header(issue())["kid"] == old  # the server may not have heard of the new one
    assert run("secrets", "retire", old, *data).status == 0
    after = issue()
    assert jwt.get_unverified_header(after)["kid"] != old
    within_5_seconds(after, 200)
    within_5_seconds(before, 401)
    Path("new").write_text(secrets.token_hex(32))
    running = run("secrets", "reseal", "--new-key-file", "new", *data)
    assert (running.status, "runs already" in running.error) == (1, True)
    log = server.log.read_text()
    assert json.dumps(before)[1:-1] not in log
    assert after not in log

"""Attacks on who somebody is: forged tokens, guessed keys, keys that were revoked, secrets that are weak or wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from renditor import app, config
from renditor.testing import media
from tests.attacks.jwks import Issuer
from tests.attacks.wire import ask
from tests.client import Client
from tests.server import RunningServer, free_port, launch

ISSUER, AUDIENCE = "https://id.example.com/", "media"


def command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RENDITOR_")}
    return subprocess.run(
        [sys.executable, "-m", "renditor.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean | env,
    )


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    made = Issuer(tmp_path_factory.mktemp("issuer"))
    made.add("first")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def server(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Two web processes that know another issuer, and a limit for failures that one address may reach."""
    made = launch(
        tmp_path_factory.mktemp("identity") / "data",
        arguments=("--workers", "2", "--no-worker"),
        RENDITOR_ACCESS__JWT_ISSUER=ISSUER,
        RENDITOR_ACCESS__JWT_AUDIENCE=AUDIENCE,
        RENDITOR_ACCESS__JWT_JWKS_URL=f"https://localhost:{issuer.port}/keys",
        RENDITOR_ACCESS__FAILED_LOGINS="400/minute",
        RENDITOR_OUTBOUND__ALLOWED_NETWORKS='["127.0.0.0/8"]',
        RENDITOR_OUTBOUND__HTTPS_PORTS=f"[{issuer.port}]",
        SSL_CERT_FILE=str(issuer.certificate),
    )
    yield made
    made.stop()


@pytest.fixture(scope="module")
def own_key(server: RunningServer) -> tuple[str, bytes]:
    """What signs the server's own tokens, as nobody outside knows it."""
    settings = config.load(data=server.data)
    catalog = app.open_catalog(settings)
    key = app.open_keyrings(settings, catalog).of_now("tokens").newest
    catalog.close()
    return key.id, key.secret


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def own_claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"iss": "renditor", "aud": "renditor", "sub": "admin", "scope": "admin", "iat": now, "exp": now + 60}
    return whole | changed


def signed(header: Any, claims: Any, secret: bytes = b"") -> str:
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), 'sha256')) if secret else ''}"


def answer(server: RunningServer, text: str) -> tuple[int, str]:
    request = f"GET /media HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {text}\r\n\r\n"
    answers, _ = ask(server.port, request.encode())
    return answers[0].status, json.loads(answers[0].body).get("code", "")


HEADERS: dict[str, Any] = {
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg empty": {"alg": ""},
    "alg missing": {"typ": "JWT"},
    "alg number": {"alg": 256},
    "alg list": {"alg": ["HS256"]},
    "alg HS512": {"alg": "HS512"},
    "alg RS256": {"alg": "RS256"},
    "kid of a file": {"alg": "HS256", "kid": "../../../../../../dev/null"},
    "kid of SQL": {"alg": "HS256", "kid": "x' UNION SELECT 'key"},
    "kid with NUL": {"alg": "HS256", "kid": "\0"},
    "kid number": {"alg": "HS256", "kid": 1},
    "kid huge": {"alg": "HS256", "kid": "k" * 5000},
    "jku": {"alg": "HS256", "jku": "https://evil.example.com/keys", "kid": "evil"},
    "x5u": {"alg": "RS256", "x5u": "https://evil.example.com/cert", "kid": "evil"},
    "jwk": {"alg": "HS256", "jwk": {"kty": "oct", "k": part(b"k" * 32)}},
    "crit": {"alg": "HS256", "crit": ["exp"]},
    "b64": {"alg": "HS256", "b64": False, "crit": ["b64"]},
    "header list": ["HS256"],
    "header null": None,
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("secret", [b"", b"k" * 32], ids=["unsigned", "signed with another key"])
def test_forged_header_of_a_token(name: str, secret: bytes, server: RunningServer) -> None:
    assert answer(server, signed(HEADERS[name], own_claims(), secret)) == (401, "invalid-token")


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512", "RS256", "ES256"])
def test_an_own_key_id_with_another_algorithm(
    algorithm: str, server: RunningServer, own_key: tuple[str, bytes]
) -> None:
    for secret in (b"", b"k" * 32, own_key[1]):
        text = signed({"alg": algorithm, "kid": own_key[0]}, own_claims(), secret)
        assert answer(server, text) == (401, "invalid-token")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"exp": int(time.time()) - 60, "iat": int(time.time()) - 120}, "token-expired"),
        ({"exp": int(time.time()) + 40 * 86_400}, "invalid-token"),
        ({"exp": None}, "invalid-token"),
        ({"exp": "never"}, "invalid-token"),
        ({"exp": 1e400}, "invalid-token"),
        ({"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200}, "invalid-token"),
        ({"nbf": int(time.time()) + 3600}, "invalid-token"),
        ({"iss": "https://evil.example.com/"}, "invalid-token"),
        ({"aud": ["renditor-2"]}, "invalid-token"),
        ({"sub": ""}, "invalid-token"),
        ({"sub": "a\nadmin"}, "invalid-token"),
        ({"sub": {"$ne": 1}}, "invalid-token"),
        ({"tenant": "../other"}, "invalid-token"),
    ],
    ids=lambda one: one if isinstance(one, str) else "+".join(one),  # not the times: each process has its own
)
def test_claims_that_are_not_believed(
    changed: dict[str, Any], code: str, server: RunningServer, own_key: tuple[str, bytes]
) -> None:
    """Signed with the very key of the server: what they say is checked all the same."""
    text = signed({"alg": "HS256", "kid": own_key[0]}, own_claims(**changed), own_key[1])
    assert answer(server, text) == (401, code)


def test_the_key_of_these_attacks_is_the_real_one(server: RunningServer, own_key: tuple[str, bytes]) -> None:
    assert answer(server, signed({"alg": "HS256", "kid": own_key[0]}, own_claims(), own_key[1]))[0] == 200


@pytest.mark.parametrize(
    "text", ["..", "a..", ".e30.", "e30.e30.", "e30.e30.e30", "a.b.c.d.e", "x" * 9000 + ".e30.e30", "%00.e30.e30"]
)
def test_what_only_looks_like_a_token(text: str, server: RunningServer) -> None:
    status, code = answer(server, text)
    assert status == 401
    assert code in ("invalid-token", "unauthenticated")


def test_a_public_key_is_no_shared_secret(server: RunningServer, issuer: Issuer) -> None:
    (public,) = (one for one in issuer.public() if one["kid"] == "first")
    for secret in (json.dumps(public).encode(), public["x"].encode(), hashlib.sha256(public["x"].encode()).digest()):
        claims = own_claims(iss=ISSUER, aud=AUDIENCE)
        assert answer(server, signed({"alg": "HS256", "kid": "first"}, claims, secret)) == (401, "invalid-token")


def test_a_grant_or_an_upload_token_is_no_token(server: RunningServer) -> None:
    client = Client(server)
    token = client.call("POST", "/tokens", json={}).json()["token"]
    grant = f"a.{'0' * 26}.{'0' * 26}.1900000000.{'A' * 32}"
    for text in (grant, token, f"rk_{token[3:]}", token[:-1], server.key.replace("rk_", "rt_")):
        headers = {"authorization": f"Bearer {text}"}
        assert client.http.get("/media", headers=headers).status_code in (401, 403)
    for name in ("token", "key", "access_token", "authorization"):
        assert client.http.get("/media", params={name: server.key}).status_code == 401
        assert client.http.get("/media", params={name: token}).status_code == 401
    client.close()


def test_two_authorization_headers(server: RunningServer) -> None:
    lines = [f"authorization: Bearer {server.key}", "authorization: Bearer wrong"]
    for order in (lines, lines[::-1]):
        request = "\r\n".join(("GET /media HTTP/1.1", "host: x", "connection: close", *order, "", ""))
        answers, _ = ask(server.port, request.encode())
        assert answers[0].status == 401


def test_the_keys_of_an_issuer_change_and_the_issuer_dies(server: RunningServer, issuer: Issuer) -> None:
    def ask_with(key_id: str, key: Any) -> int:
        text = jwt.encode(own_claims(iss=ISSUER, aud=AUDIENCE, scope="read"), key, "ES256", headers={"kid": key_id})
        return answer(server, text)[0]

    first = issuer.keys["first"]
    end = time.monotonic() + 30
    while ask_with("first", first) != 200:
        assert time.monotonic() < end
        time.sleep(1)
    issuer.add("second")
    second = issuer.keys["second"]
    good = 0
    while good < 12:  # in both processes
        good = good + 1 if ask_with("second", second) == 200 else 0
        assert time.monotonic() < end
        time.sleep(0 if good else 0.5)
    asked = issuer.asked
    for number in range(20):
        assert ask_with(f"invented-{number}", first) == 401
    assert issuer.asked <= asked + 4  # invented key ids are no requests to the issuer
    issuer.stop()
    assert [ask_with("second", second) for _ in range(6)] == [200] * 6


def test_a_key_that_is_revoked_while_requests_run(server: RunningServer) -> None:
    made = command("keys", "create", "--data", str(server.data), "--name", "x", "--scopes", "read", "--json")
    key = json.loads(made.stdout)
    client = Client(server, key["key"])
    assert {client.call("GET", "/media").status_code for _ in range(10)} == {200}
    assert command("keys", "revoke", key["id"], "--data", str(server.data)).returncode == 0
    assert {client.call("GET", "/media").status_code for _ in range(20)} == {401}
    client.close()


def test_only_an_administrator_makes_keys_and_only_of_the_own_tenant(server: RunningServer) -> None:
    admin = Client(server)
    made = admin.call("POST", "/keys", json={"name": "w", "scopes": ["write"], "ttl": 3600})
    assert made.status_code == 201
    key = made.json()
    assert key["key"] not in admin.call("GET", "/keys").text
    writer = Client(server, key["key"])
    assert writer.call("POST", "/keys", json={"name": "a", "scopes": ["admin"]}).status_code == 403
    assert writer.call("GET", "/keys").status_code == 403
    assert writer.call("DELETE", f"/keys/{key['id']}").status_code == 403
    data = str(server.data)
    other = command("keys", "create", "--data", data, "--name", "o", "--scopes", "admin", "--tenant", "other", "--json")
    stranger = Client(server, json.loads(other.stdout)["key"])
    assert key["id"] not in stranger.call("GET", "/keys").text
    for key_id in (key["id"], "0" * 26, "x"):
        assert stranger.call("DELETE", f"/keys/{key_id}").status_code == 404
    assert stranger.call("POST", "/keys", json={"name": "a", "scopes": ["read"], "tenant": "main"}).status_code == 422
    faults: tuple[dict[str, Any], ...] = (
        {"scopes": ["root"]},
        {"scopes": []},
        {"owner": "a/b"},
        {"uploads": "many"},
        {"ttl": 1},
    )
    for wrong in faults:
        asked = {"name": "a", "scopes": ["read"]} | wrong
        assert admin.call("POST", "/keys", json=asked).status_code == 422
    assert admin.call("DELETE", f"/keys/{key['id']}").status_code == 204
    assert {writer.call("GET", "/media").status_code for _ in range(10)} == {401}
    for client in (admin, writer, stranger):
        client.close()


def test_a_retired_delivery_secret_opens_nothing_not_even_what_it_opened(server: RunningServer, tmp_path: Path) -> None:
    from renditor.transformation.sign import sign  # noqa: PLC0415

    client, data = Client(server), ("--data", str(server.data))
    asset = client.upload(media.photo(tmp_path / "p.jpg", 80, 60)).json()
    old = json.loads(command("secrets", "show", "delivery", *data, "--json").stdout)
    tail = f"w_33/{asset['public_id']}.jpg"
    url = f"/main/image/upload/s--{sign(tail, old['secret'], long=True)}--/{tail}"
    assert {client.get(url).status_code for _ in range(10)} == {200}
    assert command("secrets", "rotate", "delivery", *data).returncode == 0
    assert {client.get(url).status_code for _ in range(10)} == {200}
    assert command("secrets", "retire", old["id"], *data).returncode == 0
    end = time.monotonic() + 5
    while {client.get(url).status_code for _ in range(10)} != {401}:
        assert time.monotonic() < end
        time.sleep(0.2)
    client.close()


def test_guessing_keys_ends_in_429_but_a_good_key_opens(server: RunningServer) -> None:
    client = Client(server)
    codes = []
    for _ in range(500):
        guess = f"rk_{'0' * 26}_{secrets.token_hex(32)}"
        codes.append(client.http.get("/media", headers={"authorization": f"Bearer {guess}"}))
        if codes[-1].status_code == 429:
            break
    assert {one.status_code for one in codes} == {401, 429}
    assert int(codes[-1].headers["retry-after"]) >= 1
    assert client.call("GET", "/media").status_code == 200
    client.close()


@pytest.mark.parametrize("key", ["changeme", "a" * 64, "", "0123456789abcdef0123456789abcde"])
def test_a_weak_master_key_starts_nothing(key: str, tmp_path: Path) -> None:
    arguments = ("serve", "--port", str(free_port()), "--data", str(tmp_path / "d"))
    done = command(*arguments, RENDITOR_MASTER_KEY=key)
    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]
    assert "master key" in done.stderr


def test_another_master_key_starts_nothing(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "d"))
    assert command("keys", "create", *data, "--name", "a", "--scopes", "read").returncode == 0
    wrong = secrets.token_hex(32)
    done = command("serve", "--port", str(free_port()), *data, RENDITOR_MASTER_KEY=wrong)
    assert done.returncode == 2
    assert "do not open with this master key" in done.stderr
    assert wrong not in done.stderr
    (tmp_path / "d" / "secrets" / "master").chmod(0o644)
    done = command("serve", "--port", str(free_port()), *data)
    assert (done.returncode, "Others may read" in done.stderr) == (2, True)

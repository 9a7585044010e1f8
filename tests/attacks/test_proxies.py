"""Addresses that clients make up: whose word counts on a running server, as its audit log has it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.attacks.test_identity import command
from tests.server import RunningServer, start_server

PROXY, OTHER_PROXY, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.9"
VISITOR = "203.0.113.7"
Field = tuple[str, str]


def told(*values: str) -> list[Field]:
    return [("x-forwarded-for", value) for value in values]


# What it tries: who is at the other end, what it says, and whose address is written down.
CASES: dict[str, tuple[str, list[Field], str]] = {
    "a stranger says he is somebody else": (STRANGER, told(VISITOR), STRANGER),
    "a stranger says he is this machine": (STRANGER, told("127.0.0.1"), STRANGER),
    "a stranger says he is the proxy": (STRANGER, told(PROXY), STRANGER),
    "a stranger names the whole way": (STRANGER, told(f"{VISITOR}, {PROXY}, {OTHER_PROXY}"), STRANGER),
    "fields of other products": (
        STRANGER,
        [
            ("x-real-ip", VISITOR), ("forwarded", f"for={VISITOR}"), ("true-client-ip", VISITOR),
            ("cf-connecting-ip", VISITOR), ("x-client-ip", VISITOR), ("x-cluster-client-ip", VISITOR),
        ],
        STRANGER,
    ),
    "fields of other products through the proxy": (
        PROXY, [*told(VISITOR), ("x-real-ip", "9.9.9.9"), ("forwarded", "for=9.9.9.9")], VISITOR,
    ),
    "the proxy for a visitor": (PROXY, told(VISITOR), VISITOR),
    "a forged left part": (PROXY, told(f"127.0.0.1, 9.9.9.9, {VISITOR}"), VISITOR),
    "a forged field before that of the proxy": (PROXY, told("127.0.0.1", VISITOR), VISITOR),
    "a forged way through both proxies": (PROXY, told(f"9.9.9.9, {PROXY}, {VISITOR}, {OTHER_PROXY}"), VISITOR),
    "through both proxies": (PROXY, told(f"{VISITOR}, {OTHER_PROXY}"), VISITOR),
    "nobody": (PROXY, [], PROXY),
    "nothing": (PROXY, told(""), PROXY),
    "commas": (PROXY, told(",,,,"), PROXY),
    "a word": (PROXY, told("unknown"), PROXY),
    "a word behind the visitor": (PROXY, told(f"{VISITOR}, unknown"), PROXY),
    "markup": (PROXY, told('<script>alert(1)</script>", "x": "'), PROXY),
    "bytes": (PROXY, told("\x80\xff\xfe"), PROXY),
    "numbers that are no address": (PROXY, told("203.0.113.256"), PROXY),
    "an address in octal": (PROXY, told("0177.0.0.1"), PROXY),
    "an address in one number": (PROXY, told("2130706433"), PROXY),
    "a network": (PROXY, told("203.0.113.0/24"), PROXY),
    "ten thousand addresses": (PROXY, told("9.9.9.9," * 3000 + VISITOR), VISITOR),
    "a hundred proxies": (PROXY, told(f"{VISITOR}, " + f"{OTHER_PROXY}, " * 99 + OTHER_PROXY), OTHER_PROXY),
    "with a port": (PROXY, told(f"{VISITOR}:4711"), VISITOR),
    "with a port that is none": (PROXY, told(f"{VISITOR}:x"), PROXY),
    "IPv6": (PROXY, told("2001:DB8:0:0::9"), "2001:db8::9"),
    "IPv6 with a port": (PROXY, told("[2001:db8::9]:443"), "2001:db8::9"),
    "IPv6 in an open bracket": (PROXY, told("[2001:db8::9"), PROXY),
    "IPv6 through a proxy of IPv6": (PROXY, told("2001:db8::9, 2001:db8:1::5"), "2001:db8::9"),
    "IPv4 in IPv6": (PROXY, told(f"::ffff:{VISITOR}"), VISITOR),
    "the proxy in IPv6": (PROXY, told(f"{VISITOR}, ::ffff:{OTHER_PROXY}"), VISITOR),
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start_server(
        tmp_path_factory.mktemp("proxies") / "data",
        ("--no-worker",),
        RENDITOR_TRUSTED_PROXIES=f'["{PROXY}", "{OTHER_PROXY}/32", "2001:db8:1::/48"]',
        RENDITOR_ACCESS__FAILED_LOGINS="100000/minute",
    ) as running:
        yield running


def refused(server: RunningServer, peer: str, fields: list[Field]) -> str:
    """Ask with a wrong key. Returns the id of the request."""
    lines = [(name.encode(), value.encode("latin-1")) for name, value in fields]
    with httpx.Client(transport=httpx.HTTPTransport(local_address=peer), timeout=30) as client:
        answer = client.get(f"{server.url}/media", headers=[*lines, (b"authorization", b"Bearer rk_none")])
    assert answer.status_code == 401, answer.text
    return answer.headers["x-request-id"]


def written_down(server: RunningServer) -> dict[str, str]:
    """Addresses of the audit log by the ids of their requests."""
    shown = command("audit", "list", "--limit", "1000", "--data", str(server.data), "--json")
    assert shown.returncode == 0, shown.stderr
    return {entry["request_id"]: entry["address"] for entry in json.loads(shown.stdout)["items"]}


@pytest.fixture(scope="module")
def found(server: RunningServer) -> dict[str, str]:
    asked = {name: refused(server, peer, fields) for name, (peer, fields, _) in CASES.items()}
    log = written_down(server)
    return {name: log[request_id] for name, request_id in asked.items()}


@pytest.mark.parametrize("name", CASES)
def test_whose_address_is_in_the_audit_log(found: dict[str, str], name: str) -> None:
    assert found[name] == CASES[name][2]


def test_what_is_delivered_knows_the_same_address(server: RunningServer) -> None:
    """Delivery has a way of its own to the log."""
    path = "/main/image/private/g--wrong--/a.jpg"
    with httpx.Client(base_url=server.url, transport=httpx.HTTPTransport(local_address=PROXY)) as visitor:
        answer = visitor.get(path, headers={"x-forwarded-for": f"127.0.0.1, {VISITOR}"})
    assert answer.status_code == 401
    assert written_down(server)[answer.headers["x-request-id"]] == VISITOR


def test_ipv4_at_a_socket_of_both_kinds(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The socket says ::ffff:127.0.0.1: a proxy of ours and a client with a grant are known all the same."""
    try:
        socket.create_server(("::", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    folder = tmp_path_factory.mktemp("both") / "data"
    with start_server(folder, ("--no-worker", "--host", "::"), RENDITOR_TRUSTED_PROXIES=f'["{PROXY}"]') as running:
        plain = refused(running, STRANGER, [])
        through = refused(running, PROXY, told(VISITOR))
        log = written_down(running)
        assert (log[plain], log[through]) == (STRANGER, VISITOR)

"""The table of server-side request forgery against the client: every address there is answers, few may be asked.

The names of the tests say how: ``namespace``, with real sockets and a real name server in a network of its own, or
``patched``, where this machine does not allow that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.certificates import make
from tests.outbound.internet import MEBIBYTE, SETTINGS
from tests.outbound.ssrf import ABUSE, CASES, HOST, PUBLIC, Case

ISOLATE = ("unshare", "--net", "--mount")


def _namespaces_allowed() -> bool:
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    tried = ["ip link set lo up", "ip -6 route add local ::/0 dev lo", "mount -t tmpfs none /mnt"]
    return subprocess.run([*ISOLATE, "sh", "-c", " && ".join(tried)], check=False, capture_output=True).returncode == 0


HOW = "namespace" if _namespaces_allowed() else "patched"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    certificate, key = make(tmp_path_factory.mktemp("tls"), host=HOST)
    command = [sys.executable, "-m", "tests.outbound.internet", HOW, str(certificate), str(key)]
    done = subprocess.run(
        [*ISOLATE, *command] if HOW == "namespace" else command,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        # Its own certificate is trusted; the proxy must not be asked.
        env=os.environ
        | {"SSL_CERT_FILE": str(certificate), "HTTP_PROXY": "http://10.0.0.5", "ALL_PROXY": "http://10.0.0.5"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=[f"{HOW}-{name}" for name in CASES])
def test_nothing_inside_is_reached(case: Case, report: dict[str, Any]) -> None:
    name = next(name for name, other in CASES.items() if other is case)
    result = report["results"][name]
    assert {address for address, _ in result["reached"]} <= PUBLIC
    assert case.reaches or result["reached"] == []
    assert result["outcome"] == case.outcome, result
    if case.outcome == "file":
        assert HOW == "patched" or result["body"].removeprefix("file of ") in PUBLIC
    else:
        assert result["body"] == ""


def test_a_client_without_guard_would_reach_it(report: dict[str, Any]) -> None:
    address = {"namespace": "10.0.0.5", "patched": "private.example"}[HOW]
    assert report["unguarded"] == {"status": 200, "reached": [[address, 80]]}


def test_all_refusals_say_the_same_and_the_log_says_why(report: dict[str, Any]) -> None:
    refused = [result for result in report["results"].values() if result["outcome"] == "blocked-url"]
    assert len({result["said"] for result in refused}) == 1
    assert all(len(result["causes"]) == 1 for result in refused)
    assert len({result["causes"][0].partition(": ")[2] for result in refused}) > 20
    assert not any("latest" in cause or "?" in cause for result in refused for cause in result["causes"])


@pytest.mark.parametrize("name", ABUSE, ids=[f"{HOW}-{name}" for name in ABUSE])
def test_abuse_ends_early(name: str, report: dict[str, Any]) -> None:
    # Twice the cap for framing, once more for the buffers of both kernels.
    assert report["results"][name]["sent"] <= 3 * SETTINGS.max_bytes
    assert SETTINGS.max_bytes == 8 * MEBIBYTE


def test_abuse_fills_no_memory(report: dict[str, Any]) -> None:
    assert report["peak_mebibytes"] < 100

"""renditor doctor: what is safe on one's own machine only, and the scanner. A real data folder, socket and command."""

from __future__ import annotations

import json
import secrets
import tempfile
from pathlib import Path

import pytest

from renditor import config
from renditor.cli import exposure
from renditor.cli.checks import Finding
from tests.cli.conftest import Run
from tests.content.clamd import listening
from tests.server import free_port

OPEN = {"host": "0.0.0.0"}


def with_settings(**changed: object) -> config.Settings:
    return config.load().model_copy(update=changed)


@pytest.fixture
def data(run: Run) -> Path:
    assert run("keys", "create", "--data", "d", "--name", "a", "--scopes", "read").status == 0
    return Path("d").absolute()


def look(data: Path, key: str | None = None) -> Finding:
    with pytest.MonkeyPatch.context() as patch:
        if key is not None:
            patch.setenv("RENDITOR_MASTER_KEY", key)
        return exposure.master_key(config.load(data=data))


def test_a_master_key_beside_what_it_seals_and_how_it_is_moved(data: Path, tmp_path: Path) -> None:
    file = data / "secrets" / "master"
    text = file.read_text()
    found = look(data)
    assert (found.status, "beside" in found.what) == ("WARN", True)
    assert str(file) in (found.fix or "")
    assert text not in str(found)
    left = look(data, text)  # as the fix says, in its order
    assert (left.status, "still there" in left.what) == ("WARN", True)
    file.rename(tmp_path / "safe")
    assert look(data, text).status == "OK"


def test_a_master_key_that_does_not_open(data: Path) -> None:
    file = data / "secrets" / "master"
    wrong = look(data, secrets.token_hex(32))
    assert (wrong.status, "do not open" in wrong.what) == ("FAIL", True)
    assert look(data, "changeme").status == "FAIL"
    file.chmod(0o644)
    assert (look(data).status, "Others may read" in look(data).what) == ("FAIL", True)
    file.unlink()
    lost = look(data)
    assert (lost.status, "missing" in lost.what) == ("FAIL", True)
    assert not file.exists()  # a new one would open nothing


def test_looking_for_the_master_key_makes_nothing(tmp_path: Path) -> None:
    assert look(tmp_path / "none").status == "OK"
    assert look(tmp_path / "none", secrets.token_hex(32)).status == "OK"
    assert look(tmp_path / "none", "a" * 64).status == "FAIL"
    assert not (tmp_path / "none").exists()


def test_a_server_that_others_reach(tmp_path: Path) -> None:
    for changed, status in (
        ({}, "OK"),
        ({"host": "::1"}, "OK"),
        (OPEN, "WARN"),
        ({"host": "media.example.com"}, "WARN"),
        ({**OPEN, "public_url": "http://media.example.com"}, "WARN"),
        ({**OPEN, "public_url": "https://media.example.com"}, "OK"),
        ({**OPEN, "tls_cert": tmp_path / "cert.pem"}, "OK"),
    ):
        assert exposure.public_bind(with_settings(**changed)).status == status
    for changed, status in (
        ({}, "OK"),
        (OPEN, "WARN"),
        ({**OPEN, "metrics": False}, "OK"),
        ({**OPEN, "metrics_token": "t" * 32}, "OK"),
    ):
        assert exposure.metrics(with_settings(**changed)).status == status


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0"])
def test_proxies_that_are_everybody(everybody: str) -> None:
    found = exposure.proxies(with_settings(trusted_proxies=("10.0.0.5", everybody)))
    assert (found.status, everybody in found.what) == ("WARN", True)
    assert exposure.proxies(with_settings(trusted_proxies=("10.0.0.0/8", "::1"))).status == "OK"


def scanner(process: Run, **env: str) -> tuple[int, str, str]:
    done = process("doctor", "--json", RENDITOR_PORT=str(free_port()), **env)
    (found,) = (check for check in done.json["checks"] if check["name"] == "scanner")
    return done.status, found["status"], found["what"]


def test_a_scanner_that_is_there_and_one_that_is_not(process: Run) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        address = Path(folder) / "clamd"
        with listening(address):
            assert scanner(process, RENDITOR_CONTENT__SCAN_SOCKET=str(address))[:2] == (0, "OK")
        status, found, what = scanner(process, RENDITOR_CONTENT__SCAN_SOCKET=str(address))
    assert (status, found) == (1, "FAIL")
    assert "does not answer" in what


@pytest.mark.parametrize(
    ("ends", "found", "said"), [("true", "OK", "nothing"), ("false", "FAIL", "harmless"), ("no", "FAIL", "started")]
)
def test_a_scan_command(ends: str, found: str, said: str, process: Run) -> None:
    command = json.dumps([f"/usr/bin/{ends}", "{file}"])
    _, status, what = scanner(process, RENDITOR_CONTENT__SCAN_COMMAND=command)
    assert (status, said in what) == (found, True)

"""``renditor audit`` without a server. What it finds is attacked in tests/attacks/test_audit.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def folder(run: Run) -> Path:
    """A data folder with two entries in its log."""
    key = run("keys", "create", "--data", "d", "--name", "site", "--scopes", "write", "--owner", "anna", "--json").json
    assert run("keys", "revoke", key["id"], "--data", "d").status == 0
    return Path("d")


def test_what_was_done_is_listed_newest_first_and_is_whole(run: Run, folder: Path) -> None:
    items = run("audit", "list", "--data", folder, "--json").json["items"]
    assert [(one["action"], one["kind"]) for one in items] == [("key.revoke", "operator"), ("key.create", "operator")]
    assert [
        one["action"] for one in run("audit", "list", "--data", folder, "--limit", "1", "--json").json["items"]
    ] == ["key.revoke"]
    shown = run("audit", "list", "--data", folder, "--action", "key.create", "--since", "1h").out
    assert "key.create" in shown
    assert "key.revoke" not in shown
    assert "no such entries" in run("audit", "list", "--data", folder, "--owner", "ben").out
    done = run("audit", "verify", "--data", folder, "--media")
    assert (done.status, done.out.splitlines()[0]) == (0, "2 entries of the audit log, 0 findings.")
    assert "0 originals" in done.out


def test_wrong_usage_is_told(run: Run, folder: Path) -> None:
    assert run("audit", "verify", "--data", "nowhere").status == 2
    assert run("audit", "verify", "--data", folder, "--checkpoint", "missing.jsonl").status == 2
    assert run("audit", "list", "--data", folder, "--since", "soon").status == 2


def test_another_master_key_checks_nothing(run: Run, folder: Path) -> None:
    (folder / "secrets" / "master").write_text("another-master-key-of-32-characters-or-so-0123456789")
    done = run("audit", "verify", "--data", folder)
    assert done.status != 0
    assert "do not open" in done.error

"""renditor config show."""

from __future__ import annotations

from pathlib import Path

import pytest

from renditor.config import Settings
from tests.cli.conftest import Run


def test_each_value_says_where_it_comes_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("renditor.toml").write_text('port = 7000\n[limits]\nuploads = "7/hour"\nimage = 5\n')
    monkeypatch.setenv("RENDITOR_LIMITS__UPLOADS", "8/hour")
    monkeypatch.setenv("RENDITOR_HOST", "127.0.0.2")
    done = run("config", "show", "--host", "127.0.0.3", "--json")
    assert done.status == 0
    shown = {name: (each["value"], each["from"]) for name, each in done.json["settings"].items()}
    assert shown["host"] == ("127.0.0.3", "flag")
    assert shown["limits.uploads"] == ("8/hour", "env")
    assert shown["limits.image"] == (5, "file")
    assert shown["port"] == (7000, "file")
    assert shown["limits.video"] == (500 * 1024 * 1024, "default")
    assert done.json["file"] == str(Path("renditor.toml").absolute())


def test_every_setting_is_there_with_its_variable(run: Run) -> None:
    shown = run("config", "show", "--json").json
    assert shown["file"] is None
    assert {name.split(".")[0] for name in shown["settings"]} == set(Settings.model_fields)
    assert shown["settings"]["delivery.mode"]["variable"] == "RENDITOR_DELIVERY__MODE"


def test_passwords_are_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDITOR_DATABASE_URL", "postgresql+psycopg://ann:s3cret@db/media?password=t0psecret&x=1")
    for done in (run("config", "show"), run("config", "show", "--json")):
        assert "postgresql+psycopg://ann:***@db/media?password=***&x=1" in done.out
        assert "s3cret" not in done.out
        assert "t0psecret" not in done.out


def test_a_broken_file_is_named(run: Run) -> None:
    Path("renditor.toml").write_text("port = \n")
    done = run("config", "show")
    assert done.status == 2
    assert "renditor.toml" in done.error
    Path("renditor.toml").write_text("porto = 1\n")
    assert "porto" in run("config", "show").error

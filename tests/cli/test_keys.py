"""renditor keys."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from renditor.access import apikeys
from renditor.catalog import keys
from renditor.catalog.base import Catalog
from renditor.catalog.settings import CatalogSettings
from tests.cli.conftest import Run


def test_a_key_is_made_in_a_new_folder_and_works(run: Run) -> None:
    done = run("keys", "create", "--data", "d", "--name", "site", "--scopes", "write", "--scopes", "read", "--json")
    assert done.status == 0, done.err
    made = done.json
    assert list(made) == ["id", "key", "scopes", "owner"]
    assert made["scopes"] == ["read", "write"]
    assert Path("d").stat().st_mode & 0o777 == 0o700
    catalog = Catalog(f"sqlite:///{Path('d/catalog.sqlite').absolute()}", CatalogSettings())
    key_id, secret = apikeys.split(made["key"])
    principal = apikeys.verify(catalog.read_now(lambda c: keys.get(c, key_id)), secret)
    catalog.close()
    assert principal.owner == made["owner"]
    assert made["key"].encode() not in b"".join(path.read_bytes() for path in Path("d").glob("catalog*"))


def test_keys_are_listed_without_secrets_and_revoked_once(run: Run) -> None:
    options = ("--tenant", "shop", "--owner", "ann", "--uploads", "5/hour")
    made = run("keys", "create", "--data", "d", "--name", "a", "--scopes", "read,admin", *options, "--json").json
    listed = run("keys", "list", "--data", "d", "--json")
    assert made["key"] not in listed.out
    (item,) = listed.json["items"]
    assert item.items() >= {"id": made["id"], "tenant": "shop", "owner": "ann", "uploads": "5/hour"}.items()
    assert item["scopes"] == ["read", "admin"]
    assert run("keys", "revoke", made["id"], "--data", "d").out == f"Revoked {made['id']}.\n"
    assert "revoked" in run("keys", "list", "--data", "d").out
    again = run("keys", "revoke", made["id"], "--data", "d")
    assert (again.status, again.out) == (0, f"{made['id']} was revoked before.\n")


def test_text_tells_to_keep_the_key(run: Run) -> None:
    done = run("keys", "create", "--data", "d", "--name", "a", "--scopes", "read")
    assert re.search(r"^key +rk_[0-9a-z]{26}_[0-9a-f]{64}$", done.out, re.MULTILINE)
    assert "not shown again" in done.out
    assert f"data folder  {Path('d').absolute()} (made now)" in done.out
    assert "made now" not in run("keys", "create", "--data", "d", "--name", "b", "--scopes", "read").out


def test_what_is_refused(run: Run) -> None:
    create = ("keys", "create", "--data", "d", "--name", "a", "--scopes")
    for arguments, said in (
        ((*create, "root"), "root"),
        ((*create, ""), "scope"),
        ((*create, "read", "--uploads", "many"), "many"),
        ((*create, "read", "--tenant", "a/b"), "a/b"),
        (("keys", "create", "--data", "d", "--scopes", "read"), "--name"),
        (("keys", "list", "--data", "nowhere"), "is not a data folder"),
        (("keys", "revoke", "x", "--data", "nowhere"), "is not a data folder"),
    ):
        done = run(*arguments)
        assert done.status == 2
        assert said in done.error
    assert not Path("nowhere").exists()
    assert not Path("d").exists()


@pytest.mark.parametrize(
    "text", ["", "0d", "-1d", "soon", "1.5h", "9" * 30, "999999999d", "2001-01-01", "10000-01-01", "2030-02-30"]
)
def test_a_time_at_which_no_key_expires(text: str, run: Run) -> None:
    done = run("keys", "create", "--data", "d", "--name", "a", "--scopes", "read", "--expires", text)
    assert (done.status, done.out) == (2, "")
    assert done.error
    assert not Path("d").exists()


def test_a_key_expires(run: Run) -> None:
    create = ("keys", "create", "--data", "d", "--name", "a", "--scopes", "read", "--expires")
    assert "expires      2099-01-31T00:00:00Z" in run(*create, "2099-01-31").out
    assert run(*create, "1s").status == 0
    time.sleep(1.1)
    states = {one["expires_at"][:4]: one["state"] for one in run("keys", "list", "--data", "d", "--json").json["items"]}
    assert states.pop("2099") == "active"
    assert list(states.values()) == ["expired"]


def test_an_unknown_key_cannot_be_revoked(run: Run) -> None:
    run("keys", "create", "--data", "d", "--name", "a", "--scopes", "read")
    done = run("keys", "revoke", "nothing", "--data", "d")
    assert done.status == 1
    assert "no key with the id nothing" in done.error

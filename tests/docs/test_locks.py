"""requirements/*.txt: exact versions, each with hashes, and no address of an index in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def entries(lock: Path) -> list[str]:
    """One line for each package, with all its hashes."""
    return lock.read_text().replace("\\\n", " ").strip().splitlines()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_package_is_exact_and_has_hashes(lock: Path) -> None:
    assert entries(lock)
    for line in entries(lock):
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][^ ]*( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", line), line[:100]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_address_is_in_a_lock(lock: Path) -> None:
    assert not re.search(r"://|--(?:index|extra-index|find-links|trusted-host)|@ ", lock.read_text())


def test_the_locks_are_those_that_are_made() -> None:
    made = re.findall(r"-o requirements/(\w+\.txt)", (ROOT / ".ci" / "lock").read_text())
    assert sorted(made) == [path.name for path in LOCKS]


def test_every_group_is_in_its_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {"run": project["project"]["dependencies"], **project["dependency-groups"]}
    for name, lines in wanted.items():
        lock = (ROOT / "requirements" / f"{name}.txt").read_text()
        for line in lines:
            package = re.match(r"[A-Za-z0-9._-]+", line)
            assert package
            assert f"{package[0].lower()}==" in lock, f"{package[0]} is not in {name}.txt"

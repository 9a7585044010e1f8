"""docs/reference/security.md: every requirement of the lists has a row, and every test that a row names exists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, rows, section

PAGE = DOCS / "reference" / "security.md"
# Heading of each list, and the ids that it has.
LISTS = {
    "OWASP Top 10:2021": [f"A{number:02}" for number in range(1, 11)],
    "OWASP Top 10:2025": [f"A{number:02}" for number in range(1, 11)],
    "OWASP API Security Top 10:2023": [f"API{number}" for number in range(1, 11)],
    "OWASP ASVS 5.0, chapter V5": [
        *("5.1.1", "5.2.1", "5.2.2", "5.2.3", "5.2.4", "5.2.5", "5.2.6"),
        *("5.3.1", "5.3.2", "5.3.3", "5.4.1", "5.4.2", "5.4.3"),
    ],
}
FEWEST_ATTACKS = 80


def table(heading: str) -> list[list[str]]:
    return [cells for cells in rows(section(PAGE, heading)) if cells[0] != "Id"]


NAMED = sorted({name for heading in LISTS for cells in table(heading) for name in re.findall(r"`([^`]+)`", cells[3])})


@pytest.mark.parametrize("heading", LISTS)
def test_every_requirement_has_one_row_and_no_other_has(heading: str) -> None:
    assert [cells[0] for cells in table(heading)] == LISTS[heading]


@pytest.mark.parametrize("heading", LISTS)
def test_every_row_says_what_holds_it(heading: str) -> None:
    for identifier, demand, control, tests in table(heading):
        assert demand, identifier
        assert control, identifier
        # What does not apply says so, and why, in place of tests.
        assert re.search(r"`[^`]+`", tests) or control.startswith("Not applicable:"), identifier


@pytest.mark.parametrize("name", NAMED)
def test_every_named_test_exists(name: str) -> None:
    assert exists(name)


@pytest.mark.parametrize(
    "name", ["tests/attacks/test_none.py", "tests/attacks/test_http.py::test_none", "src/renditor/app.py", "test_none"]
)
def test_what_does_not_exist_is_noticed(name: str) -> None:
    assert not exists(name)


def test_the_attacks_are_as_many_as_is_said() -> None:
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/attacks"]
    done = subprocess.run(collect, cwd=ROOT, capture_output=True, text=True, check=False)
    collected = [line for line in done.stdout.splitlines() if line.startswith("tests/attacks/")]
    assert len(collected) >= FEWEST_ATTACKS, done.stdout[-2000:] + done.stderr[-2000:]
    # And each of their files stands somewhere in the tables.
    files = {line.partition("::")[0] for line in collected}
    assert {file for file in files if not any(name.startswith(file) for name in NAMED)} == set()


def exists(name: str) -> bool:
    """Whether a file of tests, or one test in it (``file::test``), is there."""
    file, _, test = name.partition("::")
    path = ROOT / file
    if not re.fullmatch(r"tests/[\w/]+\.py", file) or not path.is_file():
        return False
    return test in names_in(path) if test else bool(names_in(path))


@cache
def names_in(path: Path) -> frozenset[str]:
    return frozenset(_tests(ast.parse(path.read_text())))


def _tests(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name

"""Every setting and variable that a page names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import derived
from tests.docs.pages import DOCS, ROOT, pages, rows, section

NAMES = {setting.name for setting in derived.settings()}
VARIABLES = {setting.variable for setting in derived.settings()}
SECTIONS = {name.rpartition(".")[0] for name in NAMES} - {""}
# Actions of the audit log that read like a setting.
ACTIONS = {"access.denied", "access.flood"}
# Not settings: they work before there are any, or only in one command.
OTHERS = {
    cells[0].strip("`")
    for cells in rows(section(DOCS / "reference" / "settings.md", "Standard variables"))
    if cells[0].startswith("`RENDITOR_")
}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_variables_exist(page: Path) -> None:
    named = set(re.findall(r"\bRENDITOR_[A-Z_]+[A-Z]\b", page.read_text()))
    assert named - VARIABLES - OTHERS == set()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_exist(page: Path) -> None:
    for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", page.read_text()):
        if name.partition(".")[0] in SECTIONS and not name.endswith((".py", ".toml", ".sqlite", ".base")):
            assert name in NAMES | SECTIONS | ACTIONS, name


def test_variables_beside_the_settings_are_used_by_the_code() -> None:
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    assert {name for name in OTHERS if f'"{name}"' not in code} == set()

"""docs/how-to/troubleshooting.md against the checks of ``renditor doctor``."""

from __future__ import annotations

import re

import pytest

from renditor.cli.checks import CHECKS, SYMPTOMS
from renditor.transformation.path import split_delivery_path
from renditor.transformation.sign import sign, verify
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "how-to" / "troubleshooting.md"
ENTRIES = {text.partition("\n")[0].strip(): text.partition("\n")[2] for text in PAGE.read_text().split("\n### ")[1:]}


def checks_of(entry: str) -> set[str]:
    line = re.match(r"\s*Doctor: (.+)", ENTRIES[entry])
    assert line, f"{entry!r} does not say which check finds it"
    return set() if line[1] == "none" else set(re.findall(r"`([^`]+)`", line[1]))


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_names_checks_that_exist(entry: str) -> None:
    assert checks_of(entry) <= set(CHECKS)


def test_every_check_is_on_the_page() -> None:
    text = PAGE.read_text()
    assert [check for check in CHECKS if f"`{check}`" not in text] == []


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_every_symptom_has_an_entry_with_its_check(symptom: str) -> None:
    assert symptom in ENTRIES
    assert SYMPTOMS[symptom] in checks_of(symptom)


@pytest.mark.parametrize("hint", ["Unknown encoder 'libx264'", "Conversion failed!", "Invalid credentials"])
def test_hints_of_the_guide_are_there(hint: str) -> None:
    assert any(hint in entry for entry in ENTRIES)


def test_signing_as_shown_is_what_delivery_accepts() -> None:
    code = next(block.text for block in blocks(PAGE) if block.language == "python")
    shown = re.search(r"sign\('([^']+)', secret, long=True\)", code)
    assert shown
    signature = sign(shown[1], "secret", long=True)
    path = split_delivery_path(f"s--{signature}--/{shown[1]}")
    assert path.signature == signature
    assert verify(signature, path.signed, "secret")

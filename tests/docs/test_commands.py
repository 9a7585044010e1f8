"""Every ``renditor ...`` that a page shows is a command with options that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.commandline import commands, groups
from tests.docs.pages import DOCS, ROOT, blocks, pages, prose, section

SHELLS = {"sh", "bash", "console"}
# Commands of later issues: pages may name them, only where they say so.
PLANNED = {"storage", "cdn", "migrate-media", "cost"}


def shown(page: Path) -> Iterator[str]:
    """Command lines in blocks, and in code spans of the text."""
    for block in blocks(page):
        if block.language in SHELLS:
            joined = block.text.replace("\\\n", " ")
            yield from re.findall(r"(?:^|[\s(/])(renditor [^\n|;)#]*)", joined)
    yield from re.findall(r"`(?:\.venv/bin/)?(renditor [^`]*)`", prose(page))


CASES = sorted({(page, line.strip()) for page in pages() for line in shown(page)})


@pytest.mark.parametrize(("page", "line"), CASES, ids=[f"{page.name}-{line}" for page, line in CASES])
def test_command_exists(page: Path, line: str) -> None:
    words = [word for word in shlex.split(line)[1:] if word != "..."]
    known = commands()
    if words and words[0] in ("--version", "--help"):
        return
    name = " ".join(words[:2]) if words[0] in groups() else words[0]
    assert name in known or name in groups(), f"{page.relative_to(ROOT)} shows {line!r}"
    if name in known:
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert options <= set(known[name].options), f"{page.relative_to(ROOT)} shows {line!r}"


def test_pages_show_commands() -> None:
    assert len(CASES) > 20


def test_every_command_and_option_is_on_the_reference_page() -> None:
    page = DOCS / "reference" / "cli.md"
    for name, command in commands().items():
        text = section(page, f"renditor {name}")
        assert command.example in text
        for parameter in command.parameters:
            assert f"| `{parameter.spelled}` |" in text


def test_the_reference_page_has_no_other_commands() -> None:
    headings = re.findall(r"^## renditor (.+)$", (DOCS / "reference" / "cli.md").read_text(), re.MULTILINE)
    assert headings == list(commands())


def test_planned_commands_do_not_exist_yet() -> None:
    """When one of them lands, the pages that call it planned have to change."""
    assert PLANNED.isdisjoint(name.split()[0] for name in commands())
    planned = (
        section(DOCS / "reference" / "cli.md", "Command line").partition("Planned commands:")[2].partition("\n\n")[0]
    )
    assert set(re.findall(r"`([a-z-]+)`", planned)) == PLANNED

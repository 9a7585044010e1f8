"""Derived parts of the docs are what the code says; ``python -m tests.docs.derived`` renews them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from renditor.config import Settings
from renditor.transformation.operations import OPERATIONS
from renditor.transformation.path import split_delivery_path
from tests.docs import derived
from tests.docs.pages import DOCS, ROOT, blocks, pages

# Settings that hold entries by name.
BY_NAME = {"delivery.presets", "video.ladders", "recipes.video", "recipes.audio"}
DERIVED_PAGES = [page for page in pages() if derived.used(page)]


@pytest.mark.parametrize("page", DERIVED_PAGES, ids=lambda page: page.name)
def test_page_is_up_to_date(page: Path) -> None:
    text = page.read_text()
    assert text == derived.renewed(text), "renew it: python -m tests.docs.derived"


def test_every_derived_part_stands_on_a_page() -> None:
    assert {name for page in DERIVED_PAGES for name in derived.used(page)} == set(derived.DERIVED)


def test_example_file_is_up_to_date() -> None:
    assert derived.EXAMPLE_FILE.read_text() == derived.example_file(), "renew it: python -m tests.docs.derived"


def test_example_file_as_it_stands_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _with_file(monkeypatch, derived.EXAMPLE_FILE) == _with_file(monkeypatch, ROOT / "there-is-no-such-file")


def test_example_file_without_comment_signs_holds_every_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "renditor.toml"
    file.write_text(re.sub(r"^#(?=\w+ = )", "", derived.EXAMPLE_FILE.read_text(), flags=re.MULTILINE))
    assert {name for name, _ in _leaves(tomllib.loads(file.read_text()))} == {item.name for item in derived.settings()}
    # Secrets as examples are refused, so that nobody runs with them; of two scanners one is to be chosen.
    file.write_text(re.sub(r'^(\w+ = "<openssl |scan_command = ).*\n', "", file.read_text(), flags=re.MULTILINE))
    shown = _with_file(monkeypatch, file)
    plain = _with_file(monkeypatch, ROOT / "there-is-no-such-file")
    fixed = [item.name for item in derived.settings() if item.default is not None]
    assert {name: shown[name] for name in fixed} == {name: plain[name] for name in fixed}


@pytest.mark.parametrize("name", ["metrics_token", "access.jwt_secret"])
def test_a_secret_as_in_the_example_file_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    example = next(
        line for line in derived.example_file().splitlines() if line.startswith(f"#{name.rpartition('.')[2]} = ")
    )
    monkeypatch.setenv(f"RENDITOR_{name.upper().replace('.', '__')}", example.split('"')[1])
    with pytest.raises(ValidationError):
        Settings()


def _with_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> dict[str, object]:
    """All settings that a server with this settings file has."""
    monkeypatch.setenv("RENDITOR_CONFIG", str(file))
    return dict(_leaves(Settings().model_dump(mode="json")))


def _leaves(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, dict) and value and f"{prefix}{name}" not in BY_NAME:
            found += _leaves(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value))
    return found


def test_every_setting_says_what_it_means() -> None:
    assert [setting.name for setting in derived.settings() if len(setting.meaning) < 10] == []


def test_every_operation_has_its_row() -> None:
    text = (DOCS / "reference" / "transformations.md").read_text()
    for operation in OPERATIONS:
        assert f"| `{operation.label}` | {operation.name} |" in text


def test_delivery_urls_of_the_docs_are_valid() -> None:
    """Every ``/main/image/upload/...`` in a block is a path that delivery understands."""
    presets = declared_presets()
    found = 0
    for page in pages():
        for block in blocks(page):
            text = re.sub(r"^.*# not supported.*$", "", block.text, flags=re.MULTILINE)
            for kind, tail in re.findall(r"/main/(image|video)/upload/([^\s\"'`>]+)", text):
                if re.search(r"\$[A-Z(]|[{<…[]", tail):  # $ID stands for something; $size is a variable
                    continue
                path = split_delivery_path(tail, "image" if kind == "image" else "video", presets)
                assert path.doubt is None, tail  # a public id that begins like a transformation
                found += 1
    assert found > 5


def declared_presets() -> dict[str, str]:
    """All presets that the pages declare in blocks of TOML."""
    found: dict[str, str] = {}
    for page in pages():
        for block in blocks(page):
            if block.language == "toml":
                found |= tomllib.loads(block.text).get("delivery", {}).get("presets", {})
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_files_that_are_shown_are_valid(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in blocks(page):
        if block.language == "toml":
            file = tmp_path / "renditor.toml"
            file.write_text(block.text)
            _with_file(monkeypatch, file)


def test_python_examples_of_the_transformation_page_run() -> None:
    for block in blocks(DOCS / "reference" / "transformations.md"):
        if block.language == "python":
            exec(compile(block.text, "transformations.md", "exec"), {})

"""docs/reference/guide-map.md: every name of the guide is there, and every name of ours on it exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from renditor.api.server import Server
from renditor.api.views import Views
from renditor.cli.checks import CHECKS
from renditor.models import Asset
from renditor.recipes.publishing import KINDS
from renditor.transformation import TransformationError, parse
from tests.docs import derived
from tests.docs.commandline import commands
from tests.docs.pages import DOCS, ROOT, rows

PAGE = DOCS / "reference" / "guide-map.md"
ISSUES = (
    "Image engine and delivery",
    "Video and audio engine",
    "Uploads, access and security",
    "Storage, CDN, providers and routing",
    "Video quality and creative work",
)
ROWS = [cells for cells in rows(PAGE.read_text().split("## Architecture")[1]) if cells[0] != "Guide"]

# Classes, methods, functions, parameters, fields, statuses, events, files and samples of the guide.
GUIDE = Path(__file__).with_name("guide_names.txt").read_text().split()


@pytest.mark.parametrize("name", sorted(set(GUIDE)))
def test_name_of_the_guide_has_a_row(name: str) -> None:
    assert any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", cells[0]) for cells in ROWS)


@pytest.mark.parametrize("cells", ROWS, ids=lambda cells: cells[0])
def test_row_resolves(cells: list[str], api: Server) -> None:
    _, here, note = cells
    planned = re.findall(r"open \(issue: \*([^*]+)\*\)", f"{here} {note}")
    assert set(planned) <= set(ISSUES)
    names = re.findall(r"`([^`]+)`", here)
    if here == "dropped":
        assert note, "a dropped name says why"
        return
    assert names or planned
    for name in names:
        assert exists(name, api), f"{name} does not exist"


def exists(name: str, api: Server) -> bool:
    """Whether one entry of the column "Here" is there."""
    if re.match(r"(GET|POST|PATCH|DELETE) /", name):
        return _is_route(name, api)
    if name.startswith("renditor "):
        return _is_command(name)
    if re.match(r"renditor[\w.]*:", name):
        return _is_name(name)
    kind, _, rest = name.partition(":")
    if kind in ("event", "error"):
        return f"`{rest}`" in (DOCS / "reference" / "http.md").read_text()
    if name.startswith("asset."):
        return name.removeprefix("asset.") in _asset_fields()
    if re.match(r"(docs|tests|examples)/", name):
        return (ROOT / name).exists()
    if name in {setting.name for setting in derived.settings()}:
        return True
    if kind == "doctor":
        return rest in CHECKS
    try:
        parse(name)
    except TransformationError:
        return False
    return True


def _is_route(name: str, api: Server) -> bool:
    method, path = name.split()
    if path.startswith("/{tenant}"):
        return name in (DOCS / "reference" / "http.md").read_text()
    return method.lower() in api._api.openapi()["paths"].get(path, {})


def _is_command(name: str) -> bool:
    words = name.split()[1:]
    options = [word for word in words if word.startswith("--")]
    command = commands().get(" ".join(word for word in words if not word.startswith("--")))
    return command is not None and set(options) <= set(command.options)


def _is_name(name: str) -> bool:
    module, _, attributes = name.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        fields = getattr(found, "__dataclass_fields__", {}) | getattr(found, "__annotations__", {})
        if not hasattr(found, attribute):
            return attribute in fields
        found = getattr(found, attribute)
    return True


def _asset_fields() -> set[str]:
    values = dict.fromkeys(Asset.__dataclass_fields__, "x") | {"created_at": 0, "updated_at": 0, "version": 1}
    asset = Asset(**values | {"media_type": "video", "status": "completed", "tags": (), "metadata": {}})  # type: ignore[arg-type]
    made = {kind: {kind: "r"} for kind in KINDS}
    return set(Views("http://127.0.0.1:8000", str).asset(asset, made=made))


@pytest.mark.parametrize(
    "name",
    ["renditor.video.plan:no_such", "POST /nothing", "renditor nothing", "renditor hls --nothing", "asset.nothing"],
)
def test_what_does_not_exist_is_noticed(name: str, api: Server) -> None:
    assert not exists(name, api)

"""docs/reference/http.md against the routes, error codes, metrics, events and fields of the code."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from renditor import observe
from renditor.api.insight import shown_metadata
from renditor.api.server import Server
from renditor.api.views import Views
from renditor.ingest import UploadOptions
from renditor.models import Asset
from renditor.recipes.publishing import KINDS
from tests.docs.pages import DOCS, ROOT, blocks, rows, section

PAGE = DOCS / "reference" / "http.md"
TEXT = PAGE.read_text()
SOURCES = ROOT / "src" / "renditor"


def server_sources() -> Iterator[Path]:
    """What can answer over HTTP: everything but the command line and the client."""
    yield from (path for path in SOURCES.rglob("*.py") if not {"cli", "client"} & set(path.parts))


def test_every_route_is_listed(api: Server) -> None:
    for path, methods in api._api.openapi()["paths"].items():
        for method in methods:
            assert f"| `{method.upper()} {path}` |" in TEXT, f"{method.upper()} {path}"


def test_every_listed_route_exists(api: Server) -> None:
    known = {f"{method.upper()} {path}" for path, methods in api._api.openapi()["paths"].items() for method in methods}
    listed = {
        match for cells in rows(section(PAGE, "Overview")) for match in re.findall(r"`([A-Z]+ /[^`]*)`", cells[0])
    }
    ours = {route for route in listed if route.split()[1].startswith("/media")}
    assert ours == {route for route in known if route.split()[1].startswith("/media")}


def codes_in_use() -> set[str]:
    """Every ``code="..."`` that an error of the server is given, beside the codes of the classes."""
    found = set()
    for path in server_sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.JoinedStr):
                found |= set(_expanded(ast.unparse(node.value)))
    return found - {"None"}


def _expanded(template: str) -> list[str]:
    if "tool" in template:
        return [f"no-{tool}" for tool in ("ffmpeg", "ffprobe", "packager")]
    assert "status_code" in template, template
    return ["http-405"]


def test_every_error_code_is_listed_and_none_is_stale() -> None:
    exact = section(PAGE, "Errors").split("More exact codes")[1]
    listed = {code for cells in rows(exact) for code in re.findall(r"`([a-z0-9-]+)`", cells[1])}
    missing = codes_in_use() - listed - set(re.findall(r"\| `([a-z-]+)` \|", TEXT.split("<!-- derived: errors -->")[1]))
    assert missing == set()
    assert listed - codes_in_use() == set()


def test_every_metric_is_listed() -> None:
    for metric in vars(observe).values():
        if isinstance(metric, MetricWrapperBase):
            names = [item.name for item in metric.describe()]
            assert any(f"| `{name}" in TEXT for name in names), names
    listed = set(re.findall(r"\| `(renditor_[a-z_]+)` \|", TEXT))
    known = {name for name in REGISTRY._names_to_collectors if name.startswith("renditor_")}
    assert listed <= known


def test_every_event_is_listed() -> None:
    for path in server_sources():
        for node in ast.walk(ast.parse(path.read_text())):
            is_event = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Call)
                and ast.unparse(node.func.value) == "observe.log()"
            )
            if is_event and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
                assert f"`{node.args[0].value!s}`" in section(PAGE, "Logs")


def test_what_is_found_in_a_picture_is_told() -> None:
    shown = json.loads(next(block.text for block in blocks(PAGE) if block.language == "json"))
    assert set(shown_metadata(_asset("image"))) <= set(shown["metadata"])


@pytest.mark.parametrize("media_type", ["image", "video", "audio"])
def test_every_field_of_an_asset_is_told(media_type: str) -> None:
    shown = json.loads(next(block.text for block in blocks(PAGE) if block.language == "json"))
    fields = Views("http://127.0.0.1:8000", str).asset(_asset(media_type), made=EVERYTHING)
    assert list(shown) == [name for name in fields if name == "url" or not name.endswith("_url")]
    for name in fields:
        assert f"`{name}`" in TEXT or name in shown


# A rendition of each kind.
EVERYTHING = {kind: {"audio.mp3" if kind == "audio" else kind: "r"} for kind in KINDS}


def _asset(media_type: str) -> Asset:
    values = dict.fromkeys(Asset.__dataclass_fields__, "x") | {
        "created_at": 0,
        "updated_at": 0,
        "version": 1,
        "tags": (),
        "metadata": {"format": "jpg", "width": 1, "height": 1},
    }
    return Asset(**values | {"media_type": media_type, "status": "completed"})  # type: ignore[arg-type]


def test_every_upload_option_is_listed() -> None:
    listed = {cells[0].strip("`") for cells in rows(section(PAGE, "Upload")) if cells[0].startswith("`")}
    options = set(UploadOptions.__dataclass_fields__) - {"filename", "svg"}  # these two come from headers
    assert listed == options
    UploadOptions.read(dict.fromkeys(listed - {"visibility", "overwrite"}, "x"), None)

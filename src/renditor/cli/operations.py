"""``renditor operations``: what a transformation may hold, from the same table that reads them."""

from __future__ import annotations

from renditor.cli.terminal import JsonOption, answer

EXAMPLE = "renditor operations --json"


def command(as_json: JsonOption = False) -> None:
    """List all operations and effects of transformations. As JSON: a JSON Schema of them."""
    from renditor.transformation.schema import json_schema, operations_text  # noqa: PLC0415 - --help stays quick

    answer(json_schema(), operations_text(), as_json=as_json)

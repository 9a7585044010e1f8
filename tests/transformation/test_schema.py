"""The tables for programs and for a terminal."""

from __future__ import annotations

import json
import re

import pytest

from renditor.transformation.effects import EFFECTS
from renditor.transformation.expressions import Deferred
from renditor.transformation.grammar import read_value
from renditor.transformation.operations import OPERATIONS
from renditor.transformation.schema import json_schema, operations_text
from tests.transformation.examples import EXAMPLES


def test_the_schema_is_json_and_complete() -> None:
    schema = json.loads(json.dumps(json_schema()))
    properties = schema["items"]["properties"]
    assert set(properties) == {operation.key for operation in OPERATIONS}
    assert set(schema["x-grammar"]["effects"]) == set(EFFECTS)
    sepia = schema["x-grammar"]["effects"]["sepia"]["arguments"]
    assert sepia == [{"name": "strength", "default": "80", "minimum": 1.0, "maximum": 100.0}]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.key)
def test_canonical_values_fit_the_schema(operation) -> None:
    allowed = json_schema()["items"]["properties"][operation.key]
    choices = allowed.get("anyOf", [allowed])
    for text in EXAMPLES[operation.key]:
        value = read_value(operation, text)
        written = value.text if isinstance(value, Deferred) else operation.kind.write(value)
        assert any(_fits(choice, written) for choice in choices), written


def _fits(schema: dict[str, object], text: str) -> bool:
    named, pattern = schema.get("enum"), schema.get("pattern")
    return (not isinstance(named, list) or text in named) and (
        not isinstance(pattern, str) or re.search(pattern, text) is not None
    )


def test_the_text_for_a_terminal_names_everything() -> None:
    text = operations_text()
    for operation in OPERATIONS:
        assert f"  {operation.label}" in text
    for name in EFFECTS:
        assert name in text

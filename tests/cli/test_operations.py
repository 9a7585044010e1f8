"""renditor operations."""

from __future__ import annotations

from renditor.transformation.operations import OPERATIONS
from tests.cli.conftest import Run


def test_all_operations_are_listed(run: Run) -> None:
    done = run("operations")
    assert done.status == 0
    for operation in OPERATIONS:
        assert operation.name in done.out
    assert "pixelate_faces" in done.out


def test_as_json_it_is_a_schema(run: Run) -> None:
    schema = run("operations", "--json").json
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(schema["items"]["properties"]) == {operation.key for operation in OPERATIONS}

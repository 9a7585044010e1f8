"""The tables of the grammar for programs (JSON Schema 2020-12) and for people at a terminal."""

from __future__ import annotations

from typing import Any

from renditor.transformation.conditions import COMPARISONS
from renditor.transformation.effects import EFFECTS, Declared, Parameter
from renditor.transformation.expressions import MEASURES, OPERATORS
from renditor.transformation.flags import FLAGS, FlagsKind
from renditor.transformation.gravity import GravityKind
from renditor.transformation.kinds import ChoiceKind, DecimalKind
from renditor.transformation.operations import OPERATIONS, Operation


def json_schema() -> dict[str, Any]:
    """What a component may hold, as the schema of an object from keys to texts of values.

    The texts are those of URLs: ``{"w": "800", "c": "fill"}``. Where the schema says less than the parser checks
    (expressions, layers), the description says the rest.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Transformation",
        "description": "Components, each acting on the result of the one before.",
        "type": "array",
        "items": {
            "type": "object",
            "properties": {operation.key: _property(operation) for operation in OPERATIONS},
            "additionalProperties": False,
            "minProperties": 1,
        },
        # For readers; no part of JSON Schema, which lets such keywords pass.
        "x-grammar": {
            "effects": {name: _effect(declared) for name, declared in EFFECTS.items()},
            "measures": {name: meaning for name, (meaning, _) in MEASURES.items()},
            "operators": list(OPERATORS),
            "comparisons": COMPARISONS,
        },
    }


def _property(operation: Operation[Any]) -> dict[str, Any]:
    kind = operation.kind
    described = {"title": operation.name, "description": f"{operation.doc} Takes {kind.expects}.", "type": "string"}
    waits = operation.waits != "never"
    if isinstance(kind, ChoiceKind | GravityKind):
        named: dict[str, Any] = {"enum": list(kind.options)}
        return described | ({"anyOf": [named, {"pattern": r"\$"}]} if waits else named)
    if isinstance(kind, FlagsKind):
        flag = "|".join(FLAGS)
        return described | {"pattern": rf"^({flag})(:[^.]+)?(\.({flag})(:[^.]+)?)*$"}
    if operation.key == "e":
        return described | {"pattern": rf"^({'|'.join(EFFECTS)}|\$\w+)(:|$)"}
    return described


def _effect(declared: Declared) -> dict[str, Any]:
    return {
        "description": declared.doc,
        "uses": sorted(declared.uses),
        "arguments": [_argument(parameter) for parameter in (*declared.parameters, *declared.repeated)],
    }


def _argument(parameter: Parameter) -> dict[str, Any]:
    kind = parameter.kind
    described: dict[str, Any] = {"name": parameter.name, "default": parameter.kind.write(parameter.default)}  # type: ignore[arg-type]  # a default is of its kind
    if isinstance(kind, ChoiceKind):
        return described | {"enum": list(kind.options)}
    if isinstance(kind, DecimalKind):
        return described | {"minimum": float(kind.low), "maximum": float(kind.high)}
    return described | {"description": kind.expects}


def operations_text() -> str:
    """All parameters and effects, a line each, for ``--help``."""
    lines = [f"  {operation.label:<7}{operation.name}: {operation.kind.expects}" for operation in OPERATIONS]
    effects = ", ".join(_spelled(name, declared) for name, declared in EFFECTS.items())
    return "\n".join([*lines, "", f"  Effects: {effects}"])


def _spelled(name: str, declared: Declared) -> str:
    """``blur[:strength]``"""
    return name + "".join(f"[:{parameter.name}]" for parameter in (*declared.parameters, *declared.repeated))

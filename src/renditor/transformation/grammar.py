"""Reading a transformation and writing it back in its one canonical spelling.

    transformation = component *( "/" component )          each acts on the result of the one before
    component      = parameter *( "," parameter )          any order, at least one
    parameter      = key "_" value                         the keys and values of the operations table
                   | "$" name "_" value                    a variable
                   | "if_" condition                       a condition

What is not in the table is refused by name; what cannot have an effect is left out of the canonical form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from renditor.transformation.chain import Component, Transformation
from renditor.transformation.deferral import defer
from renditor.transformation.effects import expected
from renditor.transformation.faults import (
    NotMade,
    TransformationError,
    UnsupportedTransformation,
    refusal,
    unsupported,
)
from renditor.transformation.operations import (
    BY_KEY,
    CONDITION,
    EFFECT,
    FLAG,
    KEYS_NOT_MADE,
    OVERLAY,
    PRESET,
    UNDERLAY,
    VARIABLES,
    Operation,
)
from renditor.transformation.rules import LAYER_APPLY, settled
from renditor.transformation.simplify import simplified
from renditor.transformation.structure import LEFT_OUT, Values, bracketed

# Longest text: real ones stay under 300 characters; the text is hashed, logged and sent back in a header.
MAX_LENGTH = 2048
# Longest chain, presets resolved: each component may touch every pixel, so 1000 of them are an attack on the CPU.
MAX_COMPONENTS = 20
# Longest chain, conditions, variables and ends of layers counted.
MAX_LINKS = 80

_PRESET = re.compile(r"[\w\-]{1,100}(?:\.[\w\-]{1,100}){0,9}")


def parse(text: str, presets: Mapping[str, str] | None = None) -> Transformation:
    """Read a transformation. The empty text is the empty transformation.

    Args:
        text: components joined by ``/``, percent-decoded once.
        presets: name -> transformation text, put in place of ``t_name``. None: presets are not known here, and
            ``t_name`` stays; ``unfold`` refuses it. A preset may not name another: two that name each other would never
            end, and ten that name the one before twice would make 1024 components.

    Raises:
        UnsupportedTransformation: it asks for something real that is not made here; ``part`` names it.
        TransformationError: it is not valid, too long, or names an unknown operation or preset. Nothing else is raised.
    """
    return _parse_plain(text) if presets is None or "t_" not in text else _parse(text, presets, read_component)


def parse_supported(text: str, presets: Mapping[str, str] | None = None) -> tuple[Transformation, tuple[str, ...]]:
    """Read a transformation and leave out what is real and not made here (``on_unsupported = "ignore"``).

    A layer that is left out takes everything up to its ``fl_layer_apply`` with it; a condition that is left out does
    not hold.

    Returns:
        The rest, and the parts that were left out, as they stood.

    Raises:
        TransformationError: as ``parse``, but never UnsupportedTransformation.
    """
    left_out: list[str] = []

    def read(component: str) -> Values:
        values, missing = read_supported(component)
        left_out.extend(missing)
        return values

    return _parse(text, presets, read), tuple(left_out)


# Paths of a page are asked for again and again: 1024 texts cover its presets and widths, and stay below 10 MB.
@lru_cache(maxsize=1024)
def _parse_plain(text: str) -> Transformation:
    return _parse(text, None, read_component)


def _parse(text: str, presets: Mapping[str, str] | None, read: Callable[[str], Mapping[str, Any]]) -> Transformation:
    _check_length(text)
    if not text:
        return Transformation()
    links = [link for part in _parts(text) for link in _with_presets(read(part), presets)]
    if sum(map(_acts, links)) > MAX_COMPONENTS:
        raise TransformationError(f"The transformation has more than {MAX_COMPONENTS} components")
    kept = simplified(Component(settled(values)) for values in bracketed(links))
    if len(kept) > MAX_LINKS:
        raise TransformationError(f"The transformation has more than {MAX_LINKS} parts")
    transformation = Transformation(kept)
    _check_length(str(transformation))  # presets and colour names grow: the canonical form must read back
    return transformation


def _acts(values: Mapping[str, Any]) -> bool:
    """Ends of layers are not counted: short forms have none, and must still be within the limit when written out."""
    return not values.keys() <= {CONDITION.key, VARIABLES.key} and LAYER_APPLY not in values.get(FLAG.key, ())


def _check_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise TransformationError(f"The transformation is longer than {MAX_LENGTH} characters")


def _parts(text: str) -> list[str]:
    parts = text.split("/")
    if len(parts) > MAX_LINKS:
        raise TransformationError(f"The transformation has more than {MAX_LINKS} parts")
    return parts


def _with_presets(values: Mapping[str, Any], presets: Mapping[str, str] | None) -> list[Mapping[str, Any]]:
    """The component, after the presets that it names."""
    if presets is None or PRESET.key not in values:
        return [values]
    links: list[Mapping[str, Any]] = []
    for name in values[PRESET.key].split("."):
        links += _preset(name, presets)
    rest = {key: value for key, value in values.items() if key != PRESET.key}
    return [*links, rest] if rest else links


def _preset(name: str, presets: Mapping[str, str]) -> list[Mapping[str, Any]]:
    if name not in presets:
        hint = "Presets are named transformations that the server's owner defines"
        raise refusal("Unknown preset", f"t_{name}", hint)
    try:
        _check_length(presets[name])
        links = [read_component(part) for part in _parts(presets[name])] if presets[name] else []
    except TransformationError as error:
        raise _unusable(name, error.detail) from error
    if any(PRESET.key in link for link in links):
        raise _unusable(name, "it names another preset")
    return links


def _unusable(name: str, why: str) -> TransformationError:
    return refusal("Unusable preset", f"t_{name}", f"Its own transformation is not valid: {why}")


# Components come back more often than whole transformations do. Errors are not kept.
@lru_cache(maxsize=2048)
def read_component(text: str) -> Mapping[str, Any]:
    """What stands between two slashes: values by key, presets not resolved.

    Raises:
        TransformationError: as ``parse``, for faults of this component alone.
    """
    values: Values = {}
    for part in text.split(","):
        _add(values, part, *_read_parameter(part, text))
    return MappingProxyType(values)


def read_supported(text: str) -> tuple[Values, tuple[str, ...]]:
    """Like ``read_component``, and the parts that were left out because nothing here makes them."""
    values: Values = {}
    left_out: list[str] = []
    for part in text.split(","):
        try:
            _add(values, part, *_read_parameter(part, text))
        except UnsupportedTransformation:
            left_out.append(part)
            key = part.partition("_")[0]
            if key in {OVERLAY.key, UNDERLAY.key}:
                values[key] = LEFT_OUT
            elif key == CONDITION.key:
                values[key] = _NEVER
    return values, tuple(left_out)


def _add(values: Values, part: str, operation: Operation[Any], value: Any) -> None:
    """The last one counts, except where they are united: variables in their order, flags unless they contradict."""
    old = values.get(operation.key)
    if old is None:
        values[operation.key] = value
    elif operation is VARIABLES:
        values[operation.key] = (*old, *value)
    elif operation.merges:
        try:
            values[operation.key] = operation.kind.read(operation.kind.write(old | value))
        except ValueError:
            raise refusal("Contradiction in", part) from None
    else:
        values[operation.key] = value


# In place of a condition that cannot be answered.
_NEVER = CONDITION.kind.read("0_gt_1")


def _read_parameter(part: str, component: str) -> tuple[Operation[Any], Any]:
    if not part:
        raise refusal("Empty part in", component or "/")
    key, underscore, raw = part.partition("_")
    if part.startswith("$"):
        key, underscore, raw = "$", "_", part
    operation = BY_KEY.get(key)
    if operation is None or not underscore:
        raise unsupported(part) if underscore and key in KEYS_NOT_MADE else refusal("Invalid transformation", part)
    try:
        return operation, read_value(operation, raw)
    except NotMade:
        raise unsupported(part) from None
    except ValueError:
        raise refusal("Invalid value in", part, _hint(operation, raw)) from None


def _hint(operation: Operation[Any], raw: str) -> str:
    if operation is EFFECT:
        return expected(raw)
    if operation.key == "$":
        return "<name>_<value>"
    return f"{operation.key}_ ({operation.name}) takes {operation.kind.expects}"


def read_value(operation: Operation[Any], text: str) -> Any:
    """The value, or ``Deferred`` when it must wait for variables or measures.

    Raises:
        ValueError: it is neither.
    """
    if operation is PRESET and not _PRESET.fullmatch(text):
        raise ValueError(text)
    if "$" not in text or operation.waits == "never":
        try:
            return operation.kind.read(text)
        except NotMade:
            raise
        except ValueError:
            if operation.waits in {"never", "variable", "layer"}:
                raise
    found = defer(text, operation.waits)
    if isinstance(found, str):
        return operation.kind.read(found)
    head = found.text.partition(":")[0]
    if operation.heads and "$" not in head and head not in operation.heads:
        raise ValueError(text)
    return found

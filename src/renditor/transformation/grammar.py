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
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from renditor.transformation.chain import Component, Transformation
from renditor.transformation.deferral import defer
from renditor.transformation.expressions import Deferred
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
    KEYS_NOT_MADE,
    OVERLAY,
    PRESET,
    UNDERLAY,
    VARIABLES,
    Operation,
)
from renditor.transformation.rules import settled
from renditor.transformation.structure import LEFT_OUT, Values, bracketed

# Longest text: real ones stay under 300 characters; the text is hashed, logged and sent back in a header.
MAX_LENGTH = 2048
# Longest chain, presets resolved: each component may touch every pixel, so 1000 of them are an attack on the CPU.
MAX_COMPONENTS = 20
# Longest chain, conditions, variables and ends of layers counted.
MAX_LINKS = 80

_PRESET = re.compile(r"[\w\-]{1,100}(?:\.[\w\-]{1,100}){0,9}")
_NO_PRESETS: Mapping[str, str] = {}


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
    if presets is not None and "t_" in text:
        return _Reader(presets).read(text)
    return _parse_plain(text)


def parse_supported(text: str, presets: Mapping[str, str] | None = None) -> tuple[Transformation, tuple[str, ...]]:
    """Read a transformation and leave out what is real and not made here (``on_unsupported = "ignore"``).

    A layer that is left out takes everything up to its ``fl_layer_apply`` with it; a condition that is left out does
    not hold.

    Returns:
        The rest, and the parts that were left out, as they stood.

    Raises:
        TransformationError: as ``parse``, but never UnsupportedTransformation.
    """
    reader = _Reader(presets, lenient=True)
    return reader.read(text), tuple(reader.left_out)


# Paths of a page are asked for again and again: 1024 texts cover its presets and widths, and stay below 10 MB.
@lru_cache(maxsize=1024)
def _parse_plain(text: str) -> Transformation:
    return _Reader(None).read(text)


class _Reader:
    """Reads one text. ``left_out`` collects unsupported parts, which are refused unless ``lenient``."""

    def __init__(self, presets: Mapping[str, str] | None, *, lenient: bool = False) -> None:
        self._presets = presets
        self._lenient = lenient
        self.left_out: list[str] = []

    def read(self, text: str) -> Transformation:
        _check_length(text)
        if not text:
            return Transformation()
        links = self.links(text)
        if sum(not values.keys() <= {CONDITION.key, VARIABLES.key} for values in links) > MAX_COMPONENTS:
            raise TransformationError(f"The transformation has more than {MAX_COMPONENTS} components")
        components = [Component(settled(values)) for values in bracketed(links)]
        kept = tuple(component for component in components if component.parameters)
        if len(kept) > MAX_LINKS:
            raise TransformationError(f"The transformation has more than {MAX_LINKS} parts")
        transformation = Transformation(kept)
        _check_length(str(transformation))  # presets and colour names grow: the canonical form must read back
        return transformation

    def links(self, text: str) -> list[Values]:
        """What stands between the slashes, presets put in place."""
        parts = text.split("/")
        if len(parts) > MAX_LINKS:
            raise TransformationError(f"The transformation has more than {MAX_LINKS} parts")
        links: list[Values] = []
        for part in parts:
            values = self._read_component(part)
            named = values.get(PRESET.key)
            if named is not None and self._presets is not None:
                del values[PRESET.key]
                links += self._preset(named)
                if not values:
                    continue
            links.append(values)
        return links

    def _preset(self, named: str) -> list[Values]:
        links: list[Values] = []
        presets = self._presets or _NO_PRESETS
        for name in named.split("."):
            if name not in presets:
                hint = "Presets are named transformations that the server's owner defines"
                raise refusal("Unknown preset", f"t_{name}", hint)
            try:
                _check_length(presets[name])
                links += _Reader(_NO_PRESETS).links(presets[name]) if presets[name] else []
            except TransformationError as error:
                detail = f"Its own transformation is not valid: {error.detail}"
                raise refusal("Unusable preset", f"t_{name}", detail) from error
        return links

    def _read_component(self, text: str) -> Values:
        values: Values = {}
        for part in text.split(","):
            try:
                operation, value = _read_parameter(part, text)
            except UnsupportedTransformation:
                if not self._lenient:
                    raise
                self.left_out.append(part)
                key = part.partition("_")[0]
                if key in {OVERLAY.key, UNDERLAY.key}:
                    values[key] = LEFT_OUT
                elif key == CONDITION.key:
                    values[key] = _NEVER
                continue
            if operation.key in values and (operation.merges or operation is VARIABLES):
                value = _merged(operation, values[operation.key], value, part)
            values[operation.key] = value
        return values


_NEVER = CONDITION.kind.read("0_gt_1")


def _check_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise TransformationError(f"The transformation is longer than {MAX_LENGTH} characters")


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
        expects = "<name>_<value>" if key == "$" else f"{key}_ ({operation.name}) takes {operation.kind.expects}"
        raise refusal("Invalid value in", part, expects) from None


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


def _merged(operation: Operation[Any], old: Any, new: Any, part: str) -> Any:
    """Flags given apart are the same as joined by a dot, which also means that none may contradict another."""
    if operation is VARIABLES:
        return (*old, *new)
    try:
        return operation.kind.read(operation.kind.write(old | new))
    except ValueError:
        raise refusal("Contradiction in", part) from None


__all__ = [
    "MAX_COMPONENTS",
    "MAX_LENGTH",
    "Component",
    "Deferred",
    "Transformation",
    "TransformationError",
    "UnsupportedTransformation",
    "parse",
    "parse_supported",
]

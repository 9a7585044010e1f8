"""Reading a transformation and writing it back in its one canonical spelling.

    transformation = component *( "/" component )          each acts on the result of the one before
    component      = parameter *( "," parameter )          any order, at least one
    parameter      = key "_" value                         the keys and values of the operations table
                   | "t_" name                             a preset, alone in its component

Nothing is silently ignored: what is not in the table, or cannot have an effect, is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from renditor.errors import InvalidTransformation
from renditor.transformation.operations import CROP, FLAG, OPERATIONS, Operation
from renditor.transformation.values import Flag

T = TypeVar("T")

# Longest text: real ones stay under 300 characters; the text is hashed, logged and sent back in a header.
MAX_LENGTH = 2048
# Longest chain, presets resolved: each component may touch every pixel, so 1000 of them are an attack on the CPU.
MAX_COMPONENTS = 20

_BY_KEY: dict[str, Operation[Any]] = {operation.key: operation for operation in OPERATIONS}
_ORDER: dict[str, int] = {operation.key: place for place, operation in enumerate(OPERATIONS)}
_PRESET = re.compile(r"t_([\w\-.]{1,100})")
# What is shown of the part at fault: enough to recognise it, and nothing that could break a header or a terminal.
_SHOWN = 80


class TransformationError(InvalidTransformation):
    """The transformation is not valid; ``part`` is the piece at fault, printable and at most 80 characters."""

    def __init__(self, detail: str = "", *, part: str = "", hint: str | None = None, code: str | None = None) -> None:
        super().__init__(detail, hint=hint, code=code)
        self.part = part

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.detail, self.part, self.hint, self.error_code))


def _rebuild(detail: str, part: str, hint: str | None, code: str) -> TransformationError:
    return TransformationError(detail, part=part, hint=hint, code=code)


def _refuse(message: str, part: str, hint: str | None = None) -> TransformationError:
    shown = "".join(letter if letter.isprintable() else "?" for letter in part[:_SHOWN])
    return TransformationError(f"{message} {shown}".rstrip(), part=shown, hint=hint)


@dataclass(frozen=True, slots=True)
class Component:
    """One link of the chain: pairs of key and value in the order of the operations table, neutral values left out."""

    parameters: tuple[tuple[str, Any], ...]

    def get(self, operation: Operation[T]) -> T | None:
        """The value given for ``operation``, or None."""
        for key, value in self.parameters:
            if key == operation.key:
                found: T = value
                return found
        return None

    @property
    def operations(self) -> tuple[Operation[Any], ...]:
        return tuple(_BY_KEY[key] for key, _ in self.parameters)

    def __str__(self) -> str:
        return ",".join(f"{key}_{_BY_KEY[key].kind.write(value)}" for key, value in self.parameters)


@dataclass(frozen=True, slots=True)
class Transformation:
    """A chain of components. ``str()`` is the canonical form: equal values have equal text, and it reads back."""

    components: tuple[Component, ...] = ()

    def __str__(self) -> str:
        return "/".join(str(component) for component in self.components)

    def __bool__(self) -> bool:
        return bool(self.components)

    def __iter__(self) -> Iterator[Component]:
        return iter(self.components)

    def last(self, operation: Operation[T]) -> T | None:
        """The value that counts for the whole chain (format, quality, start offset): the last one given."""
        values = [value for component in self.components if (value := component.get(operation)) is not None]
        return values[-1] if values else None

    def flag(self, name: str) -> Flag | None:
        """The flag of that name, wherever in the chain it stands; the last one counts."""
        flags = [flag for component in self.components for flag in component.get(FLAG) or () if flag.name == name]
        return flags[-1] if flags else None

    def without_flag(self, name: str) -> Transformation:
        """The same chain without that flag: one that decides on the answer, not on the picture."""
        components = []
        for component in self.components:
            flags = frozenset(flag for flag in component.get(FLAG) or () if flag.name != name)
            others = tuple(pair for pair in component.parameters if pair[0] != FLAG.key)
            place = sum(key < FLAG.key for key, _ in others)
            kept = (*others[:place], (FLAG.key, flags), *others[place:]) if flags else others
            if kept:
                components.append(Component(kept))
        return Transformation(tuple(components))

    def without(self, *operations: Operation[Any]) -> Transformation:
        """The same chain with these parameters taken out, such as ``FORMAT`` once a concrete format is chosen."""
        keys = {operation.key for operation in operations}
        kept = (tuple(pair for pair in component.parameters if pair[0] not in keys) for component in self.components)
        return Transformation(tuple(Component(parameters) for parameters in kept if parameters))


def parse(text: str, presets: Mapping[str, str] | None = None) -> Transformation:
    """Read a transformation. The empty text is the empty transformation.

    Args:
        text: components joined by ``/``, percent-decoded once.
        presets: name -> transformation text, for ``t_name``. A preset may not name another preset: two that name each
            other would never end, and ten that name the one before twice would make 1024 components.

    Raises:
        TransformationError: it is not valid, too long, or names an unknown operation or preset. Nothing else is raised.
    """
    _check_length(text)
    if not text:
        return Transformation()
    components: list[Component] = []
    for part in text.split("/"):
        components.extend(_read_part(part, presets or {}))
        if len(components) > MAX_COMPONENTS:
            raise TransformationError(f"The transformation has more than {MAX_COMPONENTS} components")
    transformation = Transformation(tuple(component for component in components if component.parameters))
    _check_length(str(transformation))  # presets and colour names grow: the canonical form must read back
    return transformation


def _check_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise TransformationError(f"The transformation is longer than {MAX_LENGTH} characters")


def _read_part(text: str, presets: Mapping[str, str]) -> Iterable[Component]:
    if not text.startswith("t_"):
        return (read_component(text),)
    named = _PRESET.fullmatch(text)
    if not named:
        raise _refuse("Invalid value in", text, "A preset stands alone in its component, as t_name")
    if named[1] not in presets:
        raise _refuse("Unknown preset", text, "Presets are named transformations that the server's owner defines")
    try:
        return parse(presets[named[1]]).components
    except TransformationError as error:
        raise _refuse("Unusable preset", text, f"Its own transformation is not valid: {error.detail}") from error


def read_component(text: str) -> Component:
    """Read what stands between two slashes.

    Raises:
        TransformationError: as ``parse``.
    """
    values: dict[str, Any] = {}
    for part in text.split(","):
        operation, value = _read_parameter(part, text)
        if operation.merges and operation.key in values:
            value = _merged(operation, values[operation.key], value, part)
        values[operation.key] = value
    _check_modes(values)
    kept = [
        (key, value)
        for key, value in values.items()
        if _BY_KEY[key].neutral != value or _BY_KEY[key].neutral_unless & values.keys()
    ]
    return Component(tuple(sorted(kept, key=lambda pair: _ORDER[pair[0]])))


def _read_parameter(part: str, component: str) -> tuple[Operation[Any], Any]:
    if not part:
        raise _refuse("Empty part in", component or "/")
    key, underscore, raw = part.partition("_")
    operation = _BY_KEY.get(key)
    if operation is None or not underscore:
        hint = "A preset stands alone in its component, as t_name" if part.startswith("t_") else None
        raise _refuse("Unsupported transformation", part, hint)
    try:
        return operation, operation.kind.read(raw)
    except ValueError:
        hint = f"{key}_ ({operation.name}) takes {operation.kind.expects}"
        raise _refuse("Invalid value in", part, hint) from None


def _merged(operation: Operation[Any], old: frozenset[Flag], new: frozenset[Flag], part: str) -> frozenset[Flag]:
    """Flags given apart are the same as joined by a dot, which also means that none may contradict another."""
    try:
        united: frozenset[Flag] = operation.kind.read(operation.kind.write(old | new))
    except ValueError:
        raise _refuse("Contradiction in", part) from None
    return united


def _check_modes(values: Mapping[str, Any]) -> None:
    mode = values.get(CROP.key, CROP.neutral)
    for key, value in values.items():
        operation = _BY_KEY[key]
        if operation.modes and mode not in operation.modes:
            modes = ", ".join(f"c_{name}" for name in sorted(operation.modes))
            raise _refuse("Without effect:", f"{key}_{operation.kind.write(value)}", f"It works with {modes} only")

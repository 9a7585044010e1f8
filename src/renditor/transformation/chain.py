"""What a transformation is once it has been read: a chain of components."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from renditor.transformation.expressions import Deferred
from renditor.transformation.operations import BY_KEY, CONDITION, DPR, FLAG, MAX_SIDE, Operation
from renditor.transformation.values import Auto, Flag

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Component:
    """One link of the chain: pairs of key and value in the order of the operations table, neutral values left out."""

    parameters: tuple[tuple[str, Any], ...]

    def get(self, operation: Operation[T]) -> T | None:
        """The value given for ``operation``, or None. It may be ``Deferred`` until ``unfold`` has seen to it."""
        for key, value in self.parameters:
            if key == operation.key:
                found: T = value
                return found
        return None

    @property
    def operations(self) -> tuple[Operation[Any], ...]:
        return tuple(BY_KEY[key] for key, _ in self.parameters)

    def __str__(self) -> str:
        return ",".join(
            f"{key}_{value.text}" if isinstance(value, Deferred) else BY_KEY[key].spell(value)
            for key, value in self.parameters
        )


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
        """The value that counts for the whole chain (format, quality, start offset): the last one given.

        Deferred values and conditions are passed over: ``settle`` decides them.
        """
        values = [value for component in self.components if (value := component.get(operation)) is not None]
        known = [value for value in values if not isinstance(value, Deferred)]
        return known[-1] if known else None

    def flag(self, name: str) -> Flag | None:
        """The flag of that name, wherever in the chain it stands; the last one counts."""
        flags = [flag for component in self.components for flag in component.get(FLAG) or () if flag.name == name]
        return flags[-1] if flags else None

    def without_flag(self, name: str) -> Transformation:
        """The same chain without that flag: one that decides on the answer, not on the picture."""
        components = []
        for component in self.components:
            flags = frozenset(flag for flag in component.get(FLAG) or () if flag.name != name)
            pairs = ((key, flags if key == FLAG.key else value) for key, value in component.parameters)
            components.append(Component(tuple(pair for pair in pairs if pair != (FLAG.key, frozenset()))))
        return Transformation(tuple(component for component in components if component.parameters))

    def without(self, *operations: Operation[Any]) -> Transformation:
        """The same chain with these parameters taken out, such as ``FORMAT`` once a concrete format is chosen."""
        keys = {operation.key for operation in operations}
        kept = (tuple(pair for pair in component.parameters if pair[0] not in keys) for component in self.components)
        return Transformation(tuple(Component(parameters) for parameters in kept if parameters))

    @property
    def conditional(self) -> bool:
        """Whether parts of the chain count only for some pictures (``if_``)."""
        return any(component.get(CONDITION) is not None for component in self.components)

    @property
    def hinted(self) -> frozenset[str]:
        """Which of ``w`` and ``dpr`` depend on what the client says (``w_auto``, ``dpr_auto``)."""
        return frozenset(
            key for component in self.components for key, value in component.parameters if isinstance(value, Auto)
        )

    def with_hints(self, width: int | None, dpr: Decimal | None) -> Transformation:
        """The same chain with numbers in place of ``w_auto`` and ``dpr_auto``; without a hint they are left out.

        Every number that is let through here is one more rendition: the caller rounds to the steps it wants to have.

        Args:
            width: px that the client's layout has room for; rounded up to the step of ``w_auto:step``.
            dpr: the client's pixel ratio, 0.1 to 10.
        """
        if not self.hinted:
            return self
        components = (_with_hints(component, width, dpr) for component in self.components)
        return Transformation(tuple(component for component in components if component.parameters))


def _with_hints(component: Component, width: int | None, dpr: Decimal | None) -> Component:
    pairs = ((key, _hinted(key, value, width, dpr)) for key, value in component.parameters)
    return Component(tuple((key, value) for key, value in pairs if value is not None))


def _hinted(key: str, value: Any, width: int | None, dpr: Decimal | None) -> Any:
    if not isinstance(value, Auto):
        return value
    if key == DPR.key:
        return None if dpr == DPR.neutral else dpr
    if width is None:
        return value.fallback
    step = value.step or 1
    return min(-(-width // step) * step, MAX_SIDE)

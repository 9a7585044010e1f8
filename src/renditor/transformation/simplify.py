"""Parts of a chain that make no difference: conditions around nothing, variables that nothing names."""

from __future__ import annotations

from collections.abc import Iterable

from renditor.transformation.chain import Component
from renditor.transformation.conditions import ELSE, END, Condition
from renditor.transformation.expressions import Deferred
from renditor.transformation.operations import CONDITION, VARIABLES
from renditor.transformation.variables import names_in


def simplified(components: Iterable[Component]) -> tuple[Component, ...]:
    """The chain without them, and variables that came to stand side by side in one component.

    One may have been all that another was needed for, so this goes on until nothing changes.
    """
    chain = tuple(component for component in components if component.parameters)
    keys = {VARIABLES.key, CONDITION.key}
    while any(key in keys for component in chain for key, _ in component.parameters):
        shorter = _without_empty(_joined(_without_unused(chain)))
        if shorter == chain:
            break
        chain = shorter
    return chain


def _without_unused(chain: tuple[Component, ...]) -> tuple[Component, ...]:
    needed: set[str] = set()
    kept: list[Component] = []
    for component in reversed(chain):
        assignments = component.get(VARIABLES)
        if assignments is None:
            for _, value in component.parameters:
                if isinstance(value, Deferred | Condition):
                    needed |= names_in(value.text)
            kept.append(component)
            continue
        used = []
        for assignment in reversed(assignments):
            if assignment.name in needed:
                used.append(assignment)
                needed |= names_in(assignment.text)
        if used:
            kept.append(Component(((VARIABLES.key, tuple(reversed(used))),)))
    return tuple(reversed(kept))


def _joined(chain: tuple[Component, ...]) -> tuple[Component, ...]:
    kept: list[Component] = []
    for component in chain:
        before = kept[-1].get(VARIABLES) if kept else None
        assignments = component.get(VARIABLES)
        if before and assignments:
            kept[-1] = Component(((VARIABLES.key, before + assignments),))
        else:
            kept.append(component)
    return tuple(kept)


def _without_empty(chain: tuple[Component, ...]) -> tuple[Component, ...]:
    kept: list[Component] = []
    for component in chain:
        if component.get(CONDITION) == END:
            if _condition(kept) == ELSE:
                kept.pop()
            last = _condition(kept)
            if last is not None and last != END:
                kept.pop()
                continue
        kept.append(component)
    return tuple(kept)


def _condition(chain: list[Component]) -> Condition | None:
    return chain[-1].get(CONDITION) if chain else None

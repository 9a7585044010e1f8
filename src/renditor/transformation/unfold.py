"""Walking a chain with everything decided: variables set, conditions chosen, deferred values worked out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from renditor.transformation.chain import Component, Transformation
from renditor.transformation.conditions import ELSE, END, Condition, holds
from renditor.transformation.deferral import resolve
from renditor.transformation.expressions import Deferred, Environment, Facts
from renditor.transformation.faults import NotMade, refusal, unsupported
from renditor.transformation.operations import BY_KEY, CONDITION, PRESET, VARIABLES
from renditor.transformation.rules import settled

Size = tuple[int, int]


def unfold(transformation: Transformation, facts: Facts) -> Generator[Component, Size, None]:
    """Yield the components that count, one after the other, each with plain values only.

    After each component send the size in px of the picture as it is then (of the layer's picture while one is open):
    expressions name it as ``w`` and ``h``. ``next()`` instead of ``send()`` leaves it as it was.

    Raises:
        TransformationError: an unknown variable, a number out of bounds, or a value that its parameter cannot hold.
    """
    at = Environment(facts, facts.width, facts.height)
    chosen: list[bool] = []
    for component in transformation:
        condition = component.get(CONDITION)
        if condition is not None:
            _choose(condition, chosen, at)
        elif all(chosen):
            for assignment in component.get(VARIABLES) or ():
                at.variables[assignment.name] = assignment.value(at)
            if component.get(VARIABLES) is None and (plain := _plain(component, at)).parameters:
                at.width, at.height = (yield plain) or (at.width, at.height)


def settle(
    transformation: Transformation, facts: Facts, size_after: Callable[[Component, Size], Size]
) -> Transformation:
    """The whole chain with everything decided.

    Args:
        size_after: does a component, or plans it: the size of the picture after it, given the size before, both in px.

    Raises:
        TransformationError: as ``unfold``.
    """
    components: list[Component] = []
    size = (facts.width, facts.height)
    steps = unfold(transformation, facts)
    try:
        component = next(steps)
        while True:
            components.append(component)
            size = size_after(component, size)
            component = steps.send(size)
    except StopIteration:
        return Transformation(tuple(components))


def _choose(condition: Condition, chosen: list[bool], at: Environment) -> None:
    """``chosen``: for each condition that is open, whether the part being read counts."""
    if condition == END:
        chosen.pop()
    elif condition == ELSE:
        chosen[-1] = not chosen[-1]
    else:
        chosen.append(all(chosen) and holds(condition, at))


def _plain(component: Component, at: Environment) -> Component:
    named = component.get(PRESET)
    if named is not None:
        raise refusal("Unknown preset", f"t_{named}")
    if not any(isinstance(value, Deferred) for _, value in component.parameters):
        return component
    return Component(settled({key: _value(key, value, at) for key, value in component.parameters}))


def _value(key: str, value: Any, at: Environment) -> Any:
    if not isinstance(value, Deferred):
        return value
    operation = BY_KEY[key]
    text = resolve(value.text, operation.waits, at)
    try:
        return operation.kind.read(text)
    except NotMade:
        raise unsupported(f"{key}_{text}") from None
    except ValueError:
        hint = f"{key}_{value.text} comes to this; {key}_ ({operation.name}) takes {operation.kind.expects}"
        raise refusal("Invalid value in", f"{key}_{text}", hint) from None

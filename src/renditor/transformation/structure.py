"""Conditions and layers as brackets: every ``if_`` has its ``if_end``, every layer its ``fl_layer_apply``.

Both have short forms, in which one component says it all (``if_w_gt_100,c_scale,w_50``; ``l_logo,w_100,g_south_east``).
Here they become the long ones, so that the engine meets one form only and equal chains have equal text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from renditor.transformation.conditions import ELSE, END, Condition
from renditor.transformation.effects import EFFECTS, Effect
from renditor.transformation.faults import TransformationError
from renditor.transformation.operations import CONDITION, EFFECT, FLAG, OVERLAY, UNDERLAY, VARIABLES
from renditor.transformation.rules import LAYER_APPLY

Values = dict[str, Any]

# Most layers of one transformation: each may be a picture of its own that must be found and decoded.
MAX_LAYERS = 8

# In place of a layer that is not made here, while unsupported parts are left out.
LEFT_OUT = object()

_PLACING = ("g", "x", "y")
_PLACING_FLAGS = frozenset({"no_overflow", "tiled", "cutter", "replace_image", "text_disallow_overflow"})


def bracketed(components: Iterable[Mapping[str, Any]]) -> list[Values]:
    """The components with conditions and variables in components of their own, and all brackets written out.

    Raises:
        TransformationError: brackets that do not match, or too many layers.
    """
    return _Layers().run(_Conditions().run(components))


@dataclass(slots=True)
class _Conditions:
    """``inline``: the last component was ``if_...`` with other parameters, so ``if_else`` may follow."""

    out: list[Values] = field(default_factory=list)
    has_else: list[bool] = field(default_factory=list)
    inline: bool = False
    closed: bool = False

    def run(self, components: Iterable[Mapping[str, Any]]) -> list[Values]:
        for values in components:
            rest = dict(values)
            condition: Condition | None = rest.pop(CONDITION.key, None)
            closed, self.closed = self.closed, False
            if condition == END:
                self._end(allowed=closed)
            elif condition == ELSE:
                self._else(inline=bool(rest))
            else:
                self._close_inline()
                if condition:
                    self.out.append({CONDITION.key: condition})
                    self.has_else.append(False)
                    self.inline = bool(rest)
            self._add(rest)
            if condition == ELSE and self.closed:
                self._close()
        while self.has_else:
            self._close()
        return self.out

    def _end(self, *, allowed: bool) -> None:
        """After ``if_...,x/if_else,y`` an ``if_end`` says what is known."""
        if self.has_else:
            self.inline = False
            self._close()
        elif not allowed:
            raise TransformationError("No condition is open for if_end", part="if_end")

    def _else(self, *, inline: bool) -> None:
        if not self.has_else or self.has_else[-1]:
            raise TransformationError("No condition is open for if_else", part="if_else")
        self.has_else[-1] = True
        self.closed = self.inline and inline
        self.inline = False
        self.out.append({CONDITION.key: ELSE})

    def _close_inline(self) -> None:
        if self.inline:
            self.inline = False
            self._close()

    def _close(self) -> None:
        """Ends the innermost condition."""
        self.has_else.pop()
        self.out.append({CONDITION.key: END})

    def _add(self, rest: Values) -> None:
        assignments = rest.pop(VARIABLES.key, None)
        if assignments:
            self.out.append({VARIABLES.key: assignments})
        if rest:
            self.out.append(rest)


@dataclass(slots=True)
class _Layers:
    """``open``: where in ``out`` a layer began that nothing has ended yet; None where a condition began."""

    out: list[Values] = field(default_factory=list)
    open: list[int | None] = field(default_factory=list)
    count: int = 0

    def run(self, components: Iterable[Values]) -> list[Values]:
        for values in components:
            condition = values.get(CONDITION.key)
            if condition in {ELSE, END}:
                self._end_shorts()
                self.open.pop()
            self.out.append(values)
            if condition is not None and condition != END:
                self.open.append(None)
            elif values.keys() & {OVERLAY.key, UNDERLAY.key}:
                self._opens(values)
            elif LAYER_APPLY in values.get(FLAG.key, ()):
                self._applies()
        self._end_shorts()
        return [values for values in self.out if values]

    def _opens(self, values: Values) -> None:
        self.count += 1
        if self.count > MAX_LAYERS:
            raise TransformationError(f"The transformation has more than {MAX_LAYERS} layers")
        self.open.append(len(self.out) - 1)
        if LAYER_APPLY in values.get(FLAG.key, ()):
            self.open.pop()
            self._shorten(len(self.out) - 1)

    def _applies(self) -> None:
        begun = self.open.pop() if self.open else None
        if begun is None:
            raise TransformationError("No layer is open for fl_layer_apply", part="fl_layer_apply")
        if _left_out(self.out[begun]):
            del self.out[begun:]

    def _end_shorts(self) -> None:
        """Layers of this part of the chain that nothing ended: each stands in one component."""
        while self.open and (begun := self.open[-1]) is not None:
            self.open.pop()
            self._shorten(begun)

    def _shorten(self, begun: int) -> None:
        values = self.out[begun]
        if _left_out(values):
            values.clear()
            return
        flags = values.pop(FLAG.key, frozenset())
        placing = {flag for flag in flags if flag.name in _PLACING_FLAGS}
        place: Values = {key: values.pop(key) for key in _PLACING if key in values}
        place[FLAG.key] = frozenset(placing | {LAYER_APPLY})
        effect = values.get(EFFECT.key)
        if isinstance(effect, Effect) and EFFECTS[effect.name].layers_only:
            place[EFFECT.key] = values.pop(EFFECT.key)
        if remaining := flags - placing - {LAYER_APPLY}:
            values[FLAG.key] = remaining
        self.out.insert(begun + 1, place)


def _left_out(values: Values) -> bool:
    return any(values.get(key) is LEFT_OUT for key in (OVERLAY.key, UNDERLAY.key))

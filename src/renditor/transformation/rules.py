"""What the parameters of one component mean for each other: what is refused together, and what can have no effect.

Links from elsewhere carry parameters that do nothing where they stand (``x`` without a region, a gravity while
scaling). They are left out of the canonical form, so that equal pictures have equal names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from renditor.transformation.effects import EFFECTS
from renditor.transformation.expressions import Deferred
from renditor.transformation.faults import TransformationError
from renditor.transformation.flags import WITHOUT_EFFECT
from renditor.transformation.operations import BY_KEY, EFFECT, FLAG, GRAVITY, ORDER, OVERLAY, UNDERLAY
from renditor.transformation.values import Flag

_PADDING = frozenset({"pad", "lpad", "mpad", "fill_pad", "auto_pad"})
_CUTTING = frozenset({"crop", "fill", "lfill", "fill_pad", "thumb", "auto", "auto_pad"})
# Modes that look for the best part by themselves: there the middle has to be asked for.
_AUTO = frozenset({"auto", "auto_pad", "fill_pad"})
LAYER_APPLY = Flag("layer_apply")

# The message is Cloudinary's own, word for word: programs look for it.
_AUTO_GRAVITY = "Use auto gravity only with crop, fill, lfill, fill_pad or thumb"


def settled(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """The parameters of a component in their order, without those that cannot have an effect.

    Raises:
        TransformationError: they contradict each other.
    """
    gravity, mode = values.get(GRAVITY.key), values.get("c", "scale")
    if isinstance(gravity, str) and gravity.partition(":")[0] == "auto" and mode not in _CUTTING:
        raise TransformationError(_AUTO_GRAVITY, part=f"g_{gravity}")
    values = _effective_words(values)
    kept = {key: value for key, value in values.items() if _counts(key, values)}
    pairs = (
        (key, value)
        for key, value in kept.items()
        if BY_KEY[key].neutral != value or BY_KEY[key].neutral_unless & kept.keys() or (key == "g" and mode in _AUTO)
    )
    return tuple(sorted(pairs, key=lambda pair: ORDER[pair[0]]))


def _effective_words(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without flags for what happens anyway, and without ways to blend a layer where none is placed."""
    changed = dict(values)
    flags = values.get(FLAG.key)
    if flags:
        changed[FLAG.key] = frozenset(flag for flag in flags if flag.name not in WITHOUT_EFFECT)
    effect = values.get(EFFECT.key)
    blends = effect is not None and not isinstance(effect, Deferred) and EFFECTS[effect.name].layers_only
    if blends and not _places(values):
        del changed[EFFECT.key]
    return changed


def _places(values: Mapping[str, Any]) -> bool:
    """Whether a layer is placed here."""
    return LAYER_APPLY in values.get(FLAG.key, ())


def _counts(key: str, values: Mapping[str, Any]) -> bool:
    if key not in _NEEDS or _places(values) or values.keys() & {OVERLAY.key, UNDERLAY.key}:
        return True
    effect = values.get(EFFECT.key)
    if isinstance(effect, Deferred) or (effect is not None and key in EFFECTS[effect.name].uses):
        return True
    return _NEEDS[key](values)


def _mode(values: Mapping[str, Any]) -> str:
    mode: str = values.get("c", "scale")
    return mode


def _offset_counts(values: Mapping[str, Any]) -> bool:
    gravity = values.get(GRAVITY.key)
    at_point = gravity == "xy_center" or isinstance(gravity, Deferred)
    return _mode(values) in _PADDING | {"crop", "thumb"} or (at_point and _mode(values) in _CUTTING)


_NEEDS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "ar": lambda values: not {"w", "h"} <= values.keys(),
    "co": lambda _: False,
    "dpr": lambda values: bool(values.keys() & {"w", "h", "ar", "bo", "r"}),
    "g": lambda values: _mode(values) in _CUTTING | _PADDING,
    "p": lambda _: False,
    "x": _offset_counts,
    "y": _offset_counts,
    "z": lambda values: _mode(values) in {"crop", "thumb", "auto", "auto_pad"},
}

"""The chain of a transformation, walked component by component: what each meets, and what it makes. Pure.

One walk serves two canvases: the ``Sketch`` below, which knows sizes only (for admission and the choice of a format,
before anything is decoded), and the pixels of ``operations``. So the plan and the result cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, cos, radians, sin
from typing import Protocol

from renditor.errors import InvalidTransformation
from renditor.images.insight import NOTHING_KNOWN, Insight
from renditor.images.pipeline import carry
from renditor.images.pipeline.geometry import Box, Geometry, Size, pixels, rounded
from renditor.images.pipeline.lettering import beside_text
from renditor.images.pipeline.modes import plan
from renditor.images.pipeline.placement import Placement, placement
from renditor.images.pipeline.regions import offset
from renditor.transformation import Component, Transformation
from renditor.transformation.effects import EFFECTS, Effect
from renditor.transformation.expressions import Facts
from renditor.transformation.layers import Layer, TextLayer
from renditor.transformation.operations import (
    ANGLE,
    ASPECT_RATIO,
    BACKGROUND,
    BORDER,
    DPR,
    EFFECT,
    FLAG,
    GRAVITY,
    HEIGHT,
    OPACITY,
    OVERLAY,
    RADIUS,
    UNDERLAY,
    WIDTH,
    X,
    Y,
)
from renditor.transformation.unfold import settle
from renditor.transformation.values import Turn

_STILL = Turn()
_UPWARDS = {"auto_right": Turn(degrees=90), "auto_left": Turn(degrees=270)}
_OPENING = frozenset({OVERLAY.key, UNDERLAY.key})
_PLACING = frozenset({GRAVITY.key, X.key, Y.key})
_PAINTING = frozenset({BACKGROUND.key, BORDER.key, EFFECT.key, OPACITY.key, RADIUS.key})
_GROWING = frozenset({"shadow", "outline"})


@dataclass(frozen=True, slots=True)
class Stage:
    """One component, planned.

    ``source`` and ``insight``: the picture that enters. Then, in this order: ``before`` turns it, ``geometry`` resizes
    it, ``effect`` changes it, ``border`` px are drawn around it, ``after`` turns it.
    """

    component: Component
    source: Size
    insight: Insight
    geometry: Geometry
    effect: Effect | None = None
    border: int = 0
    before: Turn = _STILL
    after: Turn = _STILL

    @property
    def seen(self) -> Insight:
        """What is known of the picture after ``geometry``."""
        return self._seen(self.geometry)

    @property
    def seen_without_room(self) -> Insight:
        """The same, before it was placed on its canvas."""
        return self._seen(replace(self.geometry, canvas=None))

    def _seen(self, geometry: Geometry) -> Insight:
        upright = around(self.source, self.before)
        return carry.through(carry.turned(self.insight, self.source, self.before, upright), upright, geometry)

    @property
    def paints(self) -> bool:
        """Whether pixels become others, beyond being cut, scaled, placed and turned."""
        return any(key in _PAINTING for key, _ in self.component.parameters)

    @property
    def resizes(self) -> bool:
        geometry = self.geometry
        return geometry != Geometry(scaled=self.source) or self.before != _STILL


class Canvas(Protocol):
    """What a walk works on."""

    @property
    def size(self) -> Size: ...

    def work(self, stage: Stage) -> Box | None:
        """Do what the stage says. Returns what ``e_trim`` left of the resized picture, where it is known."""
        ...

    def opened(self, component: Component, layer: Layer) -> tuple[Canvas, Insight]:
        """A canvas with the layer's picture, and what is known about it."""
        ...

    def place(self, layer: Canvas, component: Component, found: Placement, *, under: bool) -> None:
        """Put the finished layer where ``found`` says."""
        ...


@dataclass(slots=True)
class _Level:
    """The picture at hand, and the layer that it is; None for the base."""

    canvas: Canvas
    insight: Insight
    under: bool = False


def walk(
    canvas: Canvas, transformation: Transformation, facts: Facts, insight: Insight = NOTHING_KNOWN
) -> Transformation:
    """Do the whole chain on ``canvas``.

    Args:
        canvas: with the original, upright.
        transformation: the chain, presets resolved.
        facts: what expressions may name of the original.
        insight: what is known about the original.

    Returns:
        The chain as it was decided: variables and conditions have become what they came to for this picture.

    Raises:
        InvalidTransformation: something in it cannot be done to this picture.
    """
    levels = [_Level(canvas, insight)]

    def done(component: Component, _: tuple[int, int]) -> tuple[int, int]:
        _take(levels, component)
        size = levels[-1].canvas.size
        return size.width, size.height

    return settle(transformation, facts, done)


def results(
    source: Size,
    transformation: Transformation,
    insight: Insight = NOTHING_KNOWN,
    *,
    facts: Facts | None = None,
    measure: Measure | None = None,
) -> list[Size]:
    """The size after each component, of the picture or of the layer that is open, the result last; without components
    the size of the source.

    Exact, except where only pixels know: after ``e_trim``, ``e_shadow`` and ``e_outline`` a size is the largest there
    can be.

    Args:
        source: the original, upright.
        transformation: the chain, presets resolved.
        insight: what is known about the original.
        facts: what expressions may name, where that is more than size and faces.
        measure: sizes of layers; without it a layer counts as large as the original.

    Raises:
        InvalidTransformation: something in it cannot be done to a picture of that size.
    """
    sketch = Sketch(source, measure or (lambda *_: (source, NOTHING_KNOWN)))
    walk(sketch, transformation, facts or facts_of(source, insight), insight)
    return sketch.made or [source]


def decided(source: Size, transformation: Transformation, insight: Insight, facts: Facts) -> Transformation:
    """The chain with everything decided; a layer counts as large as the original. Arguments and errors: ``results``."""
    return walk(Sketch(source, lambda *_: (source, NOTHING_KNOWN)), transformation, facts, insight)


def check_media(transformation: Transformation) -> None:
    """Raises: InvalidTransformation: it names something that pictures do not have, such as ``so_`` or ``sp_``."""
    for component in transformation:
        for operation in component.operations:
            if "image" not in operation.media:
                raise InvalidTransformation(f"{operation.key}_ ({operation.name}) applies to video only")


def facts_of(source: Size, insight: Insight, *, pages: int = 1, tags: frozenset[str] = frozenset()) -> Facts:
    """What expressions may name of an original of that size (px)."""
    return Facts(source.width, source.height, len(insight.faces or ()), pages, tags)


# The size of a layer's picture as it is opened, and what is known about it.
Measure = Callable[[Component, Layer], tuple[Size, Insight]]


@dataclass(slots=True)
class Sketch:
    """A canvas of sizes. ``made``: those of all results so far, layers included; ``stages``: what led to them.

    ``of_layers``: those results that belong to layers. They are made once, however many frames the picture has.
    """

    size: Size
    measure: Measure
    made: list[Size] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    of_layers: list[Size] = field(default_factory=list)
    layered: bool = False
    _is_layer: bool = False

    def work(self, stage: Stage) -> Box | None:
        """See ``Canvas.work``."""
        size = _most(stage.geometry.result, stage)
        size = Size(size.width + 2 * stage.border, size.height + 2 * stage.border)
        self._becomes(around(size, stage.after))
        self.stages.append(stage)
        return None

    def opened(self, component: Component, layer: Layer) -> tuple[Sketch, Insight]:
        size, insight = self.measure(component, layer)
        canvas = Sketch(size, self.measure, self.made, of_layers=self.of_layers, _is_layer=True)
        canvas._becomes(size)
        return canvas, insight

    def place(self, layer: Canvas, component: Component, found: Placement, *, under: bool) -> None:
        """See ``Canvas.place``."""
        del layer, component, under
        self._becomes(found.canvas)
        self.layered = True

    def _becomes(self, size: Size) -> None:
        self.size = size
        self.made.append(size)
        if self._is_layer:
            self.of_layers.append(size)


def around(size: Size, turn: Turn) -> Size:
    """The box around a turned picture."""
    if turn.degrees % 180 == 0:
        return size
    if turn.degrees % 90 == 0:
        return size.turned()
    across, down = abs(cos(radians(turn.degrees))), abs(sin(radians(turn.degrees)))
    return Size(ceil(size.width * across + size.height * down), ceil(size.width * down + size.height * across))


def _take(levels: list[_Level], component: Component) -> None:
    """One step of the walk: into a layer, on, or out of it."""
    overlay, underlay = component.get(OVERLAY), component.get(UNDERLAY)
    layer = underlay if overlay is None else overlay
    below = levels[-2] if len(levels) > 1 else None
    if layer is not None:
        below = levels[-1]
        canvas, insight = below.canvas.opened(component, layer)
        levels.append(_Level(canvas, insight, under=overlay is None))
        rest = beside_text(component, layer) if isinstance(layer, TextLayer) else component
        _work(levels[-1], _without(rest, _OPENING), below)
    elif below is not None and _has_flag(component, "layer_apply"):
        effect = component.get(EFFECT)
        blends = effect is not None and EFFECTS[effect.name].layers_only
        _work(levels[-1], _without(component, _PLACING | {EFFECT.key} if blends else _PLACING), below)
        _place(below, levels.pop(), component)
    else:
        _work(levels[-1], component, below)


def _work(level: _Level, component: Component, below: _Level | None) -> None:
    stage = staged(level.canvas.size, component, level.insight, _measured_by(component, below))
    trimmed = level.canvas.work(stage)
    known = carry.cut(stage.seen, stage.geometry.result, trimmed)
    result, width = (trimmed.size if trimmed else stage.geometry.result), stage.border
    framed = Size(result.width + 2 * width, result.height + 2 * width)
    known = carry.placed(known, result, framed, (width, width))
    level.insight = carry.turned(known, framed, stage.after, level.canvas.size)


def _place(base: _Level, layer: _Level, component: Component) -> None:
    size = base.canvas.size
    found = placement(size, layer.canvas.size, component, base.insight)
    base.canvas.place(layer.canvas, component, found, under=layer.under)
    base.insight = carry.placed(base.insight, size, found.canvas, found.base)


def _measured_by(component: Component, below: _Level | None) -> Size | None:
    """What shares in a layer's component are parts of: the picture below, its largest face, or (None) the layer."""
    if below is None:
        return None
    size = below.canvas.size
    if _has_flag(component, "region_relative"):
        for face in (below.insight.faces or ())[:1]:
            return Size(pixels(Fraction(face.width) * size.width), pixels(Fraction(face.height) * size.height))
        return size
    return size if _has_flag(component, "relative") else None


def staged(source: Size, component: Component, insight: Insight, base: Size | None = None) -> Stage:
    """The plan of one component.

    Args:
        source: size of the entering picture.
        component: concrete, and no layer.
        insight: what is known about the entering picture.
        base: what shares are parts of; None: the entering picture.

    Raises:
        InvalidTransformation: it cannot be done to a picture of that size.
    """
    effect, angle, border = component.get(EFFECT), component.get(ANGLE), component.get(BORDER)
    before = _upward(source, component, angle) if isinstance(angle, str) else _STILL
    upright = around(source, before)
    # x_10,y_10,w_50,h_50 beside e_blur_region say where the blur is, not how large the picture becomes.
    resizing = _without(component, EFFECTS[effect.name].uses) if effect else component
    return Stage(
        component=component,
        source=source,
        insight=insight,
        geometry=plan(upright, resizing, carry.turned(insight, source, before, upright), base=base),
        effect=effect,
        border=rounded(border.width * density(component)) if border else 0,
        before=before,
        after=angle if isinstance(angle, Turn) else _STILL,
    )


def density(component: Component) -> Fraction:
    """``dpr``: px of the result for each px of a border or a radius."""
    asked = component.get(DPR)
    return Fraction(asked) if isinstance(asked, Decimal) else Fraction(1)


def _upward(source: Size, component: Component, angle: str) -> Turn:
    """``auto_right``, ``auto_left``: a quarter turn where the picture lies and the box stands, or the other way."""
    width, height, ratio = component.get(WIDTH), component.get(HEIGHT), component.get(ASPECT_RATIO)
    if isinstance(width, int) and isinstance(height, int):
        ratio = Fraction(width, height)
    if angle not in _UPWARDS or ratio is None:
        return _STILL
    return _UPWARDS[angle] if (ratio - 1) * (source.width - source.height) < 0 else _STILL


def _most(size: Size, stage: Stage) -> Size:
    """The largest a picture can be after an effect that changes its size."""
    effect, longer = stage.effect, max(size.width, size.height)
    if effect is None or effect.name not in _GROWING:
        return size
    if effect.name == "shadow":
        given = offset(stage.component.get(X), size.width) or 0, offset(stage.component.get(Y), size.height) or 0
        room = min(max(map(abs, given)), longer) + longer // 20 + 4
    else:
        width, blur = (value for value in effect.arguments if isinstance(value, Decimal))
        room = ceil(width) + ceil(blur / 10) + 2
    return Size(size.width + 2 * room, size.height + 2 * room)


def _without(component: Component, keys: AbstractSet[str]) -> Component:
    return Component(tuple(pair for pair in component.parameters if pair[0] not in keys))


def _has_flag(component: Component, name: str) -> bool:
    return any(flag.name == name for flag in component.get(FLAG) or ())

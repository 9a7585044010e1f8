"""The steps: what one component does to the pixels of a picture, as a list. Runs inside a decoder only.

``walk`` says what each component meets; here it is done. A chain over an animation is walked once, on the first frame:
what is done there, down to the colours and edges found in its pixels, is kept as a list of acts and done to the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import cos, radians, sin

import pyvips

from renditor.images.codecs.loading import load_upright, resized
from renditor.images.effects import Look, apply, before_padding
from renditor.images.effects.shape import trim_box
from renditor.images.insight import Insight
from renditor.images.pipeline import looks
from renditor.images.pipeline.geometry import Box, Size
from renditor.images.pipeline.layers import Layers, lay
from renditor.images.pipeline.placement import Placement
from renditor.images.pipeline.regions import face_boxes, offset, region_asked
from renditor.images.pipeline.srgb import to_srgb
from renditor.images.pipeline.walk import Canvas, Stage, around, density
from renditor.transformation import Component
from renditor.transformation.layers import Layer, TextLayer
from renditor.transformation.looks import AutoBackground, Background, BlurredBackground
from renditor.transformation.operations import BACKGROUND, BORDER, COLOUR, EFFECT, OPACITY, RADIUS, X, Y
from renditor.transformation.values import TRANSPARENT, Colour, Turn

_QUARTERS = {90: "d90", 180: "d180", 270: "d270"}
# Effects for one px at a time: they give the same picture before and after scaling, so the loader may scale first.
_POINTWISE = frozenset(
    {"grayscale", "sepia", "negate", "brightness", "contrast", "saturation", "hue", "gamma", "red", "green", "blue"}
)
# Effects on the outline of a picture: they come after the room around it. All others leave that room as it is.
_OUTLINING = frozenset({"trim", "shadow", "outline", "gradient_fade"})

Act = Callable[[pyvips.Image], pyvips.Image]
Load = Callable[[Size | None], pyvips.Image]


@dataclass(slots=True)
class Pixels:
    """A canvas with a picture: ``walk`` works on it.

    Args:
        size: of the picture, upright; before it is loaded, of the original.
        load: gives the picture, scaled down to a size or as it is. Called once, when the first size is known.
        layers: the pictures and texts that may be laid on it.
    """

    size: Size
    load: Load
    layers: Layers
    acts: list[Act] = field(default_factory=list)
    _image: pyvips.Image | None = None
    _waiting: list[Act] = field(default_factory=list)

    @property
    def image(self) -> pyvips.Image:
        """The picture so far."""
        return self._loaded(None)

    def do(self, act: Act) -> None:
        """Change the picture, and remember how."""
        self._image = act(self.image)
        self.acts.append(act)
        self.size = Size(self._image.width, self._image.height)

    def settled(self) -> pyvips.Image:
        """The picture in memory, for steps that look at its pixels: a loader gives rows once."""
        self._image = self.image.copy_memory()
        return self._image

    def work(self, stage: Stage) -> Box | None:
        """See ``Canvas.work``."""
        work = _Work(self, stage)
        if self._image is None:
            if not stage.resizes and not stage.paints and stage.after == Turn():
                return None  # f_auto,q_auto: the next component may still tell the loader its size
            if _waits(stage) and stage.effect:
                self._waiting.append(partial(apply, effect=stage.effect, look=Look()))
                return None
            at_once = stage.resizes and stage.geometry.region is None and stage.before == Turn()
            self._loaded(stage.geometry.scaled if at_once else None)
        for step in STEPS:
            act = step(work)
            if act is not None:
                self.do(act)
        return work.trimmed

    def opened(self, component: Component, layer: Layer) -> tuple[Canvas, Insight]:
        """See ``Canvas.opened``."""
        size, insight = self.layers.measure(component, layer)
        if isinstance(layer, TextLayer):
            drawn = self.layers.text(layer, component)
            return Pixels(size, lambda _: drawn, self.layers), insight
        file = self.layers.file(layer)
        return Pixels(size, lambda target: load_upright(file.source, file.info, target), self.layers), insight

    def place(self, layer: Canvas, component: Component, found: Placement, *, under: bool) -> None:
        """See ``Canvas.place``."""
        assert isinstance(layer, Pixels)  # noqa: S101 - what ``opened`` gave
        self.do(partial(lay, layer=layer.settled(), found=found, component=component, under=under))

    def _loaded(self, target: Size | None) -> pyvips.Image:
        if self._image is None:
            self._image = to_srgb(self.load(target))
            for act in self._waiting:
                self._image = act(self._image)
            self.acts = [*self._waiting]
            self.size = _size(self._image)
        return self._image


@dataclass(slots=True)
class _Work:
    """One component at work. ``behind``: the colour that b comes to; ``trimmed``: what e_trim left."""

    canvas: Pixels
    stage: Stage
    trimmed: Box | None = None
    _behind: Colour | None = None

    @property
    def component(self) -> Component:
        return self.stage.component

    @property
    def background(self) -> Background | None:
        return self.component.get(BACKGROUND)

    @property
    def behind(self) -> Colour | None:
        """The colour of b; looked for in the picture once, where it says so. None for a gradient."""
        wanted = self.background
        if isinstance(wanted, AutoBackground):
            if self._behind is None and not wanted.gradient:
                (self._behind,) = looks.found_colours(self.canvas.settled(), wanted, self.canvas.size)
            return self._behind
        return wanted if isinstance(wanted, Colour) else None


def turn_up(work: _Work) -> Act | None:
    """a_auto_right, a_auto_left: a quarter turn before the picture is resized."""
    return None if work.stage.before == Turn() else partial(_turned, turn=work.stage.before, corners=TRANSPARENT)


def cut_region(work: _Work) -> Act | None:
    """c_crop: a region of the entering picture."""
    return _cutting(work.stage.geometry.region)


def scale(work: _Work) -> Act | None:
    """To the planned size. Nothing is left to do when the loader already came down to it."""
    size = work.stage.geometry.scaled
    return None if _size(work.canvas.image) == size else partial(resized, size=size)


def cut_window(work: _Work) -> Act | None:
    """c_fill: what lies inside the box."""
    return _cutting(work.stage.geometry.window)


def change(work: _Work) -> Act | None:
    """e: the resized picture, before any room is added around it."""
    effect = work.stage.effect
    if effect is None or (effect.name in _OUTLINING and not before_padding(effect)):
        return None
    return partial(apply, effect=effect, look=_look(work, work.stage.seen_without_room))


def fade(work: _Work) -> Act | None:
    """o: all of it more transparent."""
    percent = work.component.get(OPACITY)
    return None if percent is None else partial(looks.opacity, percent=percent)


def lay_on_background(work: _Work) -> Act | None:
    """b: a colour or gradient behind the transparent parts."""
    seen_through = work.stage.geometry.canvas is None and work.canvas.image.hasalpha()
    if seen_through and (filling := _gradient(work, work.canvas.size, (0, 0))):
        return filling
    return None if work.behind is None else partial(looks.laid_on, colour=work.behind)


def add_room(work: _Work) -> Act | None:
    """c_pad: room around the picture, in the colours of b or with the picture itself, blurred."""
    geometry = work.stage.geometry
    if geometry.canvas is None:
        return None
    if filling := _gradient(work, geometry.canvas, geometry.offset):
        return filling
    if isinstance(work.background, BlurredBackground):
        return partial(_on_blurred, canvas=geometry.canvas, offset=geometry.offset, wanted=work.background)
    return partial(looks.on_canvas, canvas=geometry.canvas, offset=geometry.offset, colour=work.behind or TRANSPARENT)


def outline(work: _Work) -> Act | None:
    """e_trim, e_shadow, e_outline, e_gradient_fade: what works from the edges of the picture. What it made transparent
    shows b."""
    effect = work.stage.effect
    if effect is None or effect.name not in _OUTLINING or before_padding(effect):
        return None
    if effect.name == "trim":
        work.trimmed = trim_box(work.canvas.settled(), *effect.arguments)  # type: ignore[arg-type]  # as its row of the table says
        return _cutting(work.trimmed)
    look, beside = _look(work, work.stage.seen), work.behind

    def act(image: pyvips.Image) -> pyvips.Image:
        image = apply(image, effect, look)
        return image if beside is None else looks.laid_on(image, beside)

    return act


def frame(work: _Work) -> Act | None:
    """r and bo: rounded corners, and a line around them. Where b was not needed for padding, it shows beside them."""
    radius, border = work.component.get(RADIUS), work.component.get(BORDER)
    size = _size(work.canvas.image)
    corners = looks.radii(radius, size, float(density(work.component))) if radius else None
    mask = looks.corner_mask(size, corners) if corners else None
    if mask is None and border is None:
        return None
    beside = work.behind if mask is not None and work.stage.geometry.canvas is None else None

    def act(image: pyvips.Image) -> pyvips.Image:
        if mask is not None:
            image = looks.corners_cut(image, mask)
        if border is not None:
            image = looks.bordered(image, border, work.stage.border, corners)
        return image if beside is None else looks.laid_on(image, beside)

    return act


def turn(work: _Work) -> Act | None:
    """a: mirror, then turn clockwise; corners in the colour of b."""
    wanted = work.stage.after
    return None if wanted == Turn() else partial(_turned, turn=wanted, corners=work.behind or TRANSPARENT)


Step = Callable[[_Work], Act | None]

# Within one component, in this order whatever the order in the URL. Effects act on the resized picture and leave the
# padding alone; corners and borders are those of the padded picture; turns come last.
STEPS: tuple[Step, ...] = (
    turn_up,
    cut_region,
    scale,
    cut_window,
    change,
    fade,
    lay_on_background,
    add_room,
    outline,
    frame,
    turn,
)


def _waits(stage: Stage) -> bool:
    """True for an effect alone that may as well be done after the picture has been made smaller."""
    alone = all(key == EFFECT.key for key, _ in stage.component.parameters)
    return alone and stage.effect is not None and stage.effect.name in _POINTWISE


def _look(work: _Work, insight: Insight) -> Look:
    component, size = work.component, _size(work.canvas.image)
    return Look(
        colour=component.get(COLOUR),
        box=region_asked(component, size, insight),
        faces=face_boxes(insight, size),
        x=offset(component.get(X), size.width),
        y=offset(component.get(Y), size.height),
    )


def _cutting(box: Box | None) -> Act | None:
    if box is None:
        return None
    return lambda image: image.crop(box.left, box.top, box.width, box.height)


def _gradient(work: _Work, canvas: Size, offset: tuple[int, int]) -> Act | None:
    """The picture on a gradient of colours found in it, where b says so. Another frame gets the same colours."""
    wanted = work.background
    if not isinstance(wanted, AutoBackground) or not wanted.gradient:
        return None
    image = work.canvas.settled()
    direction = looks.direction_of(image, wanted, canvas)
    below = looks.gradient_behind(canvas, looks.found_colours(image, wanted, canvas), direction)
    return partial(looks.laid_over, below=below.copy_memory(), offset=offset)


def _on_blurred(image: pyvips.Image, canvas: Size, offset: tuple[int, int], wanted: BlurredBackground) -> pyvips.Image:
    image = image.copy_memory()
    return looks.laid_over(image, looks.blurred_behind(image, canvas, wanted), offset)


def _turned(image: pyvips.Image, turn: Turn, corners: Colour) -> pyvips.Image:
    if turn.mirrored:
        image = image.fliphor()
    if not turn.degrees:
        return image
    image = image.copy_memory()  # turning reads columns; the loader gives rows, once
    if turn.degrees in _QUARTERS:
        return image.rot(_QUARTERS[turn.degrees])
    box = around(_size(image), turn)
    across, down = cos(radians(turn.degrees)), sin(radians(turn.degrees))
    # The middle of the picture comes to the middle of the box. Whole numbers are the middles of px.
    x, y = (image.width - 1) / 2, (image.height - 1) / 2
    image, background = looks.filled_with(image, corners)
    return image.affine(
        [across, -down, down, across],
        odx=(box.width - 1) / 2 - (across * x - down * y),
        ody=(box.height - 1) / 2 - (down * x + across * y),
        oarea=[0, 0, box.width, box.height],
        interpolate=pyvips.Interpolate.new("bicubic"),
        background=background,
        extend="background",
    )


def _size(image: pyvips.Image) -> Size:
    return Size(image.width, image.height)

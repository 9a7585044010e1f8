"""Layers: the pictures and texts that a transformation lays over or under a picture. Runs inside a decoder only.

Where they stand is decided in ``placement``, when they are worked on in ``walk``; here are their files, their texts,
and the laying.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

import pyvips

from renditor.errors import InvalidTransformation
from renditor.images.base import ImageInfo, missing_layer
from renditor.images.insight import NOTHING_KNOWN, Insight
from renditor.images.pipeline import text
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.lettering import text_look
from renditor.images.pipeline.placement import Corner, Placement
from renditor.transformation import Component
from renditor.transformation.faults import unsupported
from renditor.transformation.layers import NOT_PICTURES, ImageLayer, Layer, TextLayer
from renditor.transformation.operations import EFFECT, FLAG

# Effects that say how a layer meets what is below it, by libvips' name of the mode; the others are laid over it.
_BLENDS = {"multiply": "multiply", "screen": "screen", "overlay": "overlay"}


@dataclass(frozen=True, slots=True)
class LayerFile:
    """An open picture. ``source``: its descriptor."""

    source: int
    info: ImageInfo
    insight: Insight = NOTHING_KNOWN


@dataclass(slots=True)
class Layers:
    """All that the layers of one request are made of: files by public id, and texts, each drawn once."""

    files: Mapping[str, LayerFile] = field(default_factory=dict)
    _texts: dict[tuple[TextLayer, Component], pyvips.Image] = field(default_factory=dict)

    def file(self, layer: Layer) -> LayerFile:
        """The file of a layer that is no text.

        Raises:
            NotFound: nobody gave that file.
            InvalidTransformation: a kind of layer that is not made here.
        """
        if not isinstance(layer, ImageLayer):
            raise unsupported(NOT_PICTURES[type(layer)])
        if layer.public_id not in self.files:
            raise missing_layer(layer.public_id)
        return self.files[layer.public_id]

    def text(self, layer: TextLayer, component: Component) -> pyvips.Image:
        """The text as the component that opens it wants it.

        Raises:
            InvalidTransformation: see ``text.draw``.
        """
        if isinstance(layer.style, str):
            raise InvalidTransformation(
                f"Unsupported text style {layer.style} in l_text", hint="Write font and size: l_text:Arial_40:..."
            )
        if (layer, component) not in self._texts:
            drawn = text.draw(layer.text, layer.style, text_look(component, layer.style))
            self._texts[layer, component] = drawn.copy_memory()
        return self._texts[layer, component]

    def measure(self, component: Component, layer: Layer) -> tuple[Size, Insight]:
        """How large the layer is as ``component`` opens it, and what is known about it. Raises: as the two above."""
        if isinstance(layer, TextLayer):
            drawn = self.text(layer, component)
            return Size(drawn.width, drawn.height), NOTHING_KNOWN
        file = self.file(layer)
        return Size(file.info.width, file.info.height), file.insight


def lay(
    base: pyvips.Image, layer: pyvips.Image, found: Placement, component: Component, *, under: bool = False
) -> pyvips.Image:
    """One picture over the other, or under it.

    Args:
        base: sRGB, 8 bits, as the layer; either may have alpha.
        layer: in memory where it stands in several places.
        found: where both stand.
        component: the one that places the layer: ``e`` blends, ``fl_cutter`` cuts with it, and
            ``fl_replace_image`` leaves nothing else.
        under: the layer goes below.

    Returns:
        A picture of the size of the canvas; with alpha if there is anything to see through.
    """
    if _has_flag(component, "replace_image"):
        return layer
    effect = component.get(EFFECT)
    layer = _with_alpha(layer)
    opaque = not base.hasalpha() and found.canvas == Size(base.width, base.height)
    below = base if opaque else _on_canvas(_with_alpha(base), found.base, found.canvas)
    if effect is not None and effect.name == "mask":
        return _cut(below, _lightness(_sheet(layer, found)))
    if _has_flag(component, "cutter"):
        return _cut(below, _sheet(layer, found)[3])
    blend = _BLENDS.get(effect.name, "over") if effect else "over"
    if under:
        laid = _sheet(layer, found).composite2(below, blend)
    elif len(found.layers) == 1 and not found.tiled:
        left, top = found.layers[0]
        laid = below.composite2(layer, blend, x=left, y=top)
    else:
        laid = below.composite2(_sheet(layer, found), blend)
    laid = laid.cast("uchar")
    return laid[:3] if opaque else laid


def _sheet(layer: pyvips.Image, found: Placement) -> pyvips.Image:
    """The layer wherever it stands, on a transparent canvas."""
    canvas = found.canvas
    if found.tiled:
        across, down = ceil(canvas.width / layer.width), ceil(canvas.height / layer.height)
        return layer.replicate(across, down).crop(0, 0, canvas.width, canvas.height)
    sheet = _on_canvas(layer, found.layers[0], canvas)
    for left, top in found.layers[1:]:
        sheet = sheet.composite2(layer, "over", x=left, y=top).cast("uchar")
    return sheet


def _on_canvas(image: pyvips.Image, corner: Corner, canvas: Size) -> pyvips.Image:
    left, top = corner
    if corner == (0, 0) and (image.width, image.height) == (canvas.width, canvas.height):
        return image
    if not (-image.width < left < canvas.width and -image.height < top < canvas.height):
        # Nothing of it is seen: libvips refuses to embed that.
        return pyvips.Image.black(canvas.width, canvas.height, bands=image.bands).copy(interpretation="srgb")
    return image.embed(left, top, canvas.width, canvas.height)


def _cut(below: pyvips.Image, stays: pyvips.Image) -> pyvips.Image:
    """``stays``: how much of each px stays to be seen, 0-255."""
    below = _with_alpha(below)
    return below[:3].bandjoin((below[3] * stays / 255).rint().cast("uchar"))


def _lightness(sheet: pyvips.Image) -> pyvips.Image:
    """White lets through, black and transparent px do not."""
    return (sheet[:3].colourspace("b-w")[0] * sheet[3] / 255).rint().cast("uchar")


def _with_alpha(image: pyvips.Image) -> pyvips.Image:
    return image if image.hasalpha() else image.addalpha()


def _has_flag(component: Component, name: str) -> bool:
    return any(flag.name == name for flag in component.get(FLAG) or ())

"""What the component that opens a text says about its letters, and what it leaves to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from renditor.transformation import Component
from renditor.transformation.layers import TextLayer, TextStyle
from renditor.transformation.looks import Border
from renditor.transformation.operations import BORDER, COLOUR, CROP, FLAG, HEIGHT, WIDTH
from renditor.transformation.values import BLACK, Colour

# Crop modes that break the lines of a text at the width, instead of scaling its letters.
_BREAKING = ("fit", "limit")


@dataclass(frozen=True, slots=True)
class TextLook:
    """What a component adds to the style of a text.

    ``width``: px at which lines break. ``height``: px; lines that do not fit are left out, and end in an ellipsis.
    ``outline``: drawn around the letters. Letters fill the picture to its edges if ``trimmed``.
    """

    colour: Colour = BLACK
    width: int | None = None
    height: int | None = None
    outline: Border | None = None
    trimmed: bool = True


def text_look(component: Component, style: TextStyle) -> TextLook:
    """How ``component`` wants a text of that style. Its border goes around the letters if the style has a stroke."""
    breaks = (component.get(CROP) or "scale") in _BREAKING
    width, height = component.get(WIDTH), component.get(HEIGHT)
    room = width if breaks and isinstance(width, int) else None
    return TextLook(
        colour=component.get(COLOUR) or BLACK,
        width=room,
        height=height if room and isinstance(height, int) else None,
        outline=component.get(BORDER) if style.stroke else None,
        trimmed=all(flag.name != "text_no_trim" for flag in component.get(FLAG) or ()),
    )


def beside_text(component: Component, layer: TextLayer) -> Component:
    """What is left to do once the text has been drawn: its colour, its lines and its outline are."""
    used = {COLOUR.key}
    if isinstance(layer.style, TextStyle):
        look = text_look(component, layer.style)
        used |= {CROP.key, WIDTH.key, HEIGHT.key} if look.width else set()
        used |= {BORDER.key} if look.outline else set()
    return Component(tuple(pair for pair in component.parameters if pair[0] not in used))

"""Text as a picture: set by Pango in the fonts of ``images/fonts``, and in no other. Runs inside a decoder only.

What the user wrote is always text: it reaches Pango escaped, and fonts are named by the tables below alone.
"""

from __future__ import annotations

import os
from functools import cache
from html import escape
from math import ceil, cos, pi, sin, sqrt
from pathlib import Path

import pyvips

from renditor.errors import InvalidTransformation
from renditor.images.pipeline.lettering import TextLook
from renditor.transformation.layers import TextStyle
from renditor.transformation.values import Colour

_SETTINGS = Path(__file__).parents[1] / "fonts" / "fonts.conf"
_SANS, _SERIF, _MONO = "Liberation Sans", "Liberation Serif", "Liberation Mono"

# Fonts by the names that people ask for, in lower case: Liberation has the widths of Arial, Times New Roman and Courier
# New. Every other name means Sans.
FAMILIES = {
    **dict.fromkeys(
        ("times", "times new roman", "times_new_roman", "georgia", "palatino", "garamond", "serif", "tinos"), _SERIF
    ),
    **dict.fromkeys(("courier", "courier new", "consolas", "monaco", "menlo", "monospace", "cousine"), _MONO),
    **dict.fromkeys((_SERIF.lower(), "liberation_serif"), _SERIF),
    **dict.fromkeys((_MONO.lower(), "liberation_mono"), _MONO),
}

# Every font file, drawn with: cairo opens a file when it first needs it, and closes it once some 250 other sizes have
# been used since. A sealed process cannot open it again, so all are used before every text (0.2 ms).
_EVERY_FONT = "".join(
    f'<span font="{face} 12px">.</span>'
    for face in (
        _SANS, f"{_SANS} Bold", f"{_SANS} Italic", f"{_SANS} Bold Italic",
        _SERIF, f"{_SERIF} Bold", _MONO, f"{_MONO} Bold",
    )
)  # fmt: skip

# px that the letters of one text may cover: cairo draws all of it at once, at 4 bytes each, before its size is known.
MAX_AREA = 25_000_000
_MAX_OUTLINE = 100  # px; the work grows with width times area

_LOOSE = 1.4  # height of a line, and width of the widest common letter, in font sizes
_PADDING = 0.2  # what fl_text_no_trim leaves around the letters, in font sizes
_SMOOTH = 0.1  # px by which the steps around a letter may miss a circle
_PANGO_UNITS = 1024
# Of each font: how far its lines reach above and below the base line (table hhea of its file), in 1/2048 of its size.
_LINES = {_SANS: (1854, 434), _SERIF: (1825, 443), _MONO: (1705, 615)}
_ALIGNMENTS = {"left": "low", "center": "centre", "right": "high", "justify": "low"}
_DECORATIONS = {"none": "", "underline": ' underline="single"', "strikethrough": ' strikethrough="true"'}


def draw(text: str, style: TextStyle, look: TextLook) -> pyvips.Image:
    """The text on a transparent ground, sRGB with alpha, no larger than its letters.

    Raises:
        InvalidTransformation: no visible letter, or more than is drawn.
    """
    _check(text, style, look)
    mask = _mask(text, style, look)
    if look.height is not None and mask.height > look.height:
        mask = _shortened(text, style, look, look.height)
    outline = look.outline if look.outline and look.outline.width else None
    if outline:
        mask = _with_room(mask, outline.width)
    if not look.trimmed:
        mask = _with_room(mask, ceil(style.size * _PADDING))
    letters = _filled(mask, look.colour)
    if outline:
        letters = _filled(_widened(mask, outline.width), outline.colour).composite2(letters, "over").cast("uchar")
    return letters


@cache
def prepare_fonts() -> None:
    """Point fontconfig, which reads its settings once, at the fonts of this package, and open them.

    To be called before the process is sealed; the second call does nothing.
    """
    os.environ["FONTCONFIG_FILE"] = str(_SETTINGS)
    _keep_open()


def _keep_open() -> None:
    pyvips.Image.text(_EVERY_FONT, font=_SANS, dpi=72)


def description(style: TextStyle) -> str:
    """The font of a style, as Pango reads it: ``Liberation Sans Bold 12px``. Pure."""
    bold = " Bold" if style.weight == "bold" else ""
    italic = " Italic" if style.style == "italic" else ""
    return f"{_family(style)}{bold}{italic} {style.size}px"


def markup(text: str, style: TextStyle) -> str:
    """The text in Pango's markup, of which none is the user's. Pure."""
    spacing = round(style.letter_spacing * _PANGO_UNITS)
    attributes = f'letter_spacing="{spacing}"{_DECORATIONS[style.decoration]}'
    if style.line_spacing is not None:
        height = max(2, _line_height(style) + round(style.line_spacing)) * _PANGO_UNITS
        attributes += f' line_height="{height}"'
    return f"<span {attributes}>{escape(text)}</span>"


def _line_height(style: TextStyle) -> int:
    """px from one line to the next, as Pango has it: above and below the base line in whole px."""
    above, below = _LINES[_family(style)]
    return ceil(above * style.size / 2048) + ceil(below * style.size / 2048)


def _family(style: TextStyle) -> str:
    return FAMILIES.get(style.font.lower(), _SANS)


def _check(text: str, style: TextStyle, look: TextLook) -> None:
    """Refuse, before anything is drawn, what would take too much memory."""
    if look.outline and look.outline.width > _MAX_OUTLINE:
        raise InvalidTransformation(f"Outlines of letters are at most {_MAX_OUTLINE} px wide")
    lines = text.split("\n")
    across = style.size * _LOOSE + abs(float(style.letter_spacing))
    down = style.size * _LOOSE + max(0.0, float(style.line_spacing or 0))
    area = max(map(len, lines)) * across * len(lines) * down
    if look.width is not None:
        area = (len(text) * across + len(lines) * look.width) * down
    if area > MAX_AREA:
        raise InvalidTransformation(
            f"The text in letters of {style.size} px is too large", hint="Ask for a smaller font or a shorter text"
        )


def _mask(text: str, style: TextStyle, look: TextLook) -> pyvips.Image:
    """How much of each px the letters cover, 0-255."""
    prepare_fonts()
    _keep_open()
    options: dict[str, object] = {"width": look.width, "wrap": "word-char"} if look.width else {}
    try:
        mask = pyvips.Image.text(
            markup(text, style),
            font=description(style),
            dpi=72,
            align=_ALIGNMENTS[style.align],
            justify=style.align == "justify",
            **options,
        )
    except pyvips.Error as error:
        if "no text" in str(error):
            raise InvalidTransformation("The text has no visible letters") from None
        if "too big" in str(error):  # cairo's limit is 32 767 px a side
            raise InvalidTransformation(
                "The lines of the text are too long", hint="c_fit and a width break them"
            ) from None
        raise
    return mask


def _shortened(text: str, style: TextStyle, look: TextLook, height: int) -> pyvips.Image:
    """As much of the text as fits into the height; at least the ellipsis."""
    fits, too_long = 0, len(text)
    shortest = _mask("…", style, look)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        mask = _mask(text[:middle].rstrip() + "…", style, look)
        if mask.height <= height:
            fits, shortest = middle, mask
        else:
            too_long = middle
    return shortest


def _with_room(mask: pyvips.Image, room: int) -> pyvips.Image:
    """Some px more on every side."""
    return mask.embed(room, room, mask.width + 2 * room, mask.height + 2 * room)


def _widened(mask: pyvips.Image, width: int) -> pyvips.Image:
    """Each px takes the highest value within ``width`` px of it.

    Circle after circle, none larger than what the ones before have filled: so nothing stays open in between.
    """
    reach = 0
    while reach < width:
        step = min(max(1, reach), width - reach)
        mask = mask.copy_memory()
        directions = max(8, ceil(pi / sqrt(2 * _SMOOTH / step)))
        grown = mask
        for number in range(directions):
            angle = 2 * pi * number / directions
            left, top = round(step * cos(angle)), round(step * sin(angle))
            grown = grown.maxpair(mask.embed(left, top, mask.width, mask.height))
        mask = grown
        reach += step
    return mask.copy_memory()


def _filled(mask: pyvips.Image, colour: Colour) -> pyvips.Image:
    """The colour wherever the mask is."""
    plain = mask.new_from_image([colour.red, colour.green, colour.blue]).copy(interpretation="srgb")
    alpha = mask if colour.alpha == 255 else (mask * (colour.alpha / 255)).cast("uchar")
    return plain.bandjoin(alpha)

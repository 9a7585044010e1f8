"""Values of ``l_`` and ``u_``: what is laid over or under a picture.

l_logo          l_folder:logo          l_fetch:aHR0cHM6...       l_video:dog       l_subtitles:arial_20:talk.srt
l_text:Arial_80_bold:Hello%20world     l_text:Arial_40:$(name)   (commas and slashes of a text as %2C and %2F)
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, Protocol
from urllib.parse import unquote

from renditor.transformation.faults import NotMade
from renditor.transformation.kinds import DecimalKind, escape, unescape, write_decimal

# Longest text, in characters, and its size in px. A text is laid out anew for each request; 1000 characters of 1000 px
# are more than any picture holds.
MAX_TEXT = 1000
MAX_FONT_SIZE = 1000
# Longest URL of a fetched layer, in characters.
MAX_URL = 1000


@dataclass(frozen=True, slots=True)
class ImageLayer:
    """Another picture of the same tenant, by its public id (with slashes, where the URL has colons)."""

    public_id: str


@dataclass(frozen=True, slots=True)
class FetchLayer:
    """A picture by its URL."""

    url: str


@dataclass(frozen=True, slots=True)
class VideoLayer:
    """A video by its public id."""

    public_id: str


@dataclass(frozen=True, slots=True)
class SubtitlesLayer:
    """Subtitles by the public id of their file."""

    public_id: str
    font: str = ""


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a text is set. ``size``, spacings in px; a ``line_spacing`` of None is the font's own."""

    font: str
    size: int
    weight: Literal["normal", "bold", "light"] = "normal"
    style: Literal["normal", "italic"] = "normal"
    decoration: Literal["none", "underline", "strikethrough"] = "none"
    align: Literal["left", "center", "right", "justify"] = "left"
    stroke: bool = False
    letter_spacing: Decimal = Decimal(0)
    line_spacing: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TextLayer:
    """A text, decoded. ``style`` is a style of its own, or the public id of a text asset that has one."""

    style: TextStyle | str
    text: str


Layer = ImageLayer | FetchLayer | VideoLayer | SubtitlesLayer | TextLayer

# Layers that are read and not laid over pictures, by the name their 400 gives them.
NOT_PICTURES: Mapping[type[Layer], str] = {FetchLayer: "l_fetch", VideoLayer: "l_video", SubtitlesLayer: "l_subtitles"}


class _Chain(Protocol):
    @property
    def parameters(self) -> tuple[tuple[str, Any], ...]: ...


def layers_of(transformation: Iterable[_Chain]) -> tuple[Layer, ...]:
    """All layers that the transformation names, each once, in the order of the chain.

    Layers whose text or id holds a variable are not among them: ``unfold`` gives them their values.
    """
    named = (value for component in transformation for _, value in component.parameters if isinstance(value, Layer))
    return tuple(dict.fromkeys(named))


# How edges of letters are drawn is the engine's business: these are read and left out.
_DRAWING = re.compile(r"antialias_(none|gray|subpixel|fast|good|best)|hinting_(none|slight|medium|full)")
_STYLE = re.compile(r"(?P<font>[\w .\-]{1,100}?)_(?P<size>[0-9]{1,4})(?P<rest>(?:_[a-z0-9.\-]+)*)")
_SPACING = re.compile(r"(letter|line)_spacing_(-?[0-9.]{1,8})")
_OPTION = re.compile(rf"_(?:{_SPACING.pattern}|{_DRAWING.pattern}|[a-z]+)")
_PIXELS = DecimalKind(Decimal(-1000), Decimal(1000))


def read_style(text: str) -> TextStyle:
    """``Arial_80_bold_italic_center_letter_spacing_2``: a font, its size in px, and options in any order."""
    match = _STYLE.fullmatch(text)
    if not match or not 1 <= int(match["size"]) <= MAX_FONT_SIZE:
        raise ValueError(text)
    style = TextStyle(" ".join(match["font"].split()), int(match["size"]))
    rest, position = match["rest"], 0
    while position < len(rest):
        option = _OPTION.match(rest, position)
        if not option:
            raise ValueError(text)
        style = _with_option(style, option[0][1:])
        position = option.end()
    return style


_WORDS: dict[str, dict[str, str | bool]] = {
    "normal": {},
    "bold": {"weight": "bold"},
    "light": {"weight": "light"},
    "thin": {"weight": "light"},
    "italic": {"style": "italic"},
    "underline": {"decoration": "underline"},
    "strikethrough": {"decoration": "strikethrough"},
    "left": {"align": "left"},
    "start": {"align": "left"},
    "center": {"align": "center"},
    "right": {"align": "right"},
    "end": {"align": "right"},
    "justify": {"align": "justify"},
    "stroke": {"stroke": True},
}


def _with_option(style: TextStyle, option: str) -> TextStyle:
    spacing = _SPACING.fullmatch(option)
    if spacing:
        space = _PIXELS.read(spacing[2])
        return replace(style, letter_spacing=space) if spacing[1] == "letter" else replace(style, line_spacing=space)
    if option in _WORDS:
        return replace(style, **_WORDS[option])  # type: ignore[arg-type]  # the table has the values of the fields
    if _DRAWING.fullmatch(option):
        return style
    raise ValueError(option)


def write_style(style: TextStyle) -> str:
    parts = [style.font, str(style.size)]
    parts += [word for word in (style.weight, style.style, style.decoration) if word not in {"normal", "none"}]
    parts += [style.align] if style.align != "left" else []
    parts += ["stroke"] if style.stroke else []
    parts += [f"letter_spacing_{write_decimal(style.letter_spacing)}"] if style.letter_spacing else []
    parts += [] if style.line_spacing is None else [f"line_spacing_{write_decimal(style.line_spacing)}"]
    return "_".join(parts)


@dataclass(frozen=True, slots=True)
class LayerKind:
    expects: str = (
        "a public id (slashes as colons), text:<font>_<size>[_bold][_italic]...:<text>, fetch:<base64 of a URL>,"
        " video:<public id> or subtitles:<public id>"
    )

    # Line ends are set, other control characters and halves of surrogate pairs are not.
    _CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
    _ID = re.compile(r"[^\x00-\x1f\x7f\\$]{1,255}")
    # Kinds of layer that are something else than a picture of this server.
    _NOT_MADE = ("lut:", "private:", "authenticated:", "facebook:", "twitter:", "gravatar:")

    def read(self, text: str) -> Layer:
        kind, colon, rest = text.partition(":")
        if text.startswith(self._NOT_MADE):
            raise NotMade(text)
        if colon and kind == "text":
            return self._read_text(rest)
        if colon and kind == "fetch":
            return FetchLayer(self._read_url(rest))
        if colon and kind == "video":
            return VideoLayer(self._read_id(rest))
        if colon and kind == "subtitles":
            return self._read_subtitles(rest)
        return ImageLayer(self._read_id(rest if colon and kind == "image" else text))

    def _read_subtitles(self, text: str) -> SubtitlesLayer:
        font, colon, file = text.partition(":")
        try:
            style = write_style(read_style(unescape(font)))
        except ValueError:
            return SubtitlesLayer(self._read_id(text))
        return SubtitlesLayer(self._read_id(file if colon else text), style if colon else "")

    def _read_id(self, text: str) -> str:
        public_id = unescape(text).replace(":", "/")
        if not self._ID.fullmatch(public_id) or any(part in {"", ".", ".."} for part in public_id.split("/")):
            raise ValueError(text)
        return public_id

    @staticmethod
    def _read_url(text: str) -> str:
        raw = unquote(text).rstrip("=")
        try:
            url = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise ValueError(text) from None
        if not 1 <= len(url) <= MAX_URL or not url.isprintable():
            raise ValueError(text)
        return url

    def _read_text(self, rest: str) -> TextLayer:
        named, colon, raw = rest.partition(":")
        style = unescape(named)
        text = unescape(raw)
        if not style or len(text) > MAX_TEXT or self._CONTROL.search(text):
            raise ValueError(rest)
        if not colon or not text:
            return TextLayer(self._read_id(style), "")
        try:
            return TextLayer(read_style(style), text)
        except ValueError:
            if re.search(r"_[0-9]+(_|$)", style):  # a style that is misspelt, no public id
                raise
            return TextLayer(self._read_id(style), text)

    def write(self, value: Layer) -> str:
        if isinstance(value, TextLayer):
            style = value.style if isinstance(value.style, str) else write_style(value.style)
            return f"text:{escape(style).replace(':', '%3A')}" + (f":{escape(value.text)}" if value.text else "")
        if isinstance(value, FetchLayer):
            return "fetch:" + base64.urlsafe_b64encode(value.url.encode()).decode().rstrip("=")
        public_id = escape(value.public_id.replace("/", ":"))
        if isinstance(value, VideoLayer):
            return f"video:{public_id}"
        if isinstance(value, SubtitlesLayer):
            return f"subtitles:{value.font + ':' if value.font else ''}{public_id}"
        taken = public_id.startswith(("text:", "fetch:", "video:", "subtitles:", "image:", *self._NOT_MADE))
        return f"image:{public_id}" if taken else public_id

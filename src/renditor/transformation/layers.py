"""Values of ``l_`` and ``u_``: what is laid over or under a picture."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal


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

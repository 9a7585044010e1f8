"""Values that say how a picture looks: backgrounds, borders, corners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from renditor.transformation.values import Colour

AutoBackgroundStyle = Literal["border", "predominant", "border_contrast", "predominant_contrast"]


@dataclass(frozen=True, slots=True)
class AutoBackground:
    """A colour taken from the picture itself: from its edges (``border``, what plain ``auto`` means) or from all of it;
    ``_contrast`` takes one that stands out against it."""

    style: AutoBackgroundStyle = "border"


@dataclass(frozen=True, slots=True)
class BlurredBackground:
    """The picture itself, scaled to cover the canvas and blurred. ``strength`` 1-2000 as ``e_blur``; ``brightness``
    -200 to 200."""

    strength: int = 100
    brightness: int = 0


Background = Colour | AutoBackground | BlurredBackground


@dataclass(frozen=True, slots=True)
class Border:
    """A solid line around the picture, ``width`` px on each side, drawn outside of it."""

    width: int
    colour: Colour


@dataclass(frozen=True, slots=True)
class Radius:
    """Rounded corners in px: top left, top right, bottom right, bottom left. None: as round as it goes (``r_max``)."""

    corners: tuple[int | None, int | None, int | None, int | None]

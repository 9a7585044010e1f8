"""What an effect takes from the rest of its component."""

from __future__ import annotations

from dataclasses import dataclass

from renditor.images.pipeline.geometry import Box
from renditor.transformation.values import Colour


@dataclass(frozen=True, slots=True)
class Look:
    """The qualifiers of an effect, in px of the picture it is applied to.

    Args:
        colour: ``co``; None: the effect's own default.
        box: the place of ``blur_region`` and ``pixelate_region``, anywhere; None: the whole picture.
        faces: boxes around faces, anywhere; for ``blur_faces`` and ``pixelate_faces``.
        x, y: ``x`` and ``y``, shares turned into px; the sign is kept. None: not given.
    """

    colour: Colour | None = None
    box: Box | None = None
    faces: tuple[Box, ...] = ()
    x: int | None = None
    y: int | None = None

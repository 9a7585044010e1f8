"""The point that matters in a picture: its faces, else what draws the eye, else the middle."""

from __future__ import annotations

from collections.abc import Sequence

import pyvips

from renditor.images.insight import Face

Point = tuple[float, float]

CENTRE: Point = (0.5, 0.5)
# Faces smaller than this share of the largest are passers-by.
_PASSER_BY = 0.1
# px, the long side that is looked at.
_SIDE = 320
_LEAST_SIDE = 8
# Of 255, the standard deviation under which no colour stands out: a plain surface.
_PLAIN = 4.0


def focal_point(image: pyvips.Image, faces: Sequence[Face] | None = None) -> Point:
    """The point that a crop should keep, as shares of ``image`` (upright, sRGB, 8 bits).

    Faces count by area x score (their middle), passers-by do not count. Without faces it is the point libvips finds
    (edges, skin colour and saturation); where nothing stands out, the middle.
    """
    return of_faces(faces) if faces else _attention(image)


def of_faces(faces: Sequence[Face]) -> Point:
    """The middle of the faces, weighted by area x score. ``faces`` is not empty."""
    largest = max(face.width * face.height for face in faces)
    counted = [face for face in faces if face.width * face.height >= _PASSER_BY * largest]
    weights = [face.width * face.height * face.score for face in counted]
    total = sum(weights)
    x = sum(weight * (face.x + face.width / 2) for face, weight in zip(counted, weights, strict=True)) / total
    y = sum(weight * (face.y + face.height / 2) for face, weight in zip(counted, weights, strict=True)) / total
    return x, y


def _attention(image: pyvips.Image) -> Point:
    share = _SIDE / max(image.width, image.height)
    small = image.resize(share) if share < 1 else image
    if small.hasalpha():
        small = small.flatten(background=[255] * (small.bands - 1))
    small = small.colourspace("srgb").copy_memory()
    if min(small.width, small.height) < _LEAST_SIDE or max(band.deviate() for band in small.bandsplit()) < _PLAIN:
        return CENTRE
    # Any crop will do: the point is found on the whole picture, and is in px of it.
    _, at = small.smartcrop(
        max(1, small.width // 2), max(1, small.height // 2), interesting="attention", attention_x=True, attention_y=True
    )
    x, y = at["attention_x"] / small.width, at["attention_y"] / small.height
    return min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)

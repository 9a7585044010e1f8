"""Drawn faces that the detector takes for real ones: no photo of anybody has to be in the tests."""

from __future__ import annotations

import pyvips

Colour = list[int]

_SKIN, _HAIR, _WHITE, _DARK, _LIPS = [224, 172, 145], [60, 40, 30], [240, 238, 235], [40, 25, 20], [170, 80, 80]
_SHADE = [176, 120, 98]


def portrait(width: int, height: int, *faces: tuple[float, float, float]) -> pyvips.Image:
    """A picture with drawn faces: for each the middle and the height, as shares of width, height and height."""
    image = _plain(width, height, [150, 170, 190])
    for x, y, size in faces:
        image = _with_face(image, x * width, y * height, size * height / 2)
    return image.gaussblur(max(0.4, min(width, height) / 400)).cast("uchar").copy_memory()


def _with_face(image: pyvips.Image, x: float, y: float, radius: float) -> pyvips.Image:
    def oval(colour: Colour, across: float, down: float, wide: float, high: float, soft: float = 0.02) -> None:
        nonlocal image
        image = _oval(image, colour, (x + across * radius, y + down * radius), (wide * radius, high * radius), soft)

    oval([70, 80, 120], 0, 2.1, 1.5, 1.0)  # shoulders
    oval(_SHADE, 0, 0.95, 0.36, 0.55)  # neck
    oval(_HAIR, 0, -0.15, 0.86, 1.08)
    oval(_SKIN, 0, 0.08, 0.72, 0.94)
    oval(_HAIR, 0, -0.88, 0.66, 0.28, 0.1)
    for side in (-1, 1):
        oval(_SHADE, side * 0.30, -0.12, 0.20, 0.13, 0.3)  # eye sockets
        oval(_WHITE, side * 0.30, -0.10, 0.135, 0.065)
        oval(_DARK, side * 0.30, -0.10, 0.062, 0.066)
        oval(_HAIR, side * 0.31, -0.29, 0.20, 0.04, 0.3)  # brows
        oval(_DARK, side * 0.07, 0.28, 0.035, 0.02, 0.5)  # nostrils
        oval([214, 150, 125], side * 0.42, 0.25, 0.17, 0.15, 0.5)  # cheeks
    oval(_SHADE, 0.0, 0.29, 0.14, 0.05, 0.6)
    oval([236, 190, 165], 0, 0.06, 0.05, 0.24, 0.5)  # bridge of the nose
    oval(_LIPS, 0, 0.52, 0.25, 0.075, 0.2)
    oval([110, 40, 45], 0, 0.515, 0.23, 0.014, 0.3)
    oval(_SHADE, 0, 0.68, 0.17, 0.03, 0.6)
    return image


def _oval(
    image: pyvips.Image, colour: Colour, middle: tuple[float, float], radii: tuple[float, float], soft: float
) -> pyvips.Image:
    place = pyvips.Image.xyz(image.width, image.height)
    distance = (((place[0] - middle[0]) / radii[0]) ** 2 + ((place[1] - middle[1]) / radii[1]) ** 2) ** 0.5
    cover = ((1 - distance) / max(soft, 0.01) + 0.5) * 255
    mask = (cover < 0).ifthenelse(0, (cover > 255).ifthenelse(255, cover)).cast("uchar")
    return mask.ifthenelse(_plain(image.width, image.height, colour), image, blend=True).copy_memory()


def _plain(width: int, height: int, colour: Colour) -> pyvips.Image:
    return pyvips.Image.black(width, height).new_from_image(colour).cast("uchar").copy(interpretation="srgb")

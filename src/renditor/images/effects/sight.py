"""Colours for eyes that see fewer of them, and colours multiplied by any matrix. Sizes stay."""

from __future__ import annotations

from decimal import Decimal

import pyvips

from renditor.images.effects.bands import IDENTITY, LUMA, Matrix, joined, split
from renditor.images.effects.look import Look

# What is left of colours without one kind of cones, over linear light: Machado, Oliveira, Fernandes, "A
# Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), severity 1.
_WITHOUT_RED: Matrix = (
    (0.152286, 1.052583, -0.204868),
    (0.114503, 0.786281, 0.099216),
    (-0.003882, -0.048116, 1.051998),
)
_WITHOUT_GREEN: Matrix = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.01182, 0.04294, 0.968881),
)
_WITHOUT_BLUE: Matrix = (
    (1.255528, -0.076749, -0.178779),
    (-0.078411, 0.930809, 0.147602),
    (0.004733, 0.691367, 0.3039),
)
# What the cones for blue take up of linear red, green and blue (Vienot, Brettel, Mollon, 1999).
_BLUE_CONES = (0.0178, 0.1094, 0.8728)

# The kind of cones that is missing, and how much of it. Machado's tables for weak cones are close to straight lines
# between full sight and none; 0.6 is a common case.
_CONDITIONS: dict[str, tuple[Matrix, float]] = {
    "protanopia": (_WITHOUT_RED, 1),
    "protanomaly": (_WITHOUT_RED, 0.6),
    "deuteranopia": (_WITHOUT_GREEN, 1),
    "deuteranomaly": (_WITHOUT_GREEN, 0.6),
    "tritanopia": (_WITHOUT_BLUE, 1),
    "tritanomaly": (_WITHOUT_BLUE, 0.6),
    "cone_monochromacy": ((_BLUE_CONES,) * 3, 1),
    "rod_monochromacy": ((LUMA,) * 3, 1),
}
# The difference that is not seen, moved from red to green and blue, where it is (Fidaner, Lin, Ozguven, 2005).
_MOVED: Matrix = ((0, 0, 0), (0.7, 1, 0), (0.7, 0, 1))
# px between two stripes.
_SPACING = 10


def simulate_colorblind(image: pyvips.Image, _: Look, condition: str) -> pyvips.Image:
    """As it looks to people with this condition."""
    colour, alpha = split(image)
    return joined(_seen(colour, condition), alpha)


def assist_colorblind(image: pyvips.Image, _: Look, strength: Decimal | str) -> pyvips.Image:
    """Marks what people who see no green cannot tell apart.

    Args:
        strength: per cent by which stripes darken the picture, rising to the right where it is redder than it seems to
            them, falling where it is greener; ``xray``: no stripes, the difference is moved to colours that they see.
    """
    colour, alpha = split(image)
    unseen = colour - _seen(colour, "deuteranopia")
    if isinstance(strength, str):
        return joined((colour + unseen.recomb([list(row) for row in _MOVED])).clamp(min=0, max=255), alpha)
    redder = unseen.recomb([[1, -1, 0]])
    places = pyvips.Image.xyz(image.width, image.height)
    rising, falling = ((places[0] + sign * places[1]) % _SPACING < _SPACING / 2 for sign in (1, -1))
    # 64 levels of difference are plain to see for others.
    marked = (redder > 0).ifthenelse(rising, falling) / 255 * (redder.abs() / 64).clamp(min=0, max=1)
    return joined(colour * (1 - marked * (float(strength) / 100)), alpha)


def recolor(image: pyvips.Image, _: Look, *factors: Decimal) -> pyvips.Image:
    """Red, green and blue multiplied by a matrix of 3 x 3, or with alpha by one of 4 x 4, row by row."""
    size = 3 if len(factors) == 9 else 4
    colour, alpha = split(image)
    bands = colour if size == 3 else colour.bandjoin(255 if alpha is None else alpha)
    matrix = [[float(factor) for factor in factors[row * size : (row + 1) * size]] for row in range(size)]
    made = bands.recomb(matrix).clamp(min=0, max=255)
    return joined(made[:3], alpha if size == 3 or alpha is None else made[3])


def _seen(colour: pyvips.Image, condition: str) -> pyvips.Image:
    """Three bands as they look with this condition, 8 bits. Light is added up linearly, not gamma-coded."""
    matrix, amount = _CONDITIONS[condition]
    weights = [
        [own + amount * (full - own) for own, full in zip(*rows, strict=True)]
        for rows in zip(IDENTITY, matrix, strict=True)
    ]
    linear = colour.copy(interpretation="srgb").colourspace("scrgb")
    return linear.recomb(weights).copy(interpretation="scrgb").colourspace("srgb")

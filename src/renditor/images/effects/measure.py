"""What a picture looks like on the whole: histograms, and the colour of its edges. Reads all pixels."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate

import pyvips

from renditor.images.effects.bands import OPAQUE, luma, split

Histogram = Sequence[float]  # 256 counts


def histograms(image: pyvips.Image) -> list[Histogram]:
    """Of red, green, blue and luma. Pixels count by their alpha: what nobody sees says nothing."""
    colour, alpha = split(image)
    bands = colour.bandjoin(luma(colour))
    if alpha is None or alpha.min() == OPAQUE:  # every GIF has alpha; counting by it takes ten times the time
        counts = bands.hist_find()
    else:
        first, *others = (alpha.hist_find_indexed(band) for band in bands.bandsplit())
        counts = first.bandjoin(others)
    # A histogram ends at the highest value found only for 16 bits; of 8 bits it always has 256 entries.
    values = numbers(counts)
    return [values[band::4] for band in range(4)]


def numbers(image: pyvips.Image) -> array[float]:
    """All values of a small image, band after band of px after px."""
    return array("d", bytes(image.cast("double").write_to_memory()))


def mean(histogram: Histogram) -> float:
    """0-255; of nothing (all transparent) the middle."""
    total = sum(histogram)
    return sum(value * count for value, count in enumerate(histogram)) / total if total else 127.5


def percentile(histogram: Histogram, share: float) -> int:
    """The value (0-255) below or at which this share (0-1) of all pixels lies."""
    wanted = share * sum(histogram)
    return next((value for value, below in enumerate(accumulate(histogram)) if below >= wanted), 255)


def edge_colour(image: pyvips.Image) -> list[float]:
    """The colour of the corners, one number per band: of the four, the one most like the other three."""
    right, bottom = image.width - 1, image.height - 1
    corners = [image(x, y) for x in (0, right) for y in (0, bottom)]
    return min(corners, key=lambda corner: sum(_distance(corner, other) for other in corners))


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))

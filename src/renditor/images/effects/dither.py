"""Threshold patterns for ``ordered_dither``, numbered as in Cloudinary's reference (ImageMagick's ordered dithers).

Every pattern is a ranking of the px of a tile: the px of rank r turns white once a value is above its threshold.
Dispersed patterns rank after Bayer (1973), halftones and circles after how near a px is to the middle of a dot.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import cos, pi

import pyvips

Rank = Callable[[int, int], float]  # of column and row; only the order counts


def _bayer(order: int, x: int, y: int) -> float:
    """Bits of column and row interleaved from the lowest: neighbours get thresholds far apart."""
    rank = 0
    for bit in range(order):
        column, row = x >> bit & 1, y >> bit & 1
        rank = rank << 2 | (column ^ row) << 1 | row
    return rank


def _bayer_3(x: int, y: int) -> float:
    return ((2, 6, 3), (5, 0, 8), (1, 7, 4))[y][x]


def _halftone(size: int, x: int, y: int, *, angled: bool) -> float:
    """The dot of a printing screen: a sum of two cosines; angled by 45 degrees two dots share a tile."""
    across, down = (2 * pi * (place + 0.5) / size for place in (x, y))
    spot = cos(across) * cos(down) if angled else cos(across) + cos(down)
    return spot + 1e-6 * (y * size + x)  # ties are broken in reading order


def _circle(size: int, x: int, y: int, *, white: bool) -> float:
    """Rings around the middle of the tile: black discs on white shrink as it gets lighter, or white ones grow."""
    distance = (x - (size - 1) / 2) ** 2 + (y - (size - 1) / 2) ** 2 + 1e-6 * (y * size + x)
    return distance if white else -distance


_PATTERNS: tuple[tuple[int, int, Rank], ...] = (  # width, height, rank
    (1, 1, partial(_bayer, 0)),
    (2, 2, lambda x, y: x ^ y),
    (2, 2, partial(_bayer, 1)),
    (3, 3, _bayer_3),
    (4, 4, partial(_bayer, 2)),
    (8, 8, partial(_bayer, 3)),
    *((size, size, partial(_halftone, size, angled=True)) for size in (4, 6, 8)),
    *((size, size, partial(_halftone, size, angled=False)) for size in (4, 6, 8, 16)),
    *((size, size, partial(_circle, size, white=white)) for size in (5, 6, 7) for white in (False, True)),
)


def threshold_map(number: int) -> pyvips.Image:
    """One tile of pattern ``number`` (0-18): values above a threshold are white. With n ranks, they lie at (r + 1) / (n
    + 1) of the range: black stays black, white white.
    """
    width, height, rank = _PATTERNS[number]
    ranks = [[rank(x, y) for x in range(width)] for y in range(height)]
    order = {value: place for place, value in enumerate(sorted({value for row in ranks for value in row}))}
    rows = [[255 * (order[value] + 1) / (len(order) + 1) for value in row] for row in ranks]
    return pyvips.Image.new_from_array(rows)

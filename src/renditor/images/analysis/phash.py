"""A perceptual hash: 64 bits that stay nearly the same when a picture is resized, encoded anew or made lighter. Pure.

The usual DCT hash: 32 x 32 px in grey, the 8 x 8 lowest frequencies, one bit each: above their median or not.
Source: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), section 3.2.1.
"""

from __future__ import annotations

import statistics

from renditor.images.analysis.dct import low_frequencies

SIDE = 32  # px
_FREQUENCIES = 8


def perceptual_hash(grey: bytes) -> str:
    """16 hexadecimal digits for ``SIDE`` x ``SIDE`` px of lightness, row by row. Raises: ValueError: another size."""
    if len(grey) != SIDE * SIDE:
        raise ValueError("the perceptual hash takes 32 x 32 px of grey")
    values = [float(value) for value in grey]
    found = low_frequencies(values, SIDE, SIDE, columns=_FREQUENCIES, rows=_FREQUENCIES)
    numbers = [value for row in found for value in row]
    middle = statistics.median(numbers)
    bits = "".join("1" if value > middle else "0" for value in numbers)
    return f"{int(bits, 2):016x}"


def distance(left: str, right: str) -> int:
    """Bits that differ, 0-64: up to about 8 is the same picture, about 32 another one.

    Raises:
        ValueError: not a hash.
    """
    return (int(left, 16) ^ int(right, 16)).bit_count()

"""Gaussian blur of any strength in bounded time."""

from __future__ import annotations

import pyvips

from renditor.images.effects.bands import premultiplied, unpremultiplied

# px of standard deviation per unit of e_blur's strength: e_blur:100 is 4 px, the strongest (2000) 80 px.
_SIGMA = 1 / 25
# A blur of at least this many px is done on a smaller picture. Done directly, e_blur:2000 of 100 MP takes minutes.
_DIRECT = 4.0


def sigma_of(strength: float) -> float:
    """Standard deviation in px of the picture for a strength of 0-2000, as in ``e_blur``."""
    return float(strength) * _SIGMA


def blurred(image: pyvips.Image, sigma: float) -> pyvips.Image:
    """Blurred with a Gaussian of ``sigma`` px; edges go on as if their last pixel were repeated.

    Colour is weighted by alpha, so nothing dark or foreign bleeds out of transparent parts.
    """
    if sigma <= 0:
        return image
    weighted = premultiplied(image)
    soft = _gauss(weighted, sigma) if sigma < _DIRECT else _by_shrinking(weighted, sigma)
    return unpremultiplied(soft.copy(interpretation=image.interpretation))


def _gauss(image: pyvips.Image, sigma: float) -> pyvips.Image:
    # In floats: whole numbers make flat areas up to two levels lighter, which sharpening then multiplies. Coefficients
    # down to 5 % of the largest: cut off at libvips' 20 % the blur shows boxes.
    return image.gaussblur(sigma, min_ampl=0.05, precision="float")


def _by_shrinking(image: pyvips.Image, sigma: float) -> pyvips.Image:
    """Blocks of ``step`` px become one, are blurred, and are drawn out again.

    The mean of a block and the way back between blocks blur already; the Gaussian does what is missing. Variances add:
    of a box of n px (n*n - 1) / 12, of linear interpolation over n px n*n / 6.
    """
    step = int(sigma / (_DIRECT / 2))
    wide, high = (-(-side // step) * step + 2 * step for side in (image.width, image.height))
    # One whole block of repeated edge on every side: what lies further out is its repetition.
    # Into memory, where they are small: neighbours ask for the same blocks again and again.
    blocks = image.embed(step, step, wide, high, extend="copy").shrink(step, step).copy_memory()
    missing = (sigma**2 - (step**2 - 1) / 12 - step**2 / 6) ** 0.5 / step
    return enlarged(_gauss(blocks, missing), step).crop(step, step, image.width, image.height)


def enlarged(image: pyvips.Image, step: int) -> pyvips.Image:
    """``step`` times as large, straight lines between the middles of the old px: the reverse of ``shrink``.

    libvips' own ``resize`` enlarges with a shift of half a px.
    """
    return image.affine(
        [step, 0, 0, step],
        interpolate=pyvips.Interpolate.new("bilinear"),
        oarea=[0, 0, image.width * step, image.height * step],
        odx=(step - 1) / 2,
        ody=(step - 1) / 2,
        extend="copy",
        premultiplied=True,  # or libvips would weight the colours once more
    )

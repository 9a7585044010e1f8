"""How alike two pictures are: SSIM of the luma (Wang et al. 2004), over 8 x 8 px without overlap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

_BLOCK = 8
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(mine: Path | pyvips.Image, theirs: Path | pyvips.Image) -> float:
    """1 for equal pictures; below 0.5 for different ones. The second is brought to the size of the first."""
    first, second = _opened(mine), _opened(theirs)
    second = second.thumbnail_image(first.width, height=first.height, size="force")
    a, b = _blocks(first), _blocks(second)
    mean_a, mean_b = a.mean(axis=(1, 3)), b.mean(axis=(1, 3))
    together = (a * b).mean(axis=(1, 3)) - mean_a * mean_b
    structure = (2 * together + _C2) / (a.var(axis=(1, 3)) + b.var(axis=(1, 3)) + _C2)
    return float(((2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1) * structure).mean())


def _opened(picture: Path | pyvips.Image) -> pyvips.Image:
    return pyvips.Image.new_from_file(str(picture)) if isinstance(picture, Path) else picture


def _blocks(picture: pyvips.Image) -> NDArray[np.float64]:
    luma = picture.colourspace("b-w").extract_band(0).cast("float").numpy().astype(np.float64)
    down, across = (side // _BLOCK for side in luma.shape)
    blocks: NDArray[np.float64] = luma[: down * _BLOCK, : across * _BLOCK].reshape(down, _BLOCK, across, _BLOCK)
    return blocks

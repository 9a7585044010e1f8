"""Effects on sharpness and grain, of the whole picture or of parts of it. Sizes and alpha stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pyvips

from renditor.images.effects.bands import joined, premultiplied, split, unpremultiplied, weighed
from renditor.images.effects.blurring import blurred, sigma_of
from renditor.images.effects.dither import threshold_map
from renditor.images.effects.look import Look
from renditor.images.pipeline.geometry import Box

Work = Callable[[pyvips.Image], pyvips.Image]

# Squares along the longer side when no size is given: a picture is to be guessed at, a part of it not.
_SQUARES_IN_PICTURE, _SQUARES_IN_PART = 40, 8
# Detectors box a face from brows to chin; hair and ears tell who it is as well. Share of its size, on each side.
_FACE_MARGIN = 0.2
_GRAIN_TILE = 512  # px; noise is made once and repeated: made anew, 100 MP take seconds


def blur(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Gaussian blur; see ``blurring.sigma_of`` for what ``strength`` (1-2000) means."""
    return blurred(image, sigma_of(float(strength)))


def blur_region(image: pyvips.Image, look: Look, strength: Decimal) -> pyvips.Image:
    """Blur inside of the box; all other pixels stay as they are, and nothing of them enters it."""
    return _worked(image, [_region(image, look)], lambda part: blur(part, look, strength))


def blur_faces(image: pyvips.Image, look: Look, strength: Decimal) -> pyvips.Image:
    """Blur inside of boxes around the faces, with a margin."""
    return _worked(image, _faces(look), lambda part: blur(part, look, strength))


def pixelate(image: pyvips.Image, _: Look, size: Decimal | str) -> pyvips.Image:
    """Squares of ``size`` px, each in its mean colour, from the top left; ``auto``: forty along the longer side."""
    return _squares(image, size, _SQUARES_IN_PICTURE)


def pixelate_region(image: pyvips.Image, look: Look, size: Decimal | str) -> pyvips.Image:
    """``pixelate`` inside of the box; all other pixels stay. ``auto``: eight squares along its longer side."""
    return _worked(image, [_region(image, look)], lambda part: _squares(part, size, _SQUARES_IN_PART))


def pixelate_faces(image: pyvips.Image, look: Look, size: Decimal | str) -> pyvips.Image:
    """``pixelate`` inside of boxes around the faces, with a margin; ``auto``: eight squares along the longer side."""
    return _worked(image, _faces(look), lambda part: _squares(part, size, _SQUARES_IN_PART))


def sharpen(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Unsharp mask with a radius of one px: fine detail. 100 adds what a blur takes away once."""
    return _unsharp(image, 1, float(strength) / 100)


def unsharp_mask(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Unsharp mask with a radius of three px: edges and shapes rather than grain."""
    return _unsharp(image, 3, float(strength) / 100)


def noise(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Gaussian grain, the same on all channels, with a standard deviation of ``strength`` per cent of a quarter of
    the range.
    The same grain for every picture, so that a rendition made twice is the same."""
    tile = pyvips.Image.gaussnoise(_GRAIN_TILE, _GRAIN_TILE, mean=0, sigma=float(strength) * 0.64, seed=1)
    colour, alpha = split(image)
    return joined(colour + repeated(tile.copy_memory(), image), alpha)


def ordered_dither(image: pyvips.Image, _: Look, pattern: Decimal) -> pyvips.Image:
    """Each channel becomes all or nothing, by comparing it with a repeated pattern; see ``dither`` for the patterns."""
    colour, alpha = split(image)
    return joined(colour > repeated(threshold_map(int(pattern)), image), alpha)


def repeated(tile: pyvips.Image, image: pyvips.Image) -> pyvips.Image:
    """``tile`` laid side by side over the size of ``image``."""
    across, down = -(-image.width // tile.width), -(-image.height // tile.height)
    return tile.replicate(across, down).crop(0, 0, image.width, image.height)


def _squares(image: pyvips.Image, size: Decimal | str, count: int) -> pyvips.Image:
    """Squares of ``size`` px; ``auto``: ``count`` along the longer side."""
    wanted = max(image.width, image.height) / count if size == "auto" else float(size)
    across, down = (min(max(1, round(wanted)), side) for side in (image.width, image.height))
    wide, high = -(-image.width // across) * across, -(-image.height // down) * down
    # What overhangs at the right and the bottom is filled with its own mirror image: nearly the mean of what is there.
    whole = premultiplied(image).embed(0, 0, wide, high, extend="mirror")
    squares = whole.shrink(across, down).zoom(across, down).crop(0, 0, image.width, image.height)
    return unpremultiplied(squares.copy(interpretation=image.interpretation))


def _unsharp(image: pyvips.Image, sigma: float, amount: float) -> pyvips.Image:
    """Detail added to luma alone: with colours sharpened one by one, edges get coloured fringes."""
    colour, alpha = split(image)
    soft, _ = split(blurred(image, sigma))
    return joined(colour + weighed(colour - soft) * amount, alpha)


def _worked(image: pyvips.Image, boxes: Sequence[Box], work: Work) -> pyvips.Image:
    """The boxes, as far as they lie in the picture, replaced by what ``work`` makes of them."""
    for box in boxes:
        left, top = max(0, box.left), max(0, box.top)
        right, bottom = min(image.width, box.left + box.width), min(image.height, box.top + box.height)
        if left < right and top < bottom:
            part = image.crop(left, top, right - left, bottom - top)
            image = image.insert(work(part), left, top)
    return image


def _region(image: pyvips.Image, look: Look) -> Box:
    return look.box or Box(0, 0, image.width, image.height)


def _faces(look: Look) -> list[Box]:
    boxes = []
    for face in look.faces:
        beside, above = round(face.width * _FACE_MARGIN), round(face.height * _FACE_MARGIN)
        wide, high = face.width + 2 * beside, face.height + 2 * above
        boxes.append(Box(face.left - beside, face.top - above, wide, high))
    return boxes

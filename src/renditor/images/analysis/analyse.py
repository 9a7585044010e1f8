"""Looking at a picture after its upload: one decode at reduced size serves it all. Runs in the sealed decoder."""

from __future__ import annotations

import array
from collections.abc import Iterator
from typing import Any

import pyvips

from renditor.images.analysis import colours, curve, faces, focus, jpegquality, phash, thumbhash
from renditor.images.analysis.findings import Analysis
from renditor.images.base import ImageInfo
from renditor.images.codecs.loading import load_upright
from renditor.images.insight import Face
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.srgb import to_srgb
from renditor.images.quality import Encoding

_SIDE = curve.SIDES[-1]
_OPAQUE = 128  # of 255; px that are less opaque have no colour that anybody sees


def analyse(source: int, info: ImageInfo, encoding: Encoding) -> Analysis:
    """Look at the first frame of a picture.

    Args:
        source: descriptor of the file.
        info: its header.
        encoding: the efforts that deliveries are encoded with.

    Raises:
        pyvips.Error: the picture cannot be decoded.
    """
    share = min(1.0, _SIDE / max(info.width, info.height))
    size = Size(max(1, round(info.width * share)), max(1, round(info.height * share)))
    image = to_srgb(load_upright(source, info, size)).copy_memory()
    small = _within(image, faces.SIDE).copy_memory()
    found = faces.detect(small)
    curves: dict[str, Any] = dict(curve.measure(image, encoding))
    quality = jpegquality.estimate(source) if info.format == "jpg" else None
    if quality is not None:
        curves["origin"] = {"quality": quality, "pixels": info.width * info.height}
    return Analysis(
        faces=None if found is None else tuple(_rounded(face) for face in found),
        focal_point=_rounded_point(focus.focal_point(small, found)),
        thumbhash=_thumbhash(small),
        colors=colours.dominant_colours(_pixels(small)),
        phash=_phash(small),
        curves=curves,
    )


def _thumbhash(image: pyvips.Image) -> str:
    small = _within(image, thumbhash.MAX_SIDE)
    if not small.hasalpha():
        small = small.addalpha()
    return thumbhash.encode(small.width, small.height, bytes(small.write_to_memory()))


def _phash(image: pyvips.Image) -> str:
    if image.hasalpha():
        image = image.flatten(background=[255, 255, 255])
    grey = image.resize(phash.SIDE / image.width, vscale=phash.SIDE / image.height).colourspace("b-w")
    return phash.perceptual_hash(bytes(grey.cast("uchar").write_to_memory()))


def _pixels(image: pyvips.Image) -> Iterator[tuple[colours.Lab, colours.RGB]]:
    """The px that can be seen, in CIELAB and in sRGB; all where none can be."""
    small = _within(image, colours.SIDE)
    alpha = bytes(small[3].write_to_memory()) if small.hasalpha() else b""
    rgb = bytes((small[:3] if small.hasalpha() else small).write_to_memory())
    lab = array.array("f", bytes((small[:3] if small.hasalpha() else small).colourspace("lab").write_to_memory()))
    seen = max(alpha, default=255) >= _OPAQUE
    for place in range(small.width * small.height):
        if not alpha or not seen or alpha[place] >= _OPAQUE:
            at = 3 * place
            yield (lab[at], lab[at + 1], lab[at + 2]), (rgb[at], rgb[at + 1], rgb[at + 2])


def _within(image: pyvips.Image, side: int) -> pyvips.Image:
    """No larger than ``side`` px; transparent colours do not bleed."""
    share = side / max(image.width, image.height)
    if share >= 1:
        return image
    width, height = max(1, round(image.width * share)), max(1, round(image.height * share))
    if image.hasalpha():
        image = image.premultiply()
    image = image.resize(width / image.width, vscale=height / image.height)
    return (image.unpremultiply() if image.hasalpha() else image).cast("uchar")


def _rounded(face: Face) -> Face:
    """A tenth of a px of the largest picture there is, in a fifth of the characters."""
    x, y, width, height = (round(value, 5) for value in (face.x, face.y, face.width, face.height))
    return Face(x, y, width, height, round(face.score, 2))


def _rounded_point(point: focus.Point) -> focus.Point:
    return round(point[0], 5), round(point[1], 5)

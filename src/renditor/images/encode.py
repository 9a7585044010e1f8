"""Writing the finished picture: one function per format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyvips

from renditor.errors import InvalidTransformation
from renditor.images.formats import FORMATS
from renditor.images.quality import Encoding, avif_quality
from renditor.transformation import Transformation

WHITE = [255, 255, 255]


@dataclass(frozen=True, slots=True)
class _Order:
    """What an encoder is told."""

    quality: int
    progressive: bool
    encoding: Encoding


def encode(image: pyvips.Image, fmt: str, transformation: Transformation, encoding: Encoding) -> bytes:
    """The bytes of ``image`` (sRGB, 8 bits, upright; frames one below the other) in ``fmt``. Nothing of the source's
    metadata is written: pixels are sRGB by now, so no profile is needed either.

    Raises:
        InvalidTransformation: the format cannot hold a picture of this size.
        pyvips.Error: decoding or encoding failed; libvips decodes only now.
    """
    width, height, limit = image.width, image.get_page_height(), FORMATS[fmt].max_side
    if max(width, height) > limit:
        raise InvalidTransformation(
            f"The result of {width} x {height} px is too large for {fmt}, which holds {limit} px a side",
            hint="Ask for a smaller size or another format",
        )
    progressive = transformation.flag("progressive") is not None
    content: bytes = _ENCODERS[fmt](image, _Order(encoding.quality_of(transformation), progressive, encoding))
    return content


def _jpeg(image: pyvips.Image, order: _Order) -> Any:
    if image.hasalpha():
        image = image.flatten(background=WHITE)
    return image.jpegsave_buffer(
        Q=order.quality,
        optimize_coding=True,  # Huffman tables made for this picture: 3-5 % fewer bytes
        interlace=order.progressive,
        subsample_mode="auto",  # 4:2:0 below quality 90, where the eye does not miss the colour detail
        keep="none",
    )


def _png(image: pyvips.Image, order: _Order) -> Any:
    return image.pngsave_buffer(compression=6, interlace=order.progressive, keep="none")


def _webp(image: pyvips.Image, order: _Order) -> Any:
    return image.webpsave_buffer(Q=order.quality, effort=order.encoding.webp_effort, keep="none")


def _avif(image: pyvips.Image, order: _Order) -> Any:
    return image.heifsave_buffer(
        compression="av1",
        Q=avif_quality(order.quality),
        effort=order.encoding.avif_effort,
        bitdepth=8,
        subsample_mode="auto",
        keep="none",
    )


def _gif(image: pyvips.Image, _: _Order) -> Any:
    return image.gifsave_buffer(keep="none")


_ENCODERS: dict[str, Callable[[pyvips.Image, _Order], Any]] = {
    "jpg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "gif": _gif,
}

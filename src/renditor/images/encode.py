"""Writing the finished picture: one function per format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyvips

from renditor.images.quality import Encoding, avif_quality
from renditor.transformation import Transformation

WHITE = [255, 255, 255]

# px. To choose its Huffman tables libjpeg holds the whole picture as coefficients: 600 MB for 100 000 000 px.
_MAX_OPTIMISED = 20_000_000


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
        pyvips.Error: decoding or encoding failed; libvips decodes only now.
    """
    progressive = transformation.flag("progressive") is not None
    content: bytes = _ENCODERS[fmt](image, _Order(encoding.quality_of(transformation), progressive, encoding))
    return content


def _jpeg(image: pyvips.Image, order: _Order) -> Any:
    if image.hasalpha():
        image = image.flatten(background=WHITE)
    return image.jpegsave_buffer(
        Q=order.quality,
        optimize_coding=image.width * image.height <= _MAX_OPTIMISED,  # own Huffman tables: 3-5 % fewer bytes
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
    return image.gifsave_buffer(effort=3, keep="none")  # 7, the default, costs 2.5 times the CPU for 5 % fewer bytes


_ENCODERS: dict[str, Callable[[pyvips.Image, _Order], Any]] = {
    "jpg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "gif": _gif,
}

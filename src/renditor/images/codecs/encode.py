"""Writing the finished picture: one function per format.

The figures behind each choice: docs/decisions/0018-encoder-settings.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyvips

from renditor.images.codecs.attribution import NOBODY, Attribution, with_attribution
from renditor.images.codecs.flatness import is_flat
from renditor.images.codecs.formats import FORMATS
from renditor.images.codecs.gainmap import has_gain_map_attached
from renditor.images.quality import Encoding, avif_quality
from renditor.transformation import Transformation
from renditor.transformation.operations import FLAG, QUALITY
from renditor.transformation.values import AutoQuality, Chroma

WHITE = [255, 255, 255]

# px. To choose its Huffman tables libjpeg holds the whole picture as coefficients: 600 MB for 100 000 000 px.
_MAX_OPTIMISED = 20_000_000
_FULL_CHROMA_FROM = 90  # quality of JPEG and AVIF from which colour is kept at full resolution when nobody says
_PALETTE_EFFORT = 3  # 7, the default, costs four times the CPU for 12 % fewer bytes
_LOSSLESS_EFFORT = 1  # of WebP: 4 costs 1.5 times the CPU for 3 % fewer bytes
_GIF_EFFORT = 3  # 7, the default, costs 2.5 times the CPU for 5 % fewer bytes
_GIF_LOSS = 8.0  # largest difference between frames that fl_lossy leaves out, of 0-32 (gifsicle's --lossy in spirit)
_MAX_THOROUGH = 4_000_000  # px of an AVIF up to which the whole effort is spent: effort 1 takes 0.15 s for a million
_MAX_COMPARED = 4_000_000  # px of a WebP up to which both kinds are made and the smaller is taken

_KEEPING = frozenset({"keep_attribution", "keep_iptc"})
_LOSSLESS_FORMATS = frozenset({"png", "gif", "bmp", "ico", "svg", "tiff", "webp"})


@dataclass(frozen=True, slots=True)
class Origin:
    """What encoders need to know about the source. ``format`` as in ``ImageInfo``."""

    format: str = ""
    attribution: Attribution = NOBODY

    @property
    def may_be_flat(self) -> bool:
        """Formats that keep every pixel: what comes in others is a photo, or damaged graphics beyond saving."""
        return self.format in _LOSSLESS_FORMATS


@dataclass(frozen=True, slots=True)
class _Order:
    """What an encoder is told. ``asked``: the URL names a quality in digits."""

    quality: int
    chroma: Chroma | None
    asked: bool
    flags: frozenset[str]
    encoding: Encoding
    may_be_flat: bool

    @property
    def full_chroma(self) -> bool:
        return self.chroma in {422, 444} if self.chroma else self.quality >= _FULL_CHROMA_FROM

    def palette(self, *, flat: bool) -> bool:
        """PNG of at most 256 colours."""
        free = "any_format" in self.flags and flat and not self.asked
        return free or bool(self.flags & {"png8", "lossy"})


def encode(
    image: pyvips.Image, fmt: str, transformation: Transformation, encoding: Encoding, origin: Origin | None = None
) -> bytes:
    """The bytes of ``image`` (sRGB, 8 bits, upright; frames one below the other) in ``fmt``.

    Pixels are sRGB by now, so no profile is needed. Of the source's metadata nothing is written but the attribution,
    where ``fl_keep_attribution`` or ``fl_keep_iptc`` asks for it, and an attached gain map.

    Raises:
        pyvips.Error: decoding or encoding failed; libvips decodes only now.
    """
    origin = origin or Origin()
    asked = transformation.last(QUALITY)
    order = _Order(
        quality=encoding.quality_of(transformation),
        chroma=None if asked is None or isinstance(asked, int) else asked.chroma,
        asked=asked is not None and not isinstance(asked, AutoQuality),
        flags=_flags(transformation),
        encoding=encoding,
        may_be_flat=origin.may_be_flat,
    )
    keep = ["gainmap"] if fmt == "jpg" and has_gain_map_attached(image) else []
    if order.flags & _KEEPING and origin.attribution != NOBODY:
        image = with_attribution(image, origin.attribution)
        keep += ["exif", "xmp"]
    content: bytes = _ENCODERS[fmt](image, order, ":".join(keep) or "none")
    return content


def keeps_attribution(transformation: Transformation) -> bool:
    """Whether the URL asks for the names to stay in the file."""
    return bool(_flags(transformation) & _KEEPING)


def _flags(transformation: Transformation) -> frozenset[str]:
    """Names of all flags; ``progressive:none`` is none."""
    progressive = transformation.flag("progressive")
    names = {flag.name for component in transformation for flag in component.get(FLAG) or ()}
    return frozenset(names - {"progressive"} if progressive and progressive.argument == "none" else names)


def _jpeg(image: pyvips.Image, order: _Order, keep: str) -> Any:
    if image.hasalpha():
        image = image.flatten(background=WHITE)
    # mozjpeg's trellis and scan optimisation stay off: at equal SSIMULACRA2 they save nothing, for six times the CPU.
    return image.jpegsave_buffer(
        Q=order.quality,
        quant_table=3,  # tables made for the eye instead of those of 1992: 2-7 % fewer bytes at equal quality
        optimize_coding=image.width * image.height <= _MAX_OPTIMISED,  # own Huffman tables: 1-2 % fewer bytes
        interlace="progressive" in order.flags,
        subsample_mode="off" if order.full_chroma else "on",
        keep=keep,
    )


def _png(image: pyvips.Image, order: _Order, keep: str) -> Any:
    if "png24" in order.flags and image.hasalpha():
        image = image.flatten(background=WHITE)
    if "png32" in order.flags and not image.hasalpha():
        image = image.addalpha()
    options: dict[str, Any] = {"interlace": "progressive" in order.flags, "keep": keep}
    image, flat = _looked_at(image, order)
    if order.palette(flat=flat):
        return image.pngsave_buffer(palette=True, Q=order.quality, effort=_PALETTE_EFFORT, **options)
    # Filters find what neighbours of a photo have in common: a third fewer bytes. In plain areas they only disturb.
    return image.pngsave_buffer(compression=6, filter="none" if flat else "all", **options)


def _webp(image: pyvips.Image, order: _Order, keep: str) -> Any:
    image, flat = _looked_at(image, order)
    # 4:2:0 is all that lossy WebP has; this spends CPU on choosing the samples well.
    smart = order.chroma in {422, 444}
    lossy = {"Q": order.quality, "effort": order.encoding.webp_effort, "smart_subsample": smart, "keep": keep}
    if not flat or order.asked:
        return image.webpsave_buffer(**lossy)
    exact = image.webpsave_buffer(lossless=True, effort=_LOSSLESS_EFFORT, keep=keep)
    return min(exact, image.webpsave_buffer(**lossy), key=len)


def _avif(image: pyvips.Image, order: _Order, keep: str) -> Any:
    effort = order.encoding.avif_effort
    if image.width * image.height > _MAX_THOROUGH:
        effort = max(0, effort - 1)
    return image.heifsave_buffer(
        compression="av1",
        Q=avif_quality(order.quality),
        effort=effort,
        bitdepth=8,
        subsample_mode="off" if order.full_chroma else "on",
        keep=keep,
    )


def _gif(image: pyvips.Image, order: _Order, _: str) -> Any:
    loss = _GIF_LOSS if "lossy" in order.flags else 0.0
    return image.gifsave_buffer(effort=_GIF_EFFORT, interframe_maxerror=loss, keep="none")


def _tiff(image: pyvips.Image, order: _Order, keep: str) -> Any:
    if "lossy" in order.flags and max(image.width, image.height) <= FORMATS["jpg"].max_side:
        opaque = image.flatten(background=WHITE) if image.hasalpha() else image
        return opaque.tiffsave_buffer(compression="jpeg", Q=order.quality, keep=keep)
    # Every reader of TIFF knows LZW (it is in the standard of 1992), and it takes half the CPU of deflate.
    return image.tiffsave_buffer(compression="lzw", predictor="horizontal", keep=keep)


def _looked_at(image: pyvips.Image, order: _Order) -> tuple[pyvips.Image, bool]:
    """The picture, in memory if that was needed to tell, and whether it is flat graphics."""
    frames = image.get_typeof("page-height") != 0
    if not order.may_be_flat or frames or image.width * image.height > _MAX_COMPARED:
        return image, False
    image = image.copy_memory()
    return image, is_flat(image)


_ENCODERS: dict[str, Callable[[pyvips.Image, _Order, str], Any]] = {
    "jpg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "gif": _gif,
    "tiff": _tiff,
}

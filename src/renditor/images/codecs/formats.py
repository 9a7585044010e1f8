"""The formats pictures are delivered in, and the choice between them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from renditor.errors import InvalidTransformation
from renditor.images.base import ImageInfo
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.walk import results
from renditor.transformation import Transformation
from renditor.transformation.effects import Effect
from renditor.transformation.operations import BACKGROUND, EFFECT, OPACITY, QUALITY, RADIUS
from renditor.transformation.values import AutoQuality, Colour

OutputFormat = Literal["jpg", "png", "webp", "avif", "gif", "tiff"]
AcceptBucket = Literal["avif+webp", "avif", "webp", "plain"]

# An Accept header holds a dozen entries; more are read from nobody who wants a picture.
_MAX_ENTRIES = 50
_NOTHING = Transformation()
_OPAQUE = 255
# px. Below, the container of an AVIF takes what its better compression saves (measured: 48 x 48 px and less).
_WORTH_AVIF = 64 * 64
# What makes parts of a picture transparent that were not.
_MAKING_HOLES = frozenset({"make_transparent", "gradient_fade", "shadow", "outline"})


@dataclass(frozen=True, slots=True)
class Format:
    """What a format can hold.

    ``max_side``: px, by its specification or its encoder. ``max_pixels``: px of all frames added up that its encoder
    manages within 1 GiB of memory and 10 to 15 s of CPU (measured); beyond, encoders fail or crash rather than refuse.
    ``alpha_weight``: how many px a transparent one counts for.
    """

    content_type: str
    max_side: int
    max_pixels: int
    alpha: bool = True
    animation: bool = False
    alpha_weight: int = 1

    def fits(self, size: Size, frames: int, *, alpha: bool) -> bool:
        pixels = size.width * size.height * frames * (self.alpha_weight if alpha else 1)
        return max(size.width, size.height) <= self.max_side and pixels <= self.max_pixels


FORMATS: dict[str, Format] = {
    # libjpeg: JPEG_MAX_DIMENSION
    "jpg": Format("image/jpeg", max_side=65_500, max_pixels=200_000_000, alpha=False),
    # libpng: PNG_USER_WIDTH_MAX
    "png": Format("image/png", max_side=1_000_000, max_pixels=200_000_000),
    # 14 bits in the container
    "webp": Format("image/webp", max_side=16_383, max_pixels=40_000_000, animation=True),
    # libheif's encoder; it holds the whole picture several times over, and alpha as a second picture
    "avif": Format("image/avif", max_side=16_384, max_pixels=24_500_000, alpha_weight=2),
    # 16 bits in the header; 0.3 s of CPU per million px
    "gif": Format("image/gif", max_side=65_535, max_pixels=40_000_000, animation=True),
    # sides as for PNG; 4 GB in the container
    "tiff": Format("image/tiff", max_side=1_000_000, max_pixels=200_000_000),
}
# What browsers show. An original in another format is delivered in one of these when the URL names none.
_SHOWN = frozenset(FORMATS) - {"tiff"}


def accept_bucket(accept: str) -> AcceptBucket:
    """The one of four buckets an ``Accept`` header falls into: a cache key, where the raw header would have thousands.

    Only formats named in full count: ``image/*`` is also sent by clients that know neither AVIF nor WebP.
    """
    named = {
        entry.partition(";")[0].strip().lower() for entry in accept.split(",")[:_MAX_ENTRIES] if not _is_zero(entry)
    }
    if "image/avif" in named:
        return "avif+webp" if "image/webp" in named else "avif"
    return "webp" if "image/webp" in named else "plain"


def _is_zero(entry: str) -> bool:
    """True for ``image/avif;q=0``: a format the client refuses."""
    for parameter in entry.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q" and value.strip(" 0.") == "":
            return True
    return False


def is_animated(info: ImageInfo) -> bool:
    """True for a GIF or WebP of several frames. The pages of a TIFF or AVIF are pictures of their own."""
    return info.pages > 1 and info.format in {"gif", "webp"}


def check_fits(fmt: str, size: Size, frames: int, *, alpha: bool) -> None:
    """Refuse what the encoder of ``fmt`` cannot make.

    Raises:
        InvalidTransformation: too many px, or too many on one side.
    """
    limit = FORMATS[fmt]
    if not limit.fits(size, frames, alpha=alpha):
        shape = f"{size.width} x {size.height} px" + (f" in {frames} frames" if frames > 1 else "")
        raise InvalidTransformation(
            f"The result of {shape} is too large for {fmt}:"
            f" at most {limit.max_side} px a side, {limit.max_pixels:,} in all",
            hint="Ask for a smaller size or another format",
        )


def pick_format(
    accept: str, requested: str | None, info: ImageInfo, transformation: Transformation = _NOTHING
) -> OutputFormat:
    """The concrete format to deliver.

    Args:
        accept: the raw ``Accept`` header; read for ``auto`` only, so ``Vary: Accept`` belongs to ``auto`` answers.
        requested: what ``f_`` says, else the extension, else None for the format of the original.
        info: the original.
        transformation: what is done to it: ``auto`` passes over formats that cannot hold a result of that size.

    Raises:
        InvalidTransformation: a format that is not made here, or a transformation that cannot be applied.
    """
    wanted = requested or (info.format if info.format in _SHOWN else None)
    if _may_be_png(transformation, wanted, info):
        return "png"
    if wanted == "auto":
        size = results(Size(info.width, info.height), transformation)[-1]
        return _best(accept_bucket(accept), info, size, alpha=has_alpha(info, transformation))
    for fmt in get_args(OutputFormat):
        if fmt == wanted:
            picked: OutputFormat = fmt
            return picked
    if wanted is not None:
        raise InvalidTransformation(f"Unsupported format {wanted}", hint="Pictures come as " + ", ".join(FORMATS))
    return "png" if info.has_alpha else "jpg"


def shown_format(info: ImageInfo) -> OutputFormat:
    """The format in which an original is delivered when nobody names one: its own, where browsers show it."""
    return pick_format("", None, info)


def has_alpha(info: ImageInfo, transformation: Transformation) -> bool:
    """Whether the result may have transparent parts that are worth a format which holds them. Room around a picture
    is not: it is filled in white where a format has no transparency."""
    covered = False
    for component in transformation:
        effect, radius, opacity = component.get(EFFECT), component.get(RADIUS), component.get(OPACITY)
        if radius or opacity is not None or (isinstance(effect, Effect) and effect.name in _MAKING_HOLES):
            return True
        background = component.get(BACKGROUND)
        covered = covered or (isinstance(background, Colour) and background.alpha == _OPAQUE)
    keeps = transformation.flag("preserve_transparency") is not None
    return info.has_alpha and (keeps or not covered)


def _may_be_png(transformation: Transformation, wanted: str | None, info: ImageInfo) -> bool:
    """``fl_any_format``: with ``q_auto``, flat graphics become a PNG of few colours whatever was asked for."""
    quality = transformation.last(QUALITY)
    free = transformation.flag("any_format") is not None and isinstance(quality, AutoQuality)
    return free and info.flat and wanted in {None, "auto", "jpg", "png"} and not is_animated(info)


def _best(bucket: AcceptBucket, info: ImageInfo, size: Size, *, alpha: bool) -> OutputFormat:
    """AVIF over WebP over the format every client knows; an animation stays one where it can.

    Flat graphics become WebP, which keeps every pixel of them in fewer bytes than AVIF needs to blur them, else PNG.
    """
    frames = info.pages if is_animated(info) else 1
    worth = frames == 1 and not info.flat and size.width * size.height >= _WORTH_AVIF
    if bucket.startswith("avif") and worth and FORMATS["avif"].fits(size, frames, alpha=alpha):
        return "avif"
    if bucket.endswith("webp") and FORMATS["webp"].fits(size, frames, alpha=alpha):
        return "webp"
    if frames > 1 and FORMATS["gif"].fits(size, frames, alpha=alpha):
        return "gif"
    return "png" if alpha or (info.flat and frames == 1) else "jpg"

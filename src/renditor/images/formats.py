"""The formats pictures are delivered in, and the choice between them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from renditor.errors import InvalidTransformation
from renditor.images.base import ImageInfo

OutputFormat = Literal["jpg", "png", "webp", "avif", "gif"]
AcceptBucket = Literal["avif+webp", "avif", "webp", "plain"]

# An Accept header holds a dozen entries; more are read from nobody who wants a picture.
_MAX_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Format:
    """What a format can hold. ``max_side`` in px, by its specification or its encoder."""

    content_type: str
    max_side: int
    alpha: bool = True
    animation: bool = False


FORMATS: dict[str, Format] = {
    "jpg": Format("image/jpeg", max_side=65_500, alpha=False),  # libjpeg: JPEG_MAX_DIMENSION
    "png": Format("image/png", max_side=1_000_000),  # libpng: PNG_USER_WIDTH_MAX
    "webp": Format("image/webp", max_side=16_383, animation=True),  # 14 bits in the container
    "avif": Format("image/avif", max_side=16_384),  # libheif's encoder limit
    "gif": Format("image/gif", max_side=65_535, animation=True),  # 16 bits in the header
}


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


def pick_format(accept: str, requested: str | None, info: ImageInfo) -> OutputFormat:
    """The concrete format to deliver.

    Args:
        accept: the raw ``Accept`` header; read for ``auto`` only, so ``Vary: Accept`` belongs to ``auto`` answers.
        requested: what ``f_`` says, else the extension, else None for the format of the original.
        info: the original.

    Raises:
        InvalidTransformation: a format that is not made here.
    """
    if requested == "auto":
        return _best(accept_bucket(accept), info)
    for fmt in get_args(OutputFormat):
        if fmt == (requested or info.format):
            picked: OutputFormat = fmt
            return picked
    if requested is not None:
        raise InvalidTransformation(f"Unsupported format {requested}", hint="Pictures come as " + ", ".join(FORMATS))
    return "png" if info.has_alpha else "jpg"


def _best(bucket: AcceptBucket, info: ImageInfo) -> OutputFormat:
    """AVIF over WebP over the format every client knows; an animation stays one."""
    longest = max(info.width, info.height)
    animated = is_animated(info)
    if bucket.startswith("avif") and not animated and longest <= FORMATS["avif"].max_side:
        return "avif"
    if bucket.endswith("webp") and longest <= FORMATS["webp"].max_side:
        return "webp"
    if animated:
        return "gif"
    return "png" if info.has_alpha else "jpg"

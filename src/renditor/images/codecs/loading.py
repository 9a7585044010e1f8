"""Opening a source: from a descriptor, with the one loader its format needs, no larger than the result asks for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pyvips

from renditor.errors import CorruptMedia, InvalidTransformation, LimitExceeded, RenditorError, UnsupportedMedia
from renditor.images.base import ImageInfo
from renditor.images.codecs.adapters import ADAPTERS, decode, open_adapted
from renditor.images.codecs.attribution import NOBODY, Attribution, read_attribution
from renditor.images.codecs.gainmap import has_gain_map
from renditor.images.pipeline.geometry import Size

# The loader is named by what the first bytes said; libvips never guesses. Guessing lets a file named photo.jpg reach
# any loader that was built in, libvips' own memory-mapped .v format among them.
_LOADERS = {
    "jpg": "jpegload_source",  # the base picture of a gain-map JPEG; its HDR part stays unread
    "png": "pngload_source",
    "webp": "webpload_source",
    "avif": "heifload_source",
    "gif": "gifload_source",
    "tiff": "tiffload_source",
    "svg": "svgload_source",
}
SOURCE_FORMATS = frozenset(_LOADERS) | frozenset(ADAPTERS)
_PAGED = frozenset({"gif", "webp", "tiff", "avif"})
_SVG_CLASS = "VipsForeignLoadSvg"

_UPRIGHT, _MIRRORED = 1, 2
_FIRST_SIDEWAYS = 5  # EXIF orientations 5-8 swap width and height
# The last two are words of encoders (AV1; WebP): with our parameters, memory is all that can be missing.
_OUT_OF_MEMORY = (
    "memory allocation",
    "out of memory",
    "insufficient memory",
    "unable to allocate",
    "cannot allocate",
    "encoder plugin",
    "save_buffer:",
)
_SHOWN = 120  # characters of libvips' own reason that are passed on


def load(source: int, fmt: str, **options: Any) -> pyvips.Image:
    """A lazy image: the header is read, pixels are not. What libvips cannot read itself is decoded here and now.

    Args:
        source: descriptor of the file; its position does not matter.
        fmt: one of ``SOURCE_FORMATS``.
        options: of the libvips loader; by default it reads strictly from top to bottom and fails on damage.

    Raises:
        UnsupportedMedia: no loader for ``fmt``.
        CorruptMedia, LimitExceeded: see ``adapters.decode``.
        pyvips.Error: not a file of that format.
    """
    if fmt in ADAPTERS:
        return decode(open_adapted(source, fmt))
    if fmt not in _LOADERS:
        raise UnsupportedMedia(f"Pictures in the format {fmt[:20]} are not read here")
    os.lseek(source, 0, os.SEEK_SET)  # the descriptor shares its position with an earlier reading
    opened = pyvips.Source.new_from_descriptor(source)
    loader = getattr(pyvips.Image, _LOADERS[fmt])
    with _enabled(fmt):
        image: pyvips.Image = loader(opened, **{"access": "sequential", "fail_on": "error", **options})
    return image


@contextlib.contextmanager
def _enabled(fmt: str) -> Iterator[None]:
    """The SVG loader exists only while a file that was declared to be SVG is opened."""
    if fmt != "svg":
        yield
        return
    pyvips.operation_block_set(_SVG_CLASS, False)
    try:
        yield
    finally:
        pyvips.operation_block_set(_SVG_CLASS, True)


def read_header(source: int, fmt: str, page: int = 0) -> ImageInfo:
    """What the header says of one page; nothing is decoded.

    Args:
        source: descriptor of the file.
        fmt: one of ``SOURCE_FORMATS``.
        page: of a file with several pictures, from 0. The pages of a TIFF differ in size.

    Raises:
        CorruptMedia, UnsupportedMedia, LimitExceeded: not a readable file of that format, or no such page.
    """
    if fmt in ADAPTERS:
        opened = open_adapted(source, fmt)
        return ImageInfo(
            format=fmt,
            width=opened.width,
            height=opened.height,
            has_alpha=opened.has_alpha,
            bands=opened.bands,
            bit_depth=opened.bits,
            colour_space=opened.space,
            has_icc=opened.has_profile,
        )
    with vips_errors():
        image = load(source, fmt, **page_option(fmt, page))
    size = Size(image.width, image.height)
    turn = orientation(image)
    shown = size.turned() if turn >= _FIRST_SIDEWAYS else size
    return ImageInfo(
        format=fmt,
        width=shown.width,
        height=shown.height,
        orientation=turn,
        pages=_field(image, "n-pages", 1),  # get_n_pages() says 1 from 10 000 frames on
        has_alpha=bool(image.hasalpha()),
        bands=image.bands,
        bit_depth=_field(image, "bits-per-sample", 8 if image.format == "uchar" else 16),
        colour_space=image.interpretation,
        has_icc=image.get_typeof("icc-profile-data") != 0,
        has_gain_map=fmt == "jpg" and has_gain_map(source),
    )


def attribution_of(source: int, fmt: str) -> Attribution:
    """Caption, artist and copyright of a file. Nobody's for what comes through an adapter: those read pixels only.

    Raises:
        CorruptMedia, UnsupportedMedia: not a readable file of that format.
    """
    if fmt in ADAPTERS:
        return NOBODY
    with vips_errors():
        return read_attribution(load(source, fmt))


def page_option(fmt: str, page: int) -> dict[str, Any]:
    """The loader option that chooses a page, from 0. Left out for the first: an AVIF says itself which one that is.

    Raises:
        InvalidTransformation: a format of one page.
    """
    if page == 0:
        return {}
    if fmt not in _PAGED:
        raise InvalidTransformation(f"There is no page {page + 1}: a picture in the format {fmt} has one")
    return {"page": page}


def load_upright(source: int, info: ImageInfo, target: Size | None, page: int = 0) -> pyvips.Image:
    """One frame, upright, in its own colours.

    Args:
        source: descriptor of the file.
        info: the header of that page.
        target: scale to this size (as displayed), decoding no more than that takes; None: full size.
        page: see ``read_header``.

    Raises:
        pyvips.Error, CorruptMedia: see ``load``.
    """
    sideways = info.orientation >= _FIRST_SIDEWAYS
    chosen = page_option(info.format, page)
    if target is None:
        image = load(source, info.format, **chosen)
    else:
        stored = Size(info.width, info.height).turned() if sideways else Size(info.width, info.height)
        wanted = target.turned() if sideways else target
        image = load(source, info.format, **shrink_on_load(info.format, stored, wanted), **chosen)
        image = resized(image, wanted)
    return turned_upright(image, info.orientation)


def turned_upright(image: pyvips.Image, turn: int) -> pyvips.Image:
    """Undo an EXIF orientation (1-8), once: the tag goes with it."""
    if turn == _UPRIGHT:
        return image
    if turn != _MIRRORED:
        image = image.copy_memory()  # turning reads columns; the loader gives rows, once
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", turn)
    return image.autorot()


def load_frames(source: int, info: ImageInfo) -> list[pyvips.Image]:
    """All frames of an animation, upright, at full size. They share one decode: use them in order.

    Raises:
        pyvips.Error: see ``load``.
    """
    strip = load(source, info.format, n=-1)
    height = strip.get_page_height()
    frames = (strip.crop(0, top, strip.width, height) for top in range(0, strip.height, height))
    return [turned_upright(frame, info.orientation) for frame in frames]


def shrink_on_load(fmt: str, stored: Size, wanted: Size) -> dict[str, Any]:
    """Loader options that decode fewer pixels when the result is smaller. Pure.

    JPEG scales by 1/2, 1/4, 1/8 inside the inverse DCT; at least twice the wanted size is left for the good filter
    (the margin libvips itself keeps). WebP scales to any size while decoding. SVG is drawn at the size that is wanted,
    also when that is larger.
    """
    factor = min(stored.width / wanted.width, stored.height / wanted.height)
    if fmt == "svg":
        return {"scale": 1 / factor}
    if fmt == "jpg":
        for shrink in (8, 4, 2):
            if factor >= 2 * shrink:
                return {"shrink": shrink}
    if fmt == "webp" and factor > 1:
        return {"scale": 1 / factor}
    return {}


def resized(image: pyvips.Image, size: Size) -> pyvips.Image:
    """Scaled with Lanczos3, after a box filter for large steps. Colours are weighted by their alpha, so that what is
    transparent does not bleed into the edges."""
    if (image.width, image.height) == (size.width, size.height):
        return image
    stored_as = image.format
    has_alpha = image.hasalpha()
    if has_alpha:
        image = image.premultiply().cast(stored_as)  # floats would cost twice the CPU for colours nobody can see
    image = image.resize(size.width / image.width, vscale=size.height / image.height)
    return image.unpremultiply().cast(stored_as) if has_alpha else image


def orientation(image: pyvips.Image) -> int:
    """EXIF orientation, 1-8. AVIF carries its own turns, which the loader has already applied."""
    if image.get("vips-loader").startswith("heif"):
        return _UPRIGHT
    value: int = _field(image, "orientation", _UPRIGHT)
    return value if _UPRIGHT <= value <= 8 else _UPRIGHT


def _field(image: pyvips.Image, name: str, default: int) -> int:
    return int(image.get(name)) if image.get_typeof(name) else default


@contextlib.contextmanager
def vips_errors() -> Iterator[None]:
    """Turn what libvips says about a source into an error of ours.

    Raises:
        LimitExceeded: it needed more memory than the decoder has.
        UnsupportedMedia: the right kind of file, with a compression that is not built in (HEIC inside AVIF).
        CorruptMedia: everything else.
    """
    try:
        yield
    except pyvips.Error as error:
        raise _translated(str(error)) from error


def _translated(text: str) -> RenditorError:
    # The first line only says which call failed; the reason follows, often twice.
    lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
    reason = lines[0][:_SHOWN] if lines else ""
    lower = text.lower()
    if any(words in lower for words in _OUT_OF_MEMORY):
        return LimitExceeded("The picture needs more memory than this server allows", hint="Upload a smaller picture")
    if "has not been built in" in lower:
        return UnsupportedMedia("The picture uses a compression that is not read here")
    return CorruptMedia(f"The picture cannot be decoded: {reason}" if reason else "The picture cannot be decoded")

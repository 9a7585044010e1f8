"""Pictures that libvips cannot read: HEIC, BMP and ICO, through Pillow and pillow-heif. Inside a decoder only.

Each adapter reads the header first, so that the limits apply before a pixel is decoded. All of them decode whole
pictures: nothing is scaled while decoding and nothing is streamed, which is why their limits are lower.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import pyvips
from PIL import BmpImagePlugin, IcoImagePlugin, Image

from renditor.errors import CorruptMedia, LimitExceeded, RenditorError, UnsupportedMedia

try:
    import pillow_heif
except ImportError:  # left out by who ships without GPL: docs/decisions/0017-heic-through-pillow.md
    pillow_heif = None  # type: ignore[assignment]  # a module that is missing

# Our own limits apply, by format and from the header; Pillow's single number would warn before it refuses.
Image.MAX_IMAGE_PIXELS = None
if pillow_heif:
    # A hostile file can carry hundreds of thumbnails, depth maps and auxiliary pictures: none is ever looked at.
    pillow_heif.options.THUMBNAILS = pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False
    pillow_heif.options.DECODE_THREADS = 1  # one core per decoder: the pool has one decoder per core

# (bits per sample, in colour) -> what libvips calls it
_SPACES = {(8, True): "srgb", (16, True): "rgb16", (8, False): "b-w", (16, False): "grey16"}
_ICON_HEADER, _ICON_ENTRY = 6, 16  # bytes
_MAX_ENTRIES = 100  # of an icon; real ones have a dozen, a hostile one 65 535
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Adapted:
    """A picture whose header has been read. ``read`` decodes it, as displayed; sizes are px, ``bits`` per sample."""

    width: int
    height: int
    bands: int
    bits: int
    read: Callable[[], pyvips.Image]
    has_profile: bool = False

    @property
    def has_alpha(self) -> bool:
        return self.bands in {2, 4}

    @property
    def space(self) -> str:
        return _SPACES[self.bits, self.bands > 2]


def open_adapted(source: int, fmt: str) -> Adapted:
    """Read the header of the file behind the descriptor. ``fmt`` is one of ``ADAPTERS``.

    Raises:
        CorruptMedia, UnsupportedMedia, LimitExceeded: not a readable file of that format.
    """
    content = os.pread(source, os.fstat(source).st_size, 0)
    try:
        opened = ADAPTERS[fmt](content)
    except Exception as error:  # noqa: BLE001 - what a damaged file makes these libraries raise is not declared
        _refuse(error)
    if min(opened.width, opened.height) < 1:
        raise CorruptMedia("The picture cannot be decoded: it has no pixels")
    return opened


def decode(opened: Adapted) -> pyvips.Image:
    """The pixels, 8 or 16 bits, in memory.

    Raises:
        CorruptMedia, UnsupportedMedia, LimitExceeded: damaged, or larger than its header says.
    """
    try:
        image = opened.read()
    except Exception as error:  # noqa: BLE001 - see open_adapted
        _refuse(error)
    if (image.width, image.height) != (opened.width, opened.height):
        raise CorruptMedia("The picture cannot be decoded: its header is wrong about its size")
    return image


def _refuse(error: Exception) -> NoReturn:
    if isinstance(error, RenditorError):
        raise error
    text = str(error).lower()
    if isinstance(error, MemoryError) or "memory" in text or "security limit" in text:
        raise LimitExceeded("The picture needs more memory than this server allows", hint="Upload a smaller picture")
    if isinstance(error, NotImplementedError) or "unsupported" in text:
        raise UnsupportedMedia("The picture uses a compression that is not read here") from error
    raise CorruptMedia("The picture cannot be decoded: it is damaged or truncated") from error


def _heic(content: bytes) -> Adapted:
    """The primary picture. libheif applies the turns and mirrors of the container; by the standard (ISO/IEC 23008-12)
    the EXIF orientation says the same again and is not applied."""
    file = pillow_heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=False, hdr_to_16bit=True)
    picture = file[file.primary_index]
    kind, _, bits = picture.mode.partition(";")
    bands = len(kind) if kind != "I" else 1
    profile = picture.info.get("icc_profile") or b""

    def read() -> pyvips.Image:
        image = _from_pixels(picture.data, picture.size, bands, 16 if bits else 8)
        shift = 16 - int(bits.rstrip("L") or 16) if bits else 0
        if shift:  # grey pictures of 10 and 12 bits stay in the low bits
            image = (image << shift).copy(interpretation=image.interpretation)
        if picture.premultiplied_alpha:
            image = image.unpremultiply().cast(image.format)
        if profile:
            image = image.copy()
            image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
        return image

    return Adapted(*picture.size, bands, 16 if bits else 8, read, has_profile=bool(profile))


def _bmp(content: bytes) -> Adapted:
    return _of_pillow(BmpImagePlugin.BmpImageFile(io.BytesIO(content)))


def _ico(content: bytes) -> Adapted:
    """The largest entry; of equal ones that with most colours. The sizes in the directory are one byte each and often
    wrong: what counts is the header of the entry itself."""
    reserved, kind, count = struct.unpack_from("<HHH", content)
    if (reserved, kind) != (0, 1) or not 1 <= count <= _MAX_ENTRIES:
        raise CorruptMedia("The picture cannot be decoded: not an icon")
    entries = []
    for at in range(_ICON_HEADER, _ICON_HEADER + count * _ICON_ENTRY, _ICON_ENTRY):
        size, offset = struct.unpack_from("<II", content, at + 8)
        if offset + size > len(content):
            raise CorruptMedia("The picture is truncated")
        entries.append(_icon_entry(content[offset : offset + size]))
    return max(entries, key=lambda entry: (entry.width * entry.height, entry.bits))


def _icon_entry(payload: bytes) -> Adapted:
    if payload.startswith(_PNG):
        png = pyvips.Image.pngload_buffer(payload, fail_on="error")
        return Adapted(png.width, png.height, png.bands, 8 if png.format == "uchar" else 16, png.copy_memory)
    width, doubled, _, depth = struct.unpack_from("<iiHH", payload, 4)
    # The bitmap is as high as colours and mask together. Rebuilt as an icon of one entry, for Pillow to take apart.
    entry = struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, depth, len(payload), _ICON_HEADER + _ICON_ENTRY)
    icon = struct.pack("<HHH", 0, 1, 1) + entry + payload

    def read() -> pyvips.Image:
        return _pixels_of(IcoImagePlugin.IcoFile(io.BytesIO(icon)).frame(0))

    return Adapted(width, abs(doubled) // 2, 4, 8, read)


def _of_pillow(picture: Image.Image) -> Adapted:
    bands = len(_shown_mode(picture))
    return Adapted(*picture.size, bands, 8, lambda: _pixels_of(picture))


def _shown_mode(picture: Image.Image) -> str:
    """Palettes become colours, bits become grey."""
    return {"1": "L", "P": "RGB"}.get(picture.mode, picture.mode)


def _pixels_of(picture: Image.Image) -> pyvips.Image:
    mode = _shown_mode(picture)
    shown = picture if mode == picture.mode else picture.convert(mode)
    return _from_pixels(shown.tobytes(), shown.size, len(mode), 8)


def _from_pixels(pixels: Any, size: tuple[int, int], bands: int, bits: int) -> pyvips.Image:
    image = pyvips.Image.new_from_memory(pixels, *size, bands, "uchar" if bits == 8 else "ushort")
    return image.copy(interpretation=_SPACES[bits, bands > 2])


ADAPTERS: dict[str, Callable[[bytes], Adapted]] = {
    "bmp": _bmp,
    "ico": _ico,
    **({"heic": _heic} if pillow_heif else {}),
}


def warm_up() -> None:
    """Load what these libraries load at first use; see ``decoder``."""
    if pillow_heif:
        pillow_heif.libheif_info()
    for compression in (0, 1):  # plain, RLE8: a palette picture of one px
        pixels = b"\x00\x00\x00\x00" if compression == 0 else b"\x01\x00\x00\x00\x00\x01"
        header = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 8, compression, len(pixels), 0, 0, 1, 0)
        start = 14 + len(header) + 4
        file = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + bytes(4) + pixels
        _bmp(file).read()
    icon = struct.pack("<IiiHHIIiiII", 40, 1, 2, 1, 32, 0, 8, 0, 0, 0, 0) + bytes(8)
    _icon_entry(icon).read()

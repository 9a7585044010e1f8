"""What a file is, from its first bytes. The declared type and the name are never trusted.

An allow-list: what is not recognised here is refused, whatever it may be. A container (MP4, Matroska, Ogg) says only
that it *may* hold video; whether it does is decided by the probe in the sandbox.
Sources of the signatures: the formats' own specifications (ISO/IEC 14496-12 for ``ftyp``, RFC 9559 for EBML,
RFC 3533 for Ogg, ETSI TS 102 366 for AC-3, ISO/IEC 13818-1 for transport streams, RIFF of 1991, ISO/IEC 23008-12
for HEIF brands, the Windows SDK for bitmaps and icons, SVG 2).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from renditor.content.mpeg import is_mpeg_audio
from renditor.errors import Unprocessable, UnsupportedMedia
from renditor.models import MediaType

SNIFF_BYTES = 64 * 1024

ACCEPTED = (
    "JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF, BMP and ICO images; "
    "MP4, MOV, WebM, MKV, AVI, FLV, WMV, MPEG and 3GP videos; "
    "MP3, M4A, AAC, FLAC, WAV, OGG, Opus, AIFF, CAF, AMR and AC-3 audio"
)


@dataclass(frozen=True, slots=True)
class Sniffed:
    """``format`` is the file extension we would give it; ``media_type`` of a container is what it may be at most."""

    media_type: MediaType
    format: str
    content_type: str


JPEG = Sniffed("image", "jpg", "image/jpeg")
PNG = Sniffed("image", "png", "image/png")
GIF = Sniffed("image", "gif", "image/gif")
WEBP = Sniffed("image", "webp", "image/webp")
AVIF = Sniffed("image", "avif", "image/avif")
HEIC = Sniffed("image", "heic", "image/heic")
HEIF = Sniffed("image", "heic", "image/heif")
BMP = Sniffed("image", "bmp", "image/bmp")
ICO = Sniffed("image", "ico", "image/vnd.microsoft.icon")
SVG = Sniffed("image", "svg", "image/svg+xml")
TIFF = Sniffed("image", "tiff", "image/tiff")
MP4 = Sniffed("video", "mp4", "video/mp4")
MOV = Sniffed("video", "mov", "video/quicktime")
THREE_GP = Sniffed("video", "3gp", "video/3gpp")
MATROSKA = Sniffed("video", "mkv", "video/x-matroska")
WEBM = Sniffed("video", "webm", "video/webm")
AVI = Sniffed("video", "avi", "video/x-msvideo")
FLV = Sniffed("video", "flv", "video/x-flv")
ASF = Sniffed("video", "wmv", "video/x-ms-wmv")
TS = Sniffed("video", "ts", "video/mp2t")
MPEG = Sniffed("video", "mpg", "video/mpeg")
OGV = Sniffed("video", "ogv", "video/ogg")
M4A = Sniffed("audio", "m4a", "audio/mp4")
OGG = Sniffed("audio", "ogg", "audio/ogg")
OPUS = Sniffed("audio", "opus", "audio/ogg")
MP3 = Sniffed("audio", "mp3", "audio/mpeg")
AAC = Sniffed("audio", "aac", "audio/aac")
FLAC = Sniffed("audio", "flac", "audio/flac")
WAV = Sniffed("audio", "wav", "audio/wav")
AIFF = Sniffed("audio", "aiff", "audio/aiff")
AMR = Sniffed("audio", "amr", "audio/amr")
AC3 = Sniffed("audio", "ac3", "audio/ac3")
CAF = Sniffed("audio", "caf", "audio/x-caf")

# All formats, by the extension that we give them.
FORMATS: tuple[str, ...] = (
    "jpg", "png", "webp", "avif", "heic", "gif", "tiff", "bmp", "ico", "svg",
    "mp4", "mov", "webm", "mkv", "avi", "flv", "wmv", "ts", "mpg", "3gp", "ogv",
    "mp3", "m4a", "aac", "flac", "wav", "ogg", "opus", "aiff", "caf", "amr", "ac3", "mka", "weba",
)  # fmt: skip

# The containers that the probe may find behind a signature, by its own names.
_ISO, _EBML = frozenset({"mp4", "mov", "3gp", "m4a"}), frozenset({"matroska", "webm"})
_CONTAINERS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("mp4", "mov", "3gp", "m4a"), _ISO),
    **dict.fromkeys(("mkv", "webm"), _EBML),
    **dict.fromkeys(("ogv", "ogg", "opus"), frozenset({"ogg"})),
    **{name: frozenset({name}) for name in ("avi", "flv", "flac", "wav", "aiff", "amr", "caf")},
    "wmv": frozenset({"asf"}),
    "ts": frozenset({"mpegts"}),
    "mpg": frozenset({"mpeg", "mpegvideo"}),
    "mp3": frozenset({"mp3", "aac", "flac"}),
    "aac": frozenset({"aac"}),
    "ac3": frozenset({"ac3", "eac3"}),
}
# Behind an ID3 tag, which says MP3.
_BEHIND_TAGS = {"aac": AAC, "flac": FLAC}

# What a container that turns out to hold no moving picture is called.
_AUDIO_ONLY = {"mp4": M4A, "mov": M4A, "3gp": M4A, "mkv": Sniffed("audio", "mka", "audio/x-matroska"),
               "webm": Sniffed("audio", "weba", "audio/webm"), "ogv": OGG}  # fmt: skip

_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = _HEVC_BRANDS | {b"mif1", b"msf1", b"mif2"}
_AVIF_BRANDS = {b"avif", b"avis"}
_AUDIO_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"F4A "}
# Boxes that may open a QuickTime file without ``ftyp``.
_QUICKTIME_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}

_PREFIXES: tuple[tuple[bytes, Sniffed], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"FLV\x01", FLV),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", ASF),
    (b"\x00\x00\x01\xba", MPEG),
    (b"\x00\x00\x01\xb3", MPEG),
    (b"fLaC", FLAC),
    (b"ID3", MP3),  # an ID3v2 tag may also stand before AAC or FLAC: the probe names the real codec
    (b"#!AMR", AMR),
    (b"\x0b\x77", AC3),
    (b"caff\x00\x01", CAF),
)


def sniff(head: bytes) -> Sniffed:
    """Tell what ``head``, the first bytes of a file (64 KiB, or all of a smaller one), begins.

    SVG is told by its content like the rest, but is text that many other things could pass for: whoever takes it in
    asks ``declares_svg`` as well.

    Raises:
        UnsupportedMedia: not on the allow-list (415).
        Unprocessable: no bytes at all (422).
    """
    if not head:
        raise Unprocessable("The file is empty.", code="empty-file", hint="Send the bytes of a photo, video or song.")
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    for look in _LOOKS:
        found = look(head)
        if found:
            return found
    raise UnsupportedMedia("The content of this file is not of an accepted type.", hint=f"Accepted: {ACCEPTED}.")


def agreed(sniffed: Sniffed, probed: str) -> Sniffed:
    """What the signature and the probe together say a video or audio file is.

    Args:
        sniffed: what its first bytes say.
        probed: the container that the probe found (``MediaProbe.format``).

    Raises:
        UnsupportedMedia: they do not agree: the file is two things at once, made to pass for one of them.
    """
    if probed not in _CONTAINERS.get(sniffed.format, frozenset()):
        raise UnsupportedMedia("The content of this file is not what it begins like.", code="ambiguous-content")
    return _BEHIND_TAGS.get(probed, sniffed) if sniffed == MP3 else sniffed


def audio_only(container: Sniffed) -> Sniffed:
    """What to call a container whose probe found audio but no moving picture."""
    if container.media_type == "audio":
        return container
    return _AUDIO_ONLY.get(container.format, Sniffed("audio", container.format, container.content_type))


def declares_svg(name: str | None, content_type: str | None) -> bool:
    """Whether the sender says that the file is SVG: by its type, or by its name where the type says nothing."""
    essence = (content_type or "").partition(";")[0].strip().lower()
    return essence == SVG.content_type or (name or "").lower().endswith(".svg")


_INFO_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})  # sizes in bytes of the versions of a bitmap's header
_BIT_COUNTS = frozenset({1, 2, 4, 8, 16, 24, 32})


def _bitmap(head: bytes) -> Sniffed | None:
    """ "BM" alone opens many a text: the headers behind it must make sense."""
    if len(head) < 30 or head[:2] != b"BM":
        return None
    start, size = struct.unpack_from("<II", head, 10)
    planes, bits = struct.unpack_from("<HH", head, 22 if size == 12 else 26)
    found = size in _INFO_HEADERS and start >= 14 + size and planes == 1 and bits in _BIT_COUNTS
    return BMP if found else None


def _icon(head: bytes) -> Sniffed | None:
    """Four bytes that are nearly all zero say little: the first entry must make sense too."""
    if len(head) < 22 or head[:4] != b"\x00\x00\x01\x00":
        return None
    (count,) = struct.unpack_from("<H", head, 4)
    size, offset = struct.unpack_from("<II", head, 14)
    return ICO if count and head[9] == 0 and size and offset >= 6 + 16 * count else None


# The root element must be <svg>, in its namespace if with a prefix. What may stand before it: a byte order mark, the
# declaration, comments, processing instructions and a document type without declarations of its own (an internal
# subset is where XML entity bombs live).
_SVG = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?[^<>]*\?>\s*|<!--(?:[^-]|-[^-])*-->\s*|<!DOCTYPE\s+svg[^<>\[\]]*>\s*)*<(?:svg:)?svg[\s>/]"
)


def _svg(head: bytes) -> Sniffed | None:
    return SVG if _SVG.match(head) else None


def _riff(head: bytes) -> Sniffed | None:
    if head[:4] not in (b"RIFF", b"RF64"):
        return None
    return {b"WEBP": WEBP, b"WAVE": WAV, b"AVI ": AVI}.get(head[8:12])


def _aiff(head: bytes) -> Sniffed | None:
    return AIFF if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC") else None


def _iso_media(head: bytes) -> Sniffed | None:
    box = head[4:8]
    if box != b"ftyp":
        return MOV if box in _QUICKTIME_BOXES and len(head) > 8 else None
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major} | {head[at : at + 4] for at in range(16, size - 3, 4)}
    if brands & _AVIF_BRANDS:
        return AVIF
    if major in _HEIF_BRANDS:
        return HEIC if brands & _HEVC_BRANDS else HEIF
    if major in _AUDIO_BRANDS:
        return M4A
    if major == b"qt  ":
        return MOV
    return THREE_GP if major[:2] in (b"3g", b"3r") else MP4


def _ebml(head: bytes) -> Sniffed | None:
    if head[:4] != b"\x1aE\xdf\xa3":
        return None
    return WEBM if b"webm" in head[:64] else MATROSKA


def _ogg(head: bytes) -> Sniffed | None:
    if head[:4] != b"OggS":
        return None
    if b"\x80theora" in head[:4096]:
        return OGV
    return OPUS if b"OpusHead" in head[:128] else OGG


def _transport_stream(head: bytes) -> Sniffed | None:
    # Sync bytes at five packet starts: one 0x47 ("G") alone opens many text files. 192: Blu-ray's four-byte time code.
    for size, first in ((188, 0), (192, 4)):
        at = range(first, first + 5 * size, size)
        if len(head) > at[-1] and all(head[i] == 0x47 for i in at):
            return TS
    return None


def _adts(head: bytes) -> Sniffed | None:
    """AAC in ADTS: twelve set bits, layer 0, a sample rate that exists."""
    found = len(head) > 3 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 and (head[2] >> 2) & 0x0F < 13
    return AAC if found else None


def _mpeg_audio(head: bytes) -> Sniffed | None:
    return MP3 if is_mpeg_audio(head) else None


_LOOKS: tuple[Callable[[bytes], Sniffed | None], ...] = (
    _riff, _aiff, _iso_media, _ebml, _ogg, _bitmap, _icon, _svg, _transport_stream, _adts, _mpeg_audio,
)  # fmt: skip

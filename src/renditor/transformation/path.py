"""Taking a delivery path apart: signature, transformation, version, public id, extension.

    /{tenant}/{image|video|raw}/{upload|private|authenticated}/[s--sig--/][transformation/][v<digits>/]public_id[.ext]

Only the tail after the delivery type is read here. It is the *raw* path, still percent-encoded: an encoded slash or
comma must not be taken for a separator before the path is split.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from renditor.errors import NotFound
from renditor.models import ResourceType
from renditor.transformation.chain import Transformation
from renditor.transformation.choices import FORMAT_ALIASES
from renditor.transformation.faults import TransformationError
from renditor.transformation.grammar import MAX_LINKS, parse, parse_supported, read_component, read_supported
from renditor.transformation.operations import PRESET

# Longest tail, percent-encoded: a transformation, and a public id of 255 characters in the longest encoding (12 each).
MAX_TAIL = 6000
# Longest public id, as Cloudinary has it; it also fits every file system and object store as a name.
MAX_PUBLIC_ID = 255

_SIGNATURE = re.compile(r"s--([A-Za-z0-9_\-]{8}|[A-Za-z0-9_\-]{32})--")
# Texts inside of a raw component: those of layers, up to the comma that ends the parameter, and those of variables.
_TEXT = re.compile(r"(?:(?<![^,])[lu]_text(?::|%3[aA])[^,]*)|![^!,]*!")
_VERSION = re.compile(r"v([0-9]{1,18})")

# What may follow the last dot of a path and be taken for a format. Anything else belongs to the public id, so that
# "release-1.2" and "mr.smith" are ids. Formats that nothing here makes are listed too: asking for them should say so.
_IMAGES = "jpg png webp avif gif svg ico bmp tiff heic heif jxl jp2 psd pdf"
_VIDEO_AND_AUDIO = "mp4 webm mov mkv avi m3u8 mpd ts m4s vtt srt mp3 m4a aac ogg opus oga wav flac"
EXTENSIONS = frozenset(f"{_IMAGES} {_VIDEO_AND_AUDIO} json txt zip".split())
EXTENSION_ALIASES = FORMAT_ALIASES

# First keys of every Cloudinary parameter, ours or not. They tell a mistyped or unsupported transformation
# (``e_sepia/cat.jpg``) from a folder of a public id (``my_cats/cat.jpg``).
_CLOUDINARY_KEYS = (
    "a ac af ar b bl bo br c co cs d dl dn dpr du e eo f fl fn fps g h if ki l o p pg q r so sp t u vc vs w x y z"
)
_RESERVED_KEYS = frozenset(_CLOUDINARY_KEYS.split())


@dataclass(frozen=True, slots=True)
class DeliveryPath:
    """A delivery path, taken apart.

    ``signed`` is the text a signature covers: the transformation as it stands in the path, and the public id with its
    extension in the encoding of the SDKs.
    ``doubt`` is set when the public id starts with what looks like a transformation but is not a valid one: if no asset
    has that public id, this error tells the visitor more than "not found".
    ``left_out`` are the parts of the transformation that nothing here makes, when those are to be ignored.
    """

    transformation: Transformation
    public_id: str
    ext: str | None = None
    version: int | None = None
    signature: str | None = None
    signed: str = ""
    doubt: TransformationError | None = None
    left_out: tuple[str, ...] = ()


def split_delivery_path(
    tail: str,
    resource: ResourceType = "image",
    presets: Mapping[str, str] | None = None,
    *,
    ignore_unsupported: bool = False,
) -> DeliveryPath:
    """Take the tail of a delivery path apart.

    If a ``v<digits>`` segment exists, everything before it must be a transformation; otherwise the longest run of valid
    components at the start is one, and the rest is the public id. A ``raw`` path has no transformation, and its
    extension is part of the public id.

    Args:
        tail: what follows ``/{tenant}/{resource}/{type}/``, percent-encoded, without the query.
        resource: the resource type of the path.
        presets: name -> transformation text, for ``t_name``.
        ignore_unsupported: parts that are real and not made here are left out, as ``parse_supported`` does.

    Raises:
        UnsupportedTransformation: it asks for something real that is not made here (400).
        TransformationError: what stands before the version, or reads like components, is not a transformation (400).
        NotFound: the rest cannot be the public id of any asset (404).
    """
    if len(tail) > MAX_TAIL:
        raise NotFound
    segments = tail.split("/")
    signature = _SIGNATURE.fullmatch(segments[0])
    if signature and len(segments) > 1:
        del segments[0]
    else:
        signature = None
    at = _version_at(segments, resource)
    version = None if at is None else int(segments[at][1:])
    reading = _Reading(presets or {}, ignore_unsupported)
    head, rest = _split_head(segments, at, resource, reading)
    transformation, left_out = reading.whole("/".join(_decode_component(segment) for segment in head))
    public_id, ext = _split_public_id(rest, resource)
    return DeliveryPath(
        transformation=transformation,
        public_id=public_id,
        ext=ext,
        version=version,
        signature=signature[1] if signature else None,
        signed="/".join((*head, _encode_as_signed("/".join(rest)))),
        doubt=None if at is not None or resource == "raw" else _doubt(rest, reading),
        left_out=left_out,
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """How transformations are read for one path."""

    presets: Mapping[str, str]
    ignore_unsupported: bool

    def whole(self, text: str) -> tuple[Transformation, tuple[str, ...]]:
        if self.ignore_unsupported:
            return parse_supported(text, self.presets)
        return parse(text, self.presets), ()

    def fault(self, segment: str) -> TransformationError | None:
        """What keeps this one segment from being a component, or None."""
        try:
            text = _decode_component(segment)
            values = read_supported(text)[0] if self.ignore_unsupported else read_component(text)
            if PRESET.key in values:
                parse(text, self.presets)
        except TransformationError as error:
            return error
        return None


def public_id_fault(public_id: str) -> str | None:
    """Why this text cannot be a public id, or None when it can. The same rule holds for uploads and for delivery."""
    if not 1 <= len(public_id) <= MAX_PUBLIC_ID:
        return f"A public id has 1 to {MAX_PUBLIC_ID} characters"
    if any(segment in {"", ".", ".."} or segment != segment.strip() for segment in public_id.split("/")):
        return "The parts of a public id between slashes may not be empty, . or .., or start or end with a space"
    # Backslashes and control characters (NUL first) change meaning in file systems, headers and logs.
    if "\\" in public_id or any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in public_id):
        return "A public id may not hold backslashes or control characters"
    return None


def _version_at(segments: list[str], resource: ResourceType) -> int | None:
    """Where the first version stands. The last segment is the public id, whatever it looks like."""
    candidates = segments[:1] if resource == "raw" else segments
    for place, segment in enumerate(candidates[: len(segments) - 1]):
        if _VERSION.fullmatch(segment):
            return place
    return None


def _split_head(
    segments: list[str], version_at: int | None, resource: ResourceType, reading: _Reading
) -> tuple[list[str], list[str]]:
    """The segments of the transformation, and those of the public id."""
    if version_at is not None:
        return segments[:version_at], segments[version_at + 1 :]
    if resource == "raw":
        return [], segments
    length = 0
    while length < len(segments) - 1 and length < MAX_LINKS and not reading.fault(segments[length]):
        length += 1
    return segments[:length], segments[length:]


def _doubt(rest: list[str], reading: _Reading) -> TransformationError | None:
    if len(rest) < 2:
        return None
    keys = {part.partition("_")[0] for part in rest[0].split(",") if "_" in part}
    return reading.fault(rest[0]) if keys & _RESERVED_KEYS or rest[0].startswith("$") else None


def _decode(segment: str) -> str:
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise NotFound from None


def _encode_as_signed(public_id: str) -> str:
    """Whatever a proxy did to the escapes, back to what the SDKs sign: all but ``A-Za-z0-9_.-/:`` escaped."""
    return quote(_decode(public_id), safe="/:").replace("~", "%7E")


def _decode_component(segment: str) -> str:
    """Decode once, but keep the escapes of what would be taken for a separator.

    ``%2E`` in a flag is the escape of a dot, which would otherwise end the flag. In the text of a layer or variable
    ``%2C`` and ``%2F`` are commas and slashes of that text: SDKs escape them twice, people once.
    """
    kept = _TEXT.sub(lambda match: re.sub("%(2[cCfF])", r"%25\1", match[0]), segment)
    try:
        text = unquote(re.sub("%2[eE]", "%252E", kept), errors="strict")
    except UnicodeDecodeError:
        raise TransformationError("The transformation is not UTF-8") from None
    if "/" in text:
        raise TransformationError("A slash inside a component", part="%2F")
    return text


def _split_public_id(segments: list[str], resource: ResourceType) -> tuple[str, str | None]:
    public_id = "/".join(_decode(segment) for segment in segments)
    ext = None
    stem, dot, suffix = public_id.rpartition(".")
    known = EXTENSION_ALIASES.get(suffix.lower(), suffix.lower())
    if resource != "raw" and dot and known in EXTENSIONS:
        public_id, ext = stem, known
    if public_id_fault(public_id):
        raise NotFound
    return public_id, ext

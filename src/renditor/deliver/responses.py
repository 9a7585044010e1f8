"""What delivery is asked and what it answers, free of any HTTP framework."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from renditor.models import Asset
from renditor.transformation.path import DeliveryPath

# Reads the bytes ``start`` (included) to ``end`` (excluded) of a body.
ReadRange = Callable[[int, int], AsyncIterator[bytes]]
# Names in lower case.
Headers = list[tuple[bytes, bytes]]

CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
    "mp4": "video/mp4",
    "m4s": "video/mp4",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "vtt": "text/vtt",
    "json": "application/json",
    "dat": "application/octet-stream",
    "svg": "image/svg+xml",
}

# What names of media files end in. Not svg: as a file of its own it may hold scripts.
_MEDIA_NAMES = frozenset((
    "jpg", "jpeg", "jpe", "png", "webp", "avif", "heic", "heif", "gif", "tif", "tiff", "bmp", "ico",
    "mp4", "m4v", "mov", "webm", "mkv", "avi", "flv", "wmv", "asf", "ts", "mts", "m2ts", "mpg", "mpeg", "3gp", "ogv",
    "mp3", "m4a", "m4b", "aac", "flac", "wav", "ogg", "oga", "opus", "aif", "aiff", "caf", "amr", "ac3", "mka", "weba",
))  # fmt: skip
# Separators of folders and of quoted strings, and what file systems do not take in a name; % would be decoded by some
# browsers in the plain form (RFC 6266, appendix D).
_RESERVED = frozenset("/\\\"'<>:|?*%;")
# File systems take 255 bytes; the extension and " (1)" need some.
_NAME_BYTES = 200

IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(slots=True)
class Request:
    """What delivery needs of an HTTP request: the values of the headers that an answer may depend on.

    ``hints``: client hints by lower-case name, as they came. ``grant``: that of the URL; ``cookies``: as they came;
    ``address``: of the client.
    """

    accept: str = ""
    if_none_match: str | None = None
    hints: dict[str, str] = field(default_factory=dict)
    grant: str | None = None
    cookies: str = ""
    address: str = ""

    def holds(self, stem: str) -> str | None:
        """The entity tag of this picture that the client holds already (RFC 9110, 13.1.2: weak comparison), or None.

        ``stem``: what all tags of the picture begin with: encodings of different effort are as good as each other.
        """
        if self.if_none_match is None:
            return None
        for given in self.if_none_match.split(","):
            tag = given.strip().removeprefix("W/")
            inner = tag.strip('"')
            if inner == stem or inner.startswith(f"{stem}-"):
                return tag
            if tag == "*":
                return f'"{stem}"'
        return None


@dataclass(slots=True)
class Head:
    """Header fields of all answers about one rendition.

    ``more``: others, as they are sent. ``private``: a grant opened it.
    """

    cache_control: str
    vary: str | None = None
    disposition: str | None = None
    more: Headers = field(default_factory=list)
    private: bool = False


@dataclass(slots=True)
class Body:
    """``size`` bytes to send: ``content`` where they are in memory, else what ``chunks`` reads.

    ``cache``: ``hit`` when nothing had to be made. ``key``: the stored object with exactly these bytes. ``lines``: for
    the sender, who keeps there what it made of the rest: a body may be sent many times.
    """

    content_type: str
    size: int
    etag: str
    head: Head
    content: bytes | None = None
    chunks: ReadRange | None = None
    cache: str = "hit"
    key: str | None = None
    lines: Headers | None = None


@dataclass(frozen=True, slots=True)
class NotModified:
    etag: str
    head: Head


@dataclass(frozen=True, slots=True)
class Redirect:
    """Somebody else delivers this: the provider (302), or the server that knows more transformations (307)."""

    url: str
    status: int = 302


Response = Body | NotModified | Redirect


def disposition(path: DeliveryPath, asset: Asset, extension: str) -> str | None:
    """``fl_attachment[:name]`` asks for a download."""
    flag = path.transformation.flag("attachment")
    if flag is None:
        return None
    name = flag.argument or asset.public_id.rsplit("/", 1)[-1]
    return attachment(name, extension)


def download(asset: Asset) -> str:
    """The ``Content-Disposition`` of an original. Its name was given by whoever sent it: what it ends in is checked."""
    stem, _, extension = (asset.filename or asset.id).rpartition(".")
    # A picture with markup behind it, downloaded as page.html, would be a page when it is opened.
    if stem and extension.lower() in _MEDIA_NAMES | {asset.format}:
        return attachment(stem, extension)
    return attachment(asset.filename or asset.id, asset.format)


def attachment(stem: str, extension: str) -> str:
    """``Content-Disposition`` of a file to be saved (RFC 6266), its name also beyond ASCII (RFC 8187).

    Of the name nothing is left that ends a header or a quoted string, leads to another folder, or shows it as another
    than it is (control and format characters of Unicode, among them those that turn the direction of text round).
    """
    shown = "".join(_plain(letter) for letter in stem).strip(" .")
    while len(shown.encode()) > _NAME_BYTES:
        shown = shown[: max(1, len(shown) * _NAME_BYTES // len(shown.encode()) - 1)]
    name = f"{shown or 'file'}.{''.join(filter(str.isalnum, extension))}"
    ascii_name = name.encode("ascii", "replace").decode().replace("?", "_")
    both = f'attachment; filename="{ascii_name}"'
    return both if ascii_name == name else f"{both}; filename*=UTF-8''{quote(name, safe='')}"


def _plain(letter: str) -> str:
    # Cc, Cf: control and format; Cs: half of a character; Co, Cn: of no known meaning; Zl, Zp: ends of lines.
    if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return ""
    return "_" if letter in _RESERVED else letter

"""What delivery is asked and what it answers, free of any HTTP framework."""

from __future__ import annotations

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
    """Header fields of all answers about one rendition. ``more``: others, as they are sent."""

    cache_control: str
    vary: str | None = None
    disposition: str | None = None
    more: Headers = field(default_factory=list)


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
    """``fl_attachment[:name]`` asks for a download (RFC 6266; RFC 8187 for names beyond ASCII)."""
    flag = path.transformation.flag("attachment")
    if flag is None:
        return None
    name = flag.argument or asset.public_id.rsplit("/", 1)[-1]
    return f"attachment; filename*=UTF-8''{quote(f'{name}.{extension}', safe='')}"

"""What delivery is asked and what it answers, free of any HTTP framework."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import quote

from renditor.models import Asset
from renditor.transformation.path import DeliveryPath

# Reads the bytes ``start`` (included) to ``end`` (excluded) of a body.
ReadRange = Callable[[int, int], AsyncIterator[bytes]]

CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
    "mp4": "video/mp4",
    "m4s": "video/mp4",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "vtt": "text/vtt",
}

IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Request:
    """What delivery needs of an HTTP request: the values of ``Accept`` and ``If-None-Match``."""

    accept: str = ""
    if_none_match: str | None = None

    def has(self, etag: str) -> bool:
        """Whether the client holds this version already (RFC 9110, 13.1.2: weak comparison)."""
        if self.if_none_match is None:
            return False
        tags = [tag.strip().removeprefix("W/") for tag in self.if_none_match.split(",")]
        return "*" in tags or etag in tags


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes to send, and how long they hold. ``cache``: ``hit`` when nothing had to be made."""

    content_type: str
    bytes: int
    etag: str
    cache_control: str
    chunks: ReadRange
    vary: str | None = None
    disposition: str | None = None
    cache: str = "hit"


@dataclass(frozen=True, slots=True)
class NotModified:
    etag: str
    cache_control: str
    vary: str | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """The provider delivers this itself."""

    url: str


Response = Body | NotModified | Redirect


def in_memory(content: bytes) -> ReadRange:
    async def chunks(start: int, end: int) -> AsyncIterator[bytes]:
        yield content[start:end]

    return chunks


def disposition(path: DeliveryPath, asset: Asset, extension: str) -> str | None:
    """``fl_attachment[:name]`` asks for a download (RFC 6266; RFC 8187 for names beyond ASCII)."""
    flag = path.transformation.flag("attachment")
    if flag is None:
        return None
    name = flag.argument or asset.public_id.rsplit("/", 1)[-1]
    return f"attachment; filename*=UTF-8''{quote(f'{name}.{extension}', safe='')}"

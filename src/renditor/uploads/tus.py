"""The tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload): what its headers say, and what a request
may do to an upload.

An upload is a value; a request either leads to another value or is refused. Nothing here reads a body or writes a file.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from renditor.errors import BadRequest, Conflict, Forbidden, Gone, TooLarge, UnsupportedMedia

VERSION: Final = "1.0.0"
EXTENSIONS: Final = ("creation", "creation-with-upload", "termination", "expiration", "checksum", "concatenation")
BODY_TYPE: Final = "application/offset+octet-stream"
# SHA-1 is what the protocol asks every server for: it finds accidents of the line, it proves nothing.
ALGORITHMS: Final = ("sha256", "sha1")
# Characters of ``Upload-Metadata``: a few names. More is somebody filling our memory.
_LONGEST_METADATA = 8192
_MOST_PAIRS = 32
# Partial uploads of one final one: clients use three to ten.
_MOST_PARTS = 100
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,100}")

Status = Literal["open", "done"]
Concat = Literal["partial", "final"]


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload on its way. ``length``, ``offset``: bytes; ``metadata``: the header as it came; times in ms since 1970.

    ``status``: ``open`` until it has become an asset of the same id (a partial one: until all its bytes are here).
    """

    id: str
    tenant: str
    owner: str
    length: int
    metadata: str
    created_at: int
    updated_at: int
    expires_at: int
    offset: int = 0
    status: Status = "open"
    token_id: str | None = None
    concat: Concat | None = None
    parts: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all bytes are here."""
        return self.offset == self.length


@dataclass(frozen=True, slots=True)
class Creation:
    """What ``POST`` asks for. ``length`` is None for a final upload: that of its parts together."""

    length: int | None
    metadata: str
    concat: Concat | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the body of one request must hash to."""

    algorithm: str
    digest: bytes

    def hasher(self) -> Any:
        return hashlib.new(self.algorithm, usedforsecurity=False)


def read_creation(headers: dict[str, str], most: int, prefix: str) -> Creation:
    """What a ``POST`` asks for.

    Args:
        headers: by lower-case name.
        most: largest upload, bytes.
        prefix: what the paths of uploads begin with: ``/uploads/``.

    Raises:
        BadRequest; TooLarge.
    """
    metadata = headers.get("upload-metadata", "")
    read_metadata(metadata)
    concat, parts = _read_concat(headers.get("upload-concat"), prefix)
    if concat == "final":
        if "upload-length" in headers:
            raise BadRequest("A final upload has no Upload-Length: it is as long as its parts.", code="bad-upload")
        return Creation(None, metadata, concat, parts)
    if "upload-defer-length" in headers:
        raise BadRequest("Say the length of the file at once: Upload-Defer-Length is not supported.", code="bad-upload")
    if "upload-length" not in headers:
        raise BadRequest("An upload needs Upload-Length, its size in bytes.", code="bad-upload")
    length = read_number(headers["upload-length"], "Upload-Length")
    if length > most:
        raise TooLarge(f"This upload is larger than the {most} bytes that are allowed.")
    return Creation(length, metadata, concat)


def read_metadata(text: str) -> dict[str, str]:
    """The pairs of ``Upload-Metadata``. Raises: BadRequest."""
    if len(text) > _LONGEST_METADATA:
        raise BadRequest("Upload-Metadata is too long.", code="bad-metadata")
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = pair.partition(" ")
        if not _KEY.fullmatch(key) or key in found or len(found) == _MOST_PAIRS:
            raise BadRequest("Upload-Metadata has a bad, doubled or surplus key.", code="bad-metadata")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:  # text beyond ASCII, no base64, no UTF-8
            raise BadRequest(f"Upload-Metadata: {key!r} is not base64 of UTF-8.", code="bad-metadata") from None
    return found


def read_number(text: str | None, name: str) -> int:
    """A size or an offset, in bytes. Raises: BadRequest."""
    if text is None or not _NUMBER.fullmatch(text):
        raise BadRequest(f"{name} is not a number of bytes.", code="bad-upload")
    return int(text)


def read_checksum(text: str | None) -> Checksum | None:
    """``Upload-Checksum``. Raises: BadRequest: an algorithm nobody offered, or no digest of it."""
    if text is None:
        return None
    algorithm, _, value = text.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise BadRequest(f"Upload-Checksum: use one of {', '.join(ALGORITHMS)}.", code="bad-checksum")
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except ValueError:
        digest = b""
    checksum = Checksum(algorithm, digest)
    if len(digest) != checksum.hasher().digest_size:
        raise BadRequest("Upload-Checksum is not a digest in base64.", code="bad-checksum")
    return checksum


def check_append(upload: Upload, content_type: str | None, offset: str | None, declared: int | None, now: int) -> None:
    """Whether a ``PATCH`` may begin; nothing of its body was read.

    Args:
        upload: as it is.
        content_type: of the body.
        offset: ``Upload-Offset`` as it came.
        declared: bytes of the body, where they are announced.
        now: ms since 1970.

    Raises:
        UnsupportedMedia; Forbidden: a final upload; Gone: expired; Conflict: another offset; TooLarge; BadRequest.
    """
    if (content_type or "").partition(";")[0].strip().lower() != BODY_TYPE:
        raise UnsupportedMedia(f"The body of a PATCH is {BODY_TYPE}.")
    if upload.concat == "final":
        raise Forbidden("A final upload is made of its parts: nothing can be added.", code="final-upload")
    if upload.expires_at <= now:
        raise Gone("The upload has expired.", code="upload-expired", hint="Start it anew.")
    if read_number(offset, "Upload-Offset") != upload.offset or upload.status != "open":
        raise Conflict(
            "Upload-Offset is not where the upload is.", code="offset-mismatch", hint="HEAD tells the offset."
        )
    if declared is not None and upload.offset + declared > upload.length:
        raise TooLarge("This is more than the Upload-Length that was announced.", code="upload-overflow")


def appended(upload: Upload, count: int, now: int, expires_at: int) -> Upload:
    """The upload with ``count`` bytes more."""
    whole = upload.offset + count
    done: Status = "done" if upload.concat == "partial" and whole == upload.length else upload.status
    return replace(upload, offset=whole, status=done, updated_at=now, expires_at=expires_at)


def joined(parts: tuple[Upload, ...], most: int, now: int) -> int:
    """Length of a final upload. Raises: BadRequest: a part that is none or not complete; Gone; TooLarge."""
    for part in parts:
        if part.concat != "partial" or not part.complete:
            raise BadRequest("A final upload is made of partial uploads that are complete.", code="bad-upload")
        if part.expires_at <= now:
            raise Gone("A part of the upload has expired.", code="upload-expired", hint="Start it anew.")
    length = sum(part.length for part in parts)
    if length > most:
        raise TooLarge(f"This upload is larger than the {most} bytes that are allowed.")
    return length


def answer(upload: Upload, prefix: str) -> dict[str, str]:
    """The header fields that tell of an upload. ``prefix``: what the paths of its parts begin with.

    A final upload has no offset until it is joined: a client would take one for a place to go on (tus 1.0.0,
    "Concatenation").
    """
    headers = {"upload-length": str(upload.length)}
    if upload.concat != "final" or upload.complete:
        headers["upload-offset"] = str(upload.offset)
    if upload.metadata:
        headers["upload-metadata"] = upload.metadata
    if upload.concat == "partial":
        headers["upload-concat"] = "partial"
    elif upload.concat == "final":
        headers["upload-concat"] = "final;" + " ".join(prefix + part for part in upload.parts)
    return headers


def _read_concat(text: str | None, prefix: str) -> tuple[Concat | None, tuple[str, ...]]:
    if text is None:
        return None, ()
    if text == "partial":
        return "partial", ()
    kind, _, rest = text.partition(";")
    urls = rest.split()
    # Absolute URLs are read by their path: the server may be known under several names.
    found = tuple(re.sub(r"^https?://[^/]*", "", url) for url in urls)
    ids = tuple(path.rpartition("/")[2] for path in found)
    if kind != "final" or not 0 < len(found) <= _MOST_PARTS or not all(prefix in path for path in found):
        raise BadRequest("Upload-Concat is 'partial' or 'final;' and the URLs of the parts.", code="bad-upload")
    if len(set(ids)) != len(ids):
        raise BadRequest("Upload-Concat names a part twice.", code="bad-upload")
    return "final", ids

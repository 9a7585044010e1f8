"""The words of the product as plain values. No behaviour beyond what their own fields say; no database, no HTTP."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from renditor.errors import Corrupt

MediaType = Literal["image", "video", "audio"]
Status = Literal["uploaded", "processing", "completed", "failed", "cancelled"]
JobStatus = Literal["queued", "running", "completed", "failed", "cancelled"]
Visibility = Literal["public", "private"]
Scope = Literal["read", "write", "admin"]
# What a route asks for. ``upload`` and ``follow`` are all that an upload token opens: sending files, and seeing how far
# those files are.
Need = Literal["read", "write", "admin", "upload", "follow"]
ResourceType = Literal["image", "video", "raw"]

DEFAULT_TENANT = "main"

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u
_ID = re.compile(r"[0-9a-z]{26}")


def new_id() -> str:
    """A 26-character id: 48 bits of milliseconds, then 80 random bits. Sorts by age, cannot be guessed."""
    number = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -5, -5))


def is_id(text: str) -> bool:
    """Whether this has the form of an id. Nothing else is looked up: PostgreSQL, for one, takes no NUL in a text."""
    return _ID.fullmatch(text) is not None


def now_ms() -> int:
    """Milliseconds since 1970, UTC. Every ``*_at`` field of this module is in this unit."""
    return int(time.time() * 1000)


# What the scopes of a principal open. None of them opens other owners' assets.
_OPENED: dict[str, frozenset[Need]] = {
    "token": frozenset({"upload", "follow"}),
    "read": frozenset({"read", "follow"}),
    "write": frozenset({"read", "follow", "write", "upload"}),
    "admin": frozenset({"read", "follow", "write", "upload", "admin"}),
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows of who makes it.

    ``authorization``: the header as it came. ``token``: an upload token in the URL, where a browser cannot send a
    header. ``address``: of the client, behind trusted proxies too. ``asked``: method and path, without the query.
    """

    authorization: str | None = None
    token: str | None = None
    address: str = ""
    request_id: str = ""
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an upload token is good for: files of these types (none: all), each up to ``max_bytes`` (None: the server's
    limits decide). How many files are left is counted in the catalog."""

    token_id: str
    max_bytes: int | None = None
    media_types: frozenset[MediaType] = frozenset()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes this request: an owner in a tenant, with the scopes of what was shown.

    ``kind``: what that was (``program``: the server itself; ``operator``: whoever has its data folder); ``key_id``:
    which key, token, or key id of a JWT. ``allowance``: of an upload token, which
    opens nothing but what was uploaded with it. ``address`` and ``request_id`` are for the audit log.
    """

    owner: str
    tenant: str = DEFAULT_TENANT
    scopes: frozenset[str] = frozenset()
    key_id: str | None = None
    uploads: str | None = None  # a rate of the key itself, such as 1000/hour
    kind: Literal["key", "jwt", "token", "program", "operator"] = "key"
    allowance: Allowance | None = None
    address: str = ""
    request_id: str = ""

    def may(self, need: Need) -> bool:
        """``admin`` includes ``write``, which includes ``read``."""
        return any(need in _OPENED.get(scope, frozenset()) for scope in self.scopes)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret. ``uploads`` is a rate such as ``1000/hour``, or None for the server's default."""

    id: str
    name: str
    tenant: str
    owner: str
    scopes: frozenset[str]
    created_at: int
    uploads: str | None = None
    revoked_at: int | None = None
    expires_at: int | None = None

    def state(self, now: int) -> Literal["active", "expired", "revoked"]:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


@dataclass(frozen=True, slots=True)
class Asset:
    """What an owner owns. ``original_key`` names its immutable bytes in storage.

    ``width`` and ``height`` are px as displayed (orientation applied), ``duration`` is in seconds, ``progress`` 0-100.
    ``version`` goes into URLs (``v<digits>``) so that an overwrite shows at once. ``stamp`` is raised when its stored
    pictures are dropped or swapped. ``token_id``: of the upload token it came by. ``corrupt_at``: its stored bytes were
    found to be others than those that were uploaded.
    """

    id: str
    tenant: str
    owner: str
    public_id: str
    media_type: MediaType
    status: Status
    visibility: Visibility
    filename: str | None
    content_type: str
    format: str
    bytes: int
    sha256: str
    original_key: str
    version: int
    created_at: int
    updated_at: int
    progress: int = 0
    stage: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    recipe: str | None = None
    route: str | None = None
    error: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    stamp: int = 0
    token_id: str | None = None
    corrupt_at: int | None = None

    @property
    def source(self) -> str:
        """The key of the original, for whoever reads it. Raises: Corrupt: its bytes are others by now."""
        if self.corrupt_at is not None:
            raise Corrupt
        return self.original_key


@dataclass(frozen=True, slots=True)
class Rendition:
    """Anything derived and stored. A single file has ``key``; a set (HLS + DASH) has ``key`` as folder prefix.

    ``kind``: ``image`` (by transformation), ``hls``, ``mp4``, ``poster``, ``audio``; ``name``: which of its kind. A
    picture has its canonical transformation in ``metadata``, and a ``digest`` of all that decided its bytes; ``pinned``
    ones are never evicted; ``squeezed``: encoded with more effort already, or not worth it.
    """

    id: str
    asset_id: str
    kind: str
    name: str
    key: str
    content_type: str
    bytes: int
    created_at: int
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    digest: str | None = None
    used_at: int = 0
    hits: int = 0
    pinned: bool = False
    squeezed: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Durable background work on one asset: a recipe. ``error`` is ``{code, title, detail, hint}``. ``task``: what
    exactly was asked for, where the recipe leaves it open."""

    id: str
    asset_id: str
    recipe: str
    status: JobStatus
    created_at: int
    updated_at: int
    progress: int = 0
    stage: str | None = None
    attempts: int = 0
    error: dict[str, Any] | None = None
    task: dict[str, Any] | None = None


# Called with (fraction done 0..1 of the whole plan, name of the stage). Never goes back; cheap; called from the loop.
OnProgress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Output:
    """One thing a plan made, inside the job folder.

    ``kind``: ``hls`` (``path`` is a folder with ``master.m3u8`` and ``manifest.mpd``), ``mp4``, ``poster``,
    ``storyboard`` (a folder with ``storyboard.vtt``), ``preview``, ``chapters``, ``audio``, ``waveform`` (a folder).
    ``bytes`` is the size of the file or the sum over the folder; sizes in px, ``duration`` in seconds.
    """

    kind: str
    name: str
    path: Path
    content_type: str
    bytes: int
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


# Called with an adaptive set that can be played already, though it will get more rungs. Returns when it is published.
OnPlayable = Callable[[Output], Awaitable[None]]

# What a unit of work of the catalog calls with its connection: the entry of the audit log is there if, and only if, the
# work is.
Note = Callable[[Any], None]


class Notes(Protocol):
    """Prepares an entry of the audit log: who did what to which object, and short facts about it."""

    async def __call__(self, principal: Principal, action: str, about: str | None = None, **detail: Any) -> Note: ...

"""Where the files of a set are read from, and how far a hostile set may take a check."""

from __future__ import annotations

import asyncio
import os
import posixpath
from codecs import BOM_UTF8
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from renditor.errors import NotFound, TooLarge, Unprocessable
from renditor.video.check.findings import Findings

# Text: a film of six hours in segments of two seconds has playlists of 1 MB. A larger one is made to fill memory.
LARGEST_TEXT: Final = 4 * 1024**2
# A file that is read whole (an initialisation segment, an MPEG-TS segment, captions): 6 s at 80 Mbit/s.
LARGEST_FILE: Final = 64 * 1024**2
_MOST_FILES: Final = 200_000  # of a folder that are listed
_MOST_TEXTS: Final = (
    250  # 30 variants, their key frames, sound and captions in 50 languages; endless ones are an attack
)
_MOST_PIECES: Final = 120_000  # segments of all playlists together: six hours in five rungs have 97 000


class Reader(Protocol):
    """A set of files. ``name`` is a path from its root, with ``/``, without ``.`` and ``..``."""

    @property
    def origin(self) -> str:
        """``https://host[:port]`` of a server, empty for a folder: what an absolute URI must begin with to be ours."""
        ...

    async def read(self, name: str, span: tuple[int, int] | None = None) -> bytes:
        """Bytes of a file: all of it, or ``(offset, length)`` of it, less where it ends before.

        Raises:
            NotFound: no such file, or it is not given; ``detail`` says what is known of it.
            TooLarge: more than this reader gives.
            RenditorError: anything else that ends the check.
        """
        ...

    async def size(self, name: str) -> int:
        """Bytes of a file. Raises: as ``read``."""
        ...

    def place(self, name: str) -> str:
        """The name from which links in a file count that has been read: another one after redirects."""
        ...

    async def names(self) -> frozenset[str]:
        """All files there are, where they can be listed; none otherwise."""
        ...


class Texts:
    """Playlists and manifests of a set, and the links in them; what cannot be had becomes a finding."""

    def __init__(self, reader: Reader, findings: Findings) -> None:
        self._reader = reader
        self._findings = findings
        self._pieces = 0
        self._read = 0

    async def text(self, name: str, where: str) -> str | None:
        """A file as text, None with a finding at ``where`` if that cannot be had."""
        self._read += 1
        if self._read > _MOST_TEXTS:
            self._findings.add("too-large", where, f"more than {_MOST_TEXTS} playlists: the others are not looked at")
            return None
        try:
            data = await self._reader.read(name, (0, LARGEST_TEXT + 1))
        except NotFound as error:
            self._findings.add("missing-file", where, absent(name, error))
            return None
        if len(data) > LARGEST_TEXT:
            self._findings.add("too-large", where, f"{name} has more than {LARGEST_TEXT // 1024**2} MiB")
            return None
        if data.startswith(BOM_UTF8) and not data.lstrip(BOM_UTF8).lstrip().startswith(b"<"):
            self._findings.add("byte-order-mark", name, "it begins with a byte order mark, at which players may fail")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            self._findings.add("not-a-playlist", where, f"{name} is not text in UTF-8")
            return None

    def link(self, base: str, uri: str) -> str | None:
        """The file that a link in ``base`` means, None with a finding if it may not be followed."""
        try:
            return resolve(self._reader.origin, self._reader.place(base), uri)
        except OtherServer as error:
            self._findings.add("other-server", base, f"{error}: {uri}")
            return None
        except ValueError as error:
            self._findings.add("uri-outside", base, f"{error}: {uri}")
            return None

    def room(self, where: str) -> bool:
        """Whether one more segment may be listed."""
        self._pieces += 1
        if self._pieces == _MOST_PIECES:
            self._findings.add("too-large", where, f"more than {_MOST_PIECES} segments: the others are not looked at")
        return self._pieces < _MOST_PIECES


class FolderReader:
    """A set in a folder. Nothing outside of it is read, whatever its playlists and links say."""

    origin = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    async def read(self, name: str, span: tuple[int, int] | None = None) -> bytes:
        """See ``Reader``."""
        return await asyncio.to_thread(self._read, name, span)

    async def size(self, name: str) -> int:
        """See ``Reader``."""
        return (await asyncio.to_thread(self._path(name).stat)).st_size

    def place(self, name: str) -> str:
        """See ``Reader``."""
        return name

    async def names(self) -> frozenset[str]:
        """See ``Reader``."""
        return await asyncio.to_thread(self._names)

    def _read(self, name: str, span: tuple[int, int] | None) -> bytes:
        offset, length = span or (0, LARGEST_FILE + 1)
        with self._path(name).open("rb") as file:
            file.seek(offset)
            data = file.read(length)
        if span is None and len(data) > LARGEST_FILE:
            raise TooLarge("A file of the stream is too large to be looked at.")
        return data

    def _path(self, name: str) -> Path:
        """Symbolic links are followed before it is asked whether the file lies in the folder."""
        try:
            path = (self._folder / name).resolve(strict=True)
        except (OSError, ValueError):
            raise NotFound from None
        if not path.is_relative_to(self._folder) or not path.is_file():
            raise NotFound
        return path

    def _names(self) -> frozenset[str]:
        found = set()
        for place, _, files in os.walk(self._folder):
            for file in files:
                found.add((Path(place) / file).relative_to(self._folder).as_posix())
                if len(found) > _MOST_FILES:
                    raise Unprocessable("The folder holds too many files to be a stream.")
        return frozenset(found)


class OtherServer(ValueError):
    """A link that leads to another server, which is not asked."""


def absent(name: str, error: NotFound) -> str:
    """That a file cannot be had, and why if that is known."""
    return f"{name} is not there" if error.error_code == NotFound.code else f"{name}: {error.detail}"


def resolve(origin: str, base: str, uri: str) -> str:
    """The name of the file that ``uri`` means in the playlist ``base`` (RFC 3986, 5).

    Raises:
        OtherServer: it leads to another server.
        ValueError: it leads out of the set.
    """
    if not origin:
        return _in_folder(base, uri)
    parts = urlsplit(urljoin(f"{origin}/{base}", uri))
    path = parts.path.lstrip("/")
    if parts.scheme not in ("http", "https"):
        raise ValueError("a link that leads to no server")
    if _server(parts) != _server(urlsplit(origin)):
        raise OtherServer("a link to another server, which is not asked")
    if not path:
        raise ValueError("a link that names no file")
    return f"{path}?{parts.query}" if parts.query else path


def _server(parts: SplitResult) -> tuple[str, str | None, int]:
    """Without letter case, and with the port. Raises ValueError: it has no such port."""
    return parts.scheme, parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)


def _in_folder(base: str, uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme or parts.netloc or uri.startswith("/"):
        raise ValueError("a link that is not relative")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(parts.path)))
    if path.split("/")[0] in ("", ".", ".."):
        raise ValueError("a link that leads out of the folder")
    return f"{path}/" if parts.path.endswith("/") else path  # a folder, below which others lie (BaseURL)

"""Two hosts, one server: files come from one of them, everything else from the other.

What is delivered was made by strangers. From a host of its own it can do nothing to the API's pages, even where a
browser takes a file for a document: another origin has no access to their content, storage and cookies.
"""

from __future__ import annotations

from urllib.parse import urlsplit

_DEFAULT_PORTS = {"https": 443, "http": 80}


def origin(url: str) -> str:
    """Host and port of a URL as a Host header names them: in lower case, without the port that goes without saying."""
    parts = urlsplit(url)
    return _named(parts.netloc.rpartition("@")[2], _DEFAULT_PORTS.get(parts.scheme))


class Hosts:
    """Which host a request is for. Only the Host header counts, compared with the one configured name."""

    def __init__(self, delivery_url: str | None) -> None:
        """``delivery_url``: where files are delivered; None: there is one host for all."""
        self._files = None if delivery_url is None else origin(delivery_url)
        self._port = None if delivery_url is None else _DEFAULT_PORTS.get(urlsplit(delivery_url).scheme)

    @property
    def apart(self) -> bool:
        return self._files is not None

    def for_files(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether the request is for the host of files. Every other name, known or not, is the API's."""
        host = next((value for name, value in headers if name == b"host"), b"")
        return _named(host.decode("latin-1"), self._port) == self._files


def _named(host: str, default_port: int | None) -> str:
    # A name may end with a dot, which says that nothing is to be added to it.
    name, colon, port = host.lower().rpartition(":")
    if not colon or "]" in port:
        return host.lower().removesuffix(".")
    name = name.removesuffix(".")
    return name if port in ("", str(default_port)) else f"{name}:{port}"

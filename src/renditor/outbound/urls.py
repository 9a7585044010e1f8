"""URLs that strangers name, read so strictly that no other reader of the same text could mean another server.

RFC 3986, less what only serves to deceive: user names, backslashes (which browsers take for slashes), control
characters and blanks, encoded host names, and IPv4 addresses in any other form than four decimal numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

import idna

# Longer than any honest one: addresses signed by clouds have about 2000 characters.
_LONGEST = 8192
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\ud800-\udfff]")
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^/?#@:\[\]%]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][^#]*)?(?:#.*)?"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# A last label like this makes the whole name an IPv4 address to whoever resolves it (WHATWG URL, "ends in a number").
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What may stand in a path or query as it is; everything else is percent-encoded.
_RESERVED = "/?:@!$&'()*+,;=-._~%[]"


class Refused(Exception):
    """Why nothing is fetched: for the log, never for the one who asked. ``host`` is empty where none could be read."""

    def __init__(self, reason: str, host: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.host = host


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask, and for what.

    ``host``: a name in ASCII without a dot at its end, or an address (IPv6 without brackets); ``path``: with its query,
    percent-encoded.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The host as it stands in URLs and in the header ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if _DEFAULT_PORTS.get(self.scheme) == self.port else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse(url: str) -> Target:
    """Read a URL; a fragment is dropped. Raises: Refused."""
    if len(url) > _LONGEST or _UNSAFE.search(url):
        raise Refused("the URL is too long, or holds characters that have no place in one")
    match = _URL.fullmatch(url)
    if match is None:
        raise Refused("not a URL with a host, or one with a user name or an encoded host")
    scheme = match["scheme"].lower()
    host = _ipv6(match["ipv6"]) if match["ipv6"] else _name(match["name"])
    default = _DEFAULT_PORTS.get(scheme)
    if default is None:
        raise Refused("neither http nor https", host)
    port = int(match["port"]) if match["port"] else default
    rest = match["rest"] or "/"
    return Target(scheme, host, port, quote(rest if rest.startswith("/") else f"/{rest}", safe=_RESERVED))


def follow(base: Target, location: bytes) -> Target:
    """Where a redirect (RFC 9110, 10.2.2) leads. Raises: Refused: also a way from https to http."""
    try:
        text = location.decode()
        if _UNSAFE.search(text):
            raise Refused("a redirect with characters that have no place in a URL", base.host)
        target = parse(urljoin(str(base), text))
    except ValueError:
        raise Refused("a redirect that is no URL", base.host) from None
    if base.scheme == "https" and target.scheme != "https":
        raise Refused("a redirect from https to http", target.host)
    return target


def _ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise Refused("not an IPv6 address in the brackets") from None


def _name(text: str) -> str:
    """A host name in ASCII (IDNA 2008, RFC 5891), or an IPv4 address. Raises: Refused."""
    try:
        name = text.lower() if text.isascii() else idna.encode(text.lower()).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise Refused("not a host name") from None
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused("not a host name")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name))
        except AddressValueError:
            raise Refused("an IPv4 address that is not written as four decimal numbers") from None
    return name

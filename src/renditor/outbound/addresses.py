"""Which addresses may be reached: the public internet, and nothing that lies on this side of it.

IPv4 is nearly full, so what is special is listed and the rest is public. IPv6 is nearly empty, so only what is given
out to the public (2000::/3) is open, and what is special in there is listed. The lists are the special-purpose address
registries of IANA (RFC 6890 and 8190, as of October 2025), and a few addresses at which clouds answer their guests.
``ipaddress.is_global`` of Python 3.11 calls NAT64, 6to4, site-local and multicast addresses global: it is no guard.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from renditor.outbound.settings import Network

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Special:
    """A network that is not the public internet, what it is for, and who says so."""

    network: Network
    what: str
    source: str


IPV4_DENIED: tuple[Special, ...] = (
    Special(IPv4Network("0.0.0.0/8"), "this network; Linux takes it for itself", "RFC 791"),
    Special(IPv4Network("10.0.0.0/8"), "private", "RFC 1918"),
    Special(IPv4Network("100.64.0.0/10"), "shared by carriers; metadata of Alibaba's cloud", "RFC 6598"),
    Special(IPv4Network("127.0.0.0/8"), "loopback", "RFC 1122"),
    Special(IPv4Network("168.63.129.16/32"), "metadata and agents of Azure, at a public address", "Microsoft Learn"),
    Special(IPv4Network("169.254.0.0/16"), "link-local; metadata of most clouds", "RFC 3927"),
    Special(IPv4Network("172.16.0.0/12"), "private", "RFC 1918"),
    Special(IPv4Network("192.0.0.0/24"), "protocol assignments; metadata of Oracle's cloud", "RFC 6890"),
    Special(IPv4Network("192.0.2.0/24"), "documentation", "RFC 5737"),
    Special(IPv4Network("192.31.196.0/24"), "AS112, a sink of local names", "RFC 7535"),
    Special(IPv4Network("192.52.193.0/24"), "multicast tunnels", "RFC 7450"),
    Special(IPv4Network("192.88.99.0/24"), "6to4 relays", "RFC 7526"),
    Special(IPv4Network("192.168.0.0/16"), "private", "RFC 1918"),
    Special(IPv4Network("192.175.48.0/24"), "AS112, a sink of local names", "RFC 7534"),
    Special(IPv4Network("198.18.0.0/15"), "benchmarks of devices", "RFC 2544"),
    Special(IPv4Network("198.51.100.0/24"), "documentation", "RFC 5737"),
    Special(IPv4Network("203.0.113.0/24"), "documentation", "RFC 5737"),
    Special(IPv4Network("224.0.0.0/4"), "multicast", "RFC 5771"),
    Special(IPv4Network("240.0.0.0/4"), "reserved, and broadcast", "RFC 1112"),
)

# Not in here, and so refused: loopback and unspecified (RFC 4291), IPv4-mapped (RFC 4291) and IPv4-compatible, NAT64
# (RFC 6052, 8215), discard (RFC 6666), segment routing (RFC 9602), unique local (RFC 4193), link-local, site-local
# (RFC 3879), multicast.
IPV6_ALLOWED = IPv6Network("2000::/3")  # RFC 4291
IPV6_DENIED: tuple[Special, ...] = (
    Special(IPv6Network("2001::/23"), "protocol assignments: Teredo, benchmarks, ORCHID", "RFC 2928"),
    Special(IPv6Network("2001:db8::/32"), "documentation", "RFC 3849"),
    Special(IPv6Network("2002::/16"), "6to4: an IPv4 address, private ones too", "RFC 3056"),
    Special(IPv6Network("2620:4f:8000::/48"), "AS112, a sink of local names", "RFC 7534"),
    Special(IPv6Network("3fff::/20"), "documentation", "RFC 9637"),
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052


def refusal(address: Address, allowed: Iterable[Network] = (), denied: Iterable[Network] = ()) -> str | None:
    """Why this address may not be reached; None: it may.

    Args:
        allowed: networks that may be reached although they are special.
        denied: networks that may not be reached although they are public.
    """
    if any(address in network for network in denied):
        return "denied by the settings"
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "bound to one of our interfaces"
        inner = embedded(address)
        # An opened translation prefix opens the translation, not every IPv4 address behind it.
        if inner is not None and (why := refusal(inner, allowed, denied)):
            return f"holds an IPv4 address: {why}"
    if any(address in network for network in allowed):
        return None
    if isinstance(address, IPv6Address) and address not in IPV6_ALLOWED:
        return "outside of the public IPv6 addresses"
    table = IPV4_DENIED if isinstance(address, IPv4Address) else IPV6_DENIED
    return next((special.what for special in table if address in special.network), None)


def embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address behind an IPv4-mapped, NAT64, 6to4 or Teredo address; None: it stands for itself."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    return address.teredo[1] if address.teredo is not None else None

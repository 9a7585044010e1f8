"""Who really asks, where proxies stand before the server: only what proxies of our own say is believed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Some proxies add the port: 192.0.2.1:443, [2001:db8::1]:443.
_WITH_PORT: Final = re.compile(r"\[([^\]]*)\](?::\d+)?|([0-9.]+)(?::\d+)?")
# A client may send as many names as it likes; those of real proxies stand at the end.
_MOST_HOPS: Final = 20


class TrustedProxies:
    """The proxies whose ``X-Forwarded-For`` is believed, by their networks."""

    def __init__(self, networks: Sequence[str]) -> None:
        """``networks``: addresses, or networks such as 10.0.0.0/8. Raises: ValueError naming the one that is none."""
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def client(self, peer: str, forwarded: Sequence[bytes]) -> str:
        """The address of the client.

        Each proxy adds at the end whom it speaks to, so the list is read from there: the first address that is no proxy
        of ours is the client. What stands before it was sent by the client, who may write what he likes.

        Args:
            peer: the address at the other end of the connection.
            forwarded: the values of all ``X-Forwarded-For`` lines, in their order.
        """
        found = _address(peer)
        if found is None:
            return peer
        if not self._trusts(found):
            return str(found)
        hops = b",".join(forwarded).decode("latin-1").split(",")[-_MOST_HOPS:]
        for hop in reversed(hops):
            before = _address(hop.strip())
            if before is None:  # not an address: the proxy before this one does not do as the others
                break
            found = before
            if not self._trusts(found):
                break
        return str(found)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks if network.version == address.version)


def _address(text: str) -> Address | None:
    match = _WITH_PORT.fullmatch(text)
    bare = (match[1] or match[2] or "") if match else text
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return one_form(address)


def one_form(address: Address) -> Address:
    """The IPv4 address where an IPv6 address means one, as a socket that takes both kinds tells it."""
    return getattr(address, "ipv4_mapped", None) or address

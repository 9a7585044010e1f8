"""How often somebody may do a thing: the wording of rates, and whom an address stands for.

The exact count is one statement of the catalog (``catalog/ratelimits``).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from renditor.errors import BadRequest

_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour|day)")
_PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
# No limit.
OFF = "off"


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` requests in ``period`` seconds, all of which may come at once."""

    count: int
    period: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``10/hour``. Raises: BadRequest."""
        match = _RATE.fullmatch(text)
        if not match:
            raise BadRequest(f"{text!r} is not a rate.", hint="Write a rate as 10/hour; also second, minute, day.")
        return cls(int(match[1]), _PERIODS[match[2]])

    @classmethod
    def parse_limit(cls, text: str) -> Rate | None:
        """Read ``10/hour``, or ``off`` (None). Raises: BadRequest."""
        return None if text == OFF else cls.parse(text)

    @property
    def increment(self) -> float:
        """Seconds that one request costs."""
        return self.period / self.count


def network_of(address: str) -> str:
    """Whom a client's address stands for: itself, for IPv6 its network, as whoever has one of its addresses has them
    all (RFC 6177). An IPv4 address as sockets for both kinds tell it (RFC 4291, 2.5.5.2) is the IPv4 address."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found), 64), strict=False))

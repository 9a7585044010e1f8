"""What an answer says of the limits that applied to it: draft-ietf-httpapi-ratelimit-headers-11, which writes them as
structured fields (RFC 9651)."""

from __future__ import annotations

import math
from collections.abc import MutableMapping, Sequence
from typing import Any, Final

from renditor.service import Limited

# Header fields that pages of other origins may read.
ANSWERED: Final = ("ratelimit", "ratelimit-policy")
_KEY: Final = "renditor.limits"


def applied(scope: MutableMapping[str, Any]) -> list[Limited]:
    """The limits that applied to a request so far, to be added to."""
    found: list[Limited] = scope.setdefault(_KEY, [])
    return found


def headers(limits: Sequence[Limited]) -> list[tuple[bytes, bytes]]:
    """``RateLimit-Policy: "uploads";q=10;w=3600`` and ``RateLimit: "uploads";r=9;t=360``, for each limit.

    ``t`` is when all of the quota is there again; what ``Retry-After`` says is when one request is.
    """
    if not limits:
        return []
    policies = ", ".join(f'"{one.name}";q={one.rate.count};w={one.rate.period}' for one in limits)
    states = ", ".join(f'"{one.name}";r={one.standing.remaining};t={math.ceil(one.standing.reset)}' for one in limits)
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", states.encode())]

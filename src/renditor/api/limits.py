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
_FIELDS: Final[dict[str, Any]] = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in (
        ("RateLimit-Policy", "The limits that applied: requests (q) in seconds (w)."),
        ("RateLimit", "How they stand: requests left (r), seconds until all of them are back (t)."),
    )
}


def applied(scope: MutableMapping[str, Any]) -> list[Limited]:
    """The limits that applied to a request so far, to be added to."""
    found: list[Limited] = scope.setdefault(_KEY, [])
    return found


def describe(operation: dict[str, Any]) -> None:
    """For the OpenAPI document: every route that somebody must be known for is limited, and says how it stands."""
    refusal = {"description": "Too many requests.", "content": {"application/problem+json": {}}}
    refused = operation["responses"].setdefault("429", refusal)
    refused["headers"] = _FIELDS | {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer["headers"] = answer.get("headers", {}) | _FIELDS


def headers(limits: Sequence[Limited]) -> list[tuple[bytes, bytes]]:
    """``RateLimit-Policy: "uploads";q=10;w=3600`` and ``RateLimit: "uploads";r=9;t=360``, for each limit.

    ``t`` is when all of the quota is there again; what ``Retry-After`` says is when one request is.
    """
    if not limits:
        return []
    policies = ", ".join(f'"{one.name}";q={one.rate.count};w={one.rate.period}' for one in limits)
    states = ", ".join(f'"{one.name}";r={one.standing.remaining};t={math.ceil(one.standing.reset)}' for one in limits)
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", states.encode())]

"""Refusals for the audit log: what the API and delivery say no to, in one place.

Keys that are none and scopes that are too small are written down where they are found out (``service/identity``).
"""

from __future__ import annotations

from typing import Final

from fastapi import Request

from renditor import observe
from renditor.api.routes import credentials
from renditor.errors import RenditorError, TooManyRequests
from renditor.models import Credentials, Principal
from renditor.service import Audit

# What delivery refuses to whoever shows something that does not open it. A signature that is missing is no attempt.
_DELIVERY: Final = frozenset({"bad-grant", "grant-expired", "bad-signature"})
# Limits of an owner or of an upload token, whatever their status is.
_LIMITS: Final = ("quota", "token")


async def note_refusal(audit: Audit, request: Request, error: RenditorError) -> None:
    """Write down what the API refuses to a known principal: limits, and objects that are not theirs or not there."""
    who: Principal | None = getattr(request.state, "principal", None)
    missing = error.status == 404  # named in the path, or as a part in a header
    limited = error.status == 403 or error.error_code.startswith(_LIMITS)
    if isinstance(error, TooManyRequests) or (who is not None and (missing or limited)):
        await _write(audit, credentials(request), who, error)


async def note_failed_delivery(audit: Audit, shown: Credentials, error: RenditorError) -> None:
    """Write down grants and signatures that are not good."""
    if error.error_code in _DELIVERY:
        await _write(audit, shown, None, error)


async def _write(audit: Audit, shown: Credentials, who: Principal | None, error: RenditorError) -> None:
    try:
        await audit.denied(shown, who, error.error_code)
    except RenditorError as trouble:  # it is refused all the same
        observe.log().error("audit_entry_lost", error_type=type(trouble).__name__)

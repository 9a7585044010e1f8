"""Errors on the wire: RFC 9457 problem+json, made from the error tree and nothing else."""

from __future__ import annotations

import json
from typing import Any

from renditor.errors import (
    Corrupt,
    InvalidTransformation,
    MethodNotAllowed,
    RangeNotSatisfiable,
    RenditorError,
    StillProcessing,
    StillUploading,
    TooManyRequests,
)

CONTENT_TYPE = "application/problem+json"
_RETRY_SECONDS = 2
# Characters of an error in a header: proxies refuse answers whose header fields are too long.
_MOST_IN_HEADER = 500


def problem(error: RenditorError, request_id: str) -> dict[str, Any]:
    """``type, title, status, detail, code, request_id`` and, where there is one, ``hint``."""
    body = {
        "type": f"urn:renditor:problem:{error.error_code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.error_code,
        "request_id": request_id,
    }
    return body | ({"hint": error.hint} if error.hint else {})


def cld_error(error: RenditorError) -> str:
    """What goes into ``X-Cld-Error``, for scripts that look there as Cloudinary has them do."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in error.detail[:_MOST_IN_HEADER])


def encode(error: RenditorError, request_id: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of an error response."""
    headers = {"content-type": CONTENT_TYPE, "cache-control": "no-store", "x-request-id": request_id}
    if isinstance(error, InvalidTransformation):
        headers["x-cld-error"] = cld_error(error)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = "GET, HEAD, OPTIONS"
    if isinstance(error, RangeNotSatisfiable):
        headers["content-range"] = f"bytes */{error.size}"
    if isinstance(error, TooManyRequests):
        headers["retry-after"] = str(error.retry_after)
    elif isinstance(error, StillProcessing | StillUploading) or (
        error.status == 503 and not isinstance(error, Corrupt)
    ):
        headers["retry-after"] = str(_RETRY_SECONDS)
    return json.dumps(problem(error, request_id)).encode(), headers

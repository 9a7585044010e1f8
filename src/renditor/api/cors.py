"""Which pages of other origins may read an answer (https://fetch.spec.whatwg.org/#http-cors-protocol).

Public files are for all pages, and for no credentials. The API is for pages of ``cors.origins``, which send a key
themselves: no cookie counts there. Private files are for those pages with cookies too, since a grant may be one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import Response
from starlette.datastructures import Headers as StarletteHeaders

from renditor.api import problems
from renditor.deliver.responses import Headers
from renditor.errors import BadRequest

_ALLOWED = b"access-control-allow-origin"
_VARY = (b"vary", b"Origin")


class Origins:
    """The origins whose pages may read private files with a cookie."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = frozenset(origin.encode() for origin in allowed)

    def admitted(self, lines: Headers, origin: bytes | None) -> Headers:
        """Header fields of an answer about what is private, for a page of ``origin``."""
        if not self._allowed:
            return lines
        # Also where no origin was sent: a picture that the browser kept from a plain <img> is no answer for fetch().
        if origin not in self._allowed:
            return [*lines, _VARY]
        named = [line for line in lines if line[0] != _ALLOWED]
        return [*named, (_ALLOWED, origin or b""), (b"access-control-allow-credentials", b"true"), _VARY]


class Preflights(CORSMiddleware):
    """CORS of the API. A preflight that is refused is an error like any other."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            headers = StarletteHeaders(scope=scope)
            if "origin" in headers and "access-control-request-method" in headers:
                answer = self.preflight_response(headers)
                if answer.status_code != 200:
                    answer = _refusal(bytes(answer.body).decode(), scope.get("renditor.request_id", ""))
                await answer(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


def _refusal(why: str, request_id: str) -> Response:
    """``why``: the words of the framework, such as "Disallowed CORS origin, method"."""
    refused = why.removeprefix("Disallowed CORS ")
    error = BadRequest(
        f"Pages of this origin may not ask this: {refused}.",
        code="cors-refused",
        hint="cors.origins lists the origins of the pages that may call the API.",
    )
    content, headers = problems.encode(error, request_id)
    del headers["x-request-id"]  # every response gets it anyway
    return Response(content, error.status, {**headers, "vary": "Origin"})

"""What a server answers, and what it means when it does not."""

from __future__ import annotations

import ipaddress
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from renditor.errors import BadRequest, RenditorError

# An upload has no time limit as a whole; these are for each piece of it. Seconds.
TIMEOUT: Final = httpx.Timeout(60, connect=10)
# The code of a connection that broke half-way: worth another try.
BROKEN: Final = "connection-broken"
_PORTS: Final = 1 << 16

Asset = dict[str, Any]


class ServerError(RenditorError):
    """The server said no, or nothing.

    ``http_status`` is what it answered with, 0 where there was no answer; ``retry_after``: for how many seconds it
    wants to be left alone.
    """

    code, title = "no-answer", "The server does not answer"

    def __init__(
        self,
        detail: str = "",
        *,
        hint: str | None = None,
        code: str | None = None,
        http_status: int = 0,
        retry_after: float = 0,
    ) -> None:
        super().__init__(detail, hint=hint, code=code)
        self.http_status = http_status
        self.retry_after = retry_after


def parse_url(url: str, what: str) -> httpx.URL:
    """The URL of a ``what``, such as a server. Raises: BadRequest: it is none."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if parts.scheme not in ("http", "https") or not parts.host or not 0 < (parts.port or 80) < _PORTS:
        raise BadRequest(f"{url} is not the URL of a {what}.", hint="It begins with http:// or https://.")
    return parts


def unreachable(server: str, error: httpx.HTTPError) -> ServerError:
    """Why there is no answer, in words."""
    if isinstance(error, httpx.ConnectError):
        if isinstance(_cause(error), ssl.SSLError):
            return ServerError(
                f"{server} has a certificate that is not trusted here.",
                hint="Set SSL_CERT_FILE to the certificate of its issuer.",
                code="certificate",
            )
        return ServerError(
            f"{server} does not answer.", hint="Is `renditor serve` running there? --server names another."
        )
    if isinstance(error, httpx.TimeoutException):
        return ServerError(f"{server} took too long to answer.", hint="Try again.")
    return ServerError(f"The connection to {server} broke ({type(error).__name__}).", hint="Try again.", code=BROKEN)


def read(response: httpx.Response) -> Asset:
    """The object that a server answered. Raises: ServerError: it refused, or is none of ours."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or (response.is_error and "code" not in body):
        raise ServerError(
            f"The answer ({response.status_code}) is not one of a renditor server.",
            hint="Check the URL: it is the one that `renditor serve` prints.",
            code="not-renditor",
            http_status=response.status_code,
            retry_after=_retry_after(response),
        )
    if response.is_error:
        raise ServerError(
            str(body.get("detail") or body.get("title")),
            hint=body.get("hint"),
            code=str(body["code"]),
            http_status=response.status_code,
            retry_after=_retry_after(response),
        )
    return body


def _retry_after(response: httpx.Response) -> float:
    """Seconds, of a number of them or a date (RFC 9110, 10.2.3); 0 where there is neither."""
    said = response.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _cause(error: BaseException) -> BaseException:
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


def is_this_machine(host: str) -> bool:
    """Whether a name leads back here: no proxy leads there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Private delivery: what a grant in the URL or in a cookie opens, and how long its answers may be kept."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from renditor.access.grants import Grant, subject, verify
from renditor.access.keyring import Keyring
from renditor.catalog.current import Name
from renditor.deliver.responses import Body, Redirect, Request, Response
from renditor.errors import NotFound, Unauthenticated
from renditor.models import Asset
from renditor.transformation.path import DeliveryPath

# Of the cookie header; browsers send up to some 8 KB. More only burns CPU. Characters.
_LONGEST_COOKIES = 16_384


@dataclass(frozen=True, slots=True)
class Grants:
    """``keyring``: the keys that sign grants, as they are now."""

    keyring: Callable[[], Awaitable[Keyring]]

    async def check(self, request: Request, asset: Asset | None, name: Name, path: DeliveryPath | None) -> Grant:
        """The grant that opens ``asset`` to this request.

        Args:
            request: with a grant in its URL, or a cookie for this asset.
            asset: what is asked for, if it is there.
            name: under which it is asked for.
            path: the whole path; None: a file of a set, which only a grant for the whole asset opens.

        Raises:
            Unauthenticated: a grant that is not valid, or no longer.
            NotFound: no grant at all, one for something else, or a cookie that is none: a private asset is like none.
        """
        text = request.grant or (_cookie(request.cookies, cookie_name(asset.id)) if asset else None)
        if text is None:
            raise NotFound
        wanted = subject(*name[:2], path.signed) if path else ""
        try:
            grant = verify(text, await self.keyring(), wanted, request.address, time.time())
        except Unauthenticated as error:
            if request.grant or error.error_code == "grant-expired":
                raise
            # The cookie is looked at because the asset is there: another answer than for none would tell so.
            raise NotFound from None
        if asset is None or asset.id != grant.asset_id or (path is None and not grant.whole_asset):
            raise NotFound
        return grant


def cookie_name(asset_id: str) -> str:
    return f"grant_{asset_id}"


def kept_privately(response: Response, grant: Grant, longest: int) -> Response:
    """The answer, to be kept by the client alone, and no longer than the grant is good (nor ``longest`` seconds)."""
    if isinstance(response, Redirect):
        return response
    seconds = max(0, min(longest, int(grant.expires_at - time.time())))
    head = replace(response.head, cache_control=f"private, max-age={seconds}", private=True)
    return replace(response, head=head, lines=None) if isinstance(response, Body) else replace(response, head=head)


def _cookie(header: str, name: str) -> str | None:
    """The value of the first cookie of this name, which browsers send before those of wider paths (RFC 6265, 5.4).

    ``http.cookies`` reads none at all where another one is not as the RFC has it, such as JSON that a page of the same
    host keeps: what others set must not close what a grant opens.
    """
    if len(header) > _LONGEST_COOKIES:
        return None
    pairs = (pair.partition("=") for pair in header.split(";"))
    return next((value.strip() for key, _, value in pairs if key.strip() == name), None)

"""``/media/{id}/grants``: time-limited URLs of private assets."""

import ipaddress
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator

from renditor.access.grants import LONGEST, SHORTEST
from renditor.api.proxies import one_form
from renditor.api.routes import Needs, json_body, read_body, refusals
from renditor.api.views import Views
from renditor.catalog.assets import made_of
from renditor.deliver.grants import cookie_name
from renditor.errors import Unprocessable
from renditor.models import Principal
from renditor.service import MediaProcessingService

_LONGEST_TRANSFORMATION: Final = 2048


class GrantRequest(BaseModel):
    """What a grant is to be good for."""

    model_config = ConfigDict(extra="forbid")

    ttl: int = Field(3600, ge=SHORTEST, le=LONGEST, description="Seconds for which it is good.")
    transformation: str = Field(
        "", max_length=_LONGEST_TRANSFORMATION, description="Of a picture: the only one that it opens."
    )
    whole: bool = Field(False, description="Of a picture: open all that the server delivers of it without a signature.")
    address: str | None = Field(None, description="The only client (IP address) that may use it.")
    cookie: bool = Field(False, description="Also set a cookie, so that plain /private/ URLs open too.")

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        return None if value is None else str(one_form(ipaddress.ip_address(value)))


def router(service: MediaProcessingService, views: Views, *, cookies: bool) -> APIRouter:
    """The route; ``views`` makes the URLs of the answers; ``cookies``: one set here comes back where files are."""
    routes = APIRouter(prefix="/media", tags=["media"], responses=refusals(401, 403, 503))
    writer = Needs(service, "write")

    @routes.post(
        "/{media_id}/grants",
        status_code=201,
        openapi_extra=json_body(GrantRequest),
        responses=refusals(400, 404, 413, 422),
        summary="Let somebody see a private asset",
    )
    async def grant(media_id: str, request: Request, principal: Annotated[Principal, Depends(writer)]) -> JSONResponse:
        """Make URLs that open a private asset for a while, to whoever has them.

        Of a picture the grant covers one transformation, or with `whole` all that is delivered without a signature; of
        a video or a song everything, streams included.
        """
        asset, renditions = await service.get(principal, media_id)  # unknown ids are 404 whatever is asked
        asked = await read_body(request, GrantRequest)
        if asked.cookie and not cookies:
            raise Unprocessable("cookie: Files are delivered by another host (delivery.url).", code="invalid-body")
        whole = asset.media_type != "image" or asked.whole
        if whole and asked.transformation:
            raise Unprocessable("transformation: Only a grant for one picture has one.", code="invalid-body")
        tail = None if whole else views.picture_tail(asset, asked.transformation)
        text, until = await service.flows.granting.grant(principal, media_id, asked.ttl, tail, asked.address)
        urls: dict[str, Any]
        if tail is None:
            urls = views.granted(asset, made_of(renditions), text)
        else:
            urls = {"url": views.granted_picture(asset, tail, text)}
        response = JSONResponse({**urls, "expires_at": _iso(until)}, 201)
        if asked.cookie:
            # For the paths of delivery alone; not for scripts, nor for other sites' requests.
            response.set_cookie(
                cookie_name(asset.id),
                text,
                max_age=asked.ttl,
                path=f"{views.path}/{asset.tenant}/",
                secure=views.secure,
                httponly=True,
                samesite="lax",
            )
        return response

    return routes


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

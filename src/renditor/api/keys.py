"""``/keys``: the API keys of a tenant, for those who administer it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from renditor.access import apikeys
from renditor.api.routes import Needs, json_body, read_body, refusals
from renditor.errors import BadRequest, Unprocessable
from renditor.models import ApiKey, Principal, Scope, now_ms
from renditor.service import MediaProcessingService

_LONGEST = 10 * 365 * 86_400


class KeyRequest(BaseModel):
    """What a key is to be good for."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, description="What the key is for; shown in lists.")
    scopes: frozenset[Scope] = Field(min_length=1, description="read, write, admin.")
    owner: str | None = Field(None, description="Who owns what it uploads; default: a new owner.")
    uploads: str | None = Field(None, description="How many, such as 1000/hour; default: the server's limit.")
    ttl: int | None = Field(None, ge=60, le=_LONGEST, description="Seconds for which it is good; default: for ever.")


def router(service: MediaProcessingService) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/keys", tags=["keys"], responses=refusals(401, 403, 503))
    admin = Needs(service, "admin")
    keys = service.flows.keys

    @routes.get("", summary="List the API keys")
    async def listing(principal: Annotated[Principal, Depends(admin)]) -> dict[str, Any]:
        """List the keys of your tenant, without their secrets."""
        return {"items": [_shown(key) for key in await keys.listing(principal)], "next_cursor": None}

    @routes.post(
        "",
        status_code=201,
        openapi_extra=json_body(KeyRequest),
        responses=refusals(413, 422),
        summary="Make an API key",
    )
    async def make(request: Request, principal: Annotated[Principal, Depends(admin)]) -> dict[str, Any]:
        """Make a key in your tenant. Its text is shown this once and stored nowhere."""
        asked = await read_body(request, KeyRequest)
        until = None if asked.ttl is None else now_ms() + asked.ttl * 1000
        try:
            new = apikeys.create(
                asked.name,
                asked.scopes,
                tenant=principal.tenant,
                owner=asked.owner,
                uploads=asked.uploads,
                expires_at=until,
            )
        except BadRequest as error:
            raise Unprocessable(error.detail, hint=error.hint, code="invalid-body") from None
        await keys.add(principal, new)
        return {"key": new.text, **_shown(new.key)}

    @routes.delete("/{key_id}", status_code=204, responses=refusals(404), summary="Revoke an API key")
    async def revoke(key_id: str, principal: Annotated[Principal, Depends(admin)]) -> Response:
        """From now on every request with it is refused, in every process."""
        await keys.revoke(principal, key_id)
        return Response(status_code=204)

    return routes


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "scopes": [scope for scope in apikeys.SCOPES if scope in key.scopes],
        "uploads": key.uploads,
        "created_at": _iso(key.created_at),
        "expires_at": _iso(key.expires_at),
        "revoked_at": _iso(key.revoked_at),
        "state": key.state(now_ms()),
    }


def _iso(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

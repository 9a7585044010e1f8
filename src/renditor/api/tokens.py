"""``/tokens``: upload tokens, which a program asks for and gives to a browser."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from renditor.access.tokens import LONGEST
from renditor.api.routes import Needs, json_body, read_body, refusals
from renditor.models import MediaType, Principal
from renditor.service import MediaProcessingService

# More files than one page sends. A token is no key.
_MOST_UPLOADS = 1000


class TokenRequest(BaseModel):
    """What a token is to be good for."""

    model_config = ConfigDict(extra="forbid")

    ttl: int = Field(900, ge=1, le=LONGEST, description="Seconds for which it is good.")
    uploads: int = Field(1, ge=1, le=_MOST_UPLOADS, description="How many files may be sent; each attempt counts.")
    max_bytes: int | None = Field(None, ge=1, description="Largest file; default: the server's limits.")
    media_types: frozenset[MediaType] = Field(frozenset(), description="image, video, audio; default: all.")


def router(service: MediaProcessingService) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/tokens", tags=["tokens"], responses=refusals(401, 403, 503))
    writer = Needs(service, "write")
    identity = service.flows.identity

    @routes.post(
        "",
        status_code=201,
        openapi_extra=json_body(TokenRequest),
        responses=refusals(422),
        summary="Make an upload token",
    )
    async def make(request: Request, principal: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """Make a token for a browser: with it files can be uploaded that belong to you, and followed until they are
        done. Its text is shown this once.
        """
        asked = await read_body(request, TokenRequest)
        new = await identity.issue_upload_token(principal, asked.ttl, asked.uploads, asked.max_bytes, asked.media_types)
        until = datetime.fromtimestamp(new.token.expires_at / 1000, UTC)
        return {
            "id": new.token.id,
            "token": new.text,
            "expires_at": until.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "uploads": asked.uploads,
            "max_bytes": asked.max_bytes,
            "media_types": sorted(asked.media_types),
        }

    @routes.delete("/{token_id}", status_code=204, responses=refusals(404), summary="Revoke an upload token")
    async def revoke(token_id: str, principal: Annotated[Principal, Depends(writer)]) -> Response:
        """From now on nothing can be sent with it."""
        await identity.revoke_upload_token(principal, token_id)
        return Response(status_code=204)

    return routes

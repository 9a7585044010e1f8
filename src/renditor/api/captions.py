"""``/media/{id}/captions``: text tracks of a video, in WebVTT or SRT."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from renditor.api.bodies import RawBody
from renditor.api.routes import Needs, refusals
from renditor.api.views import Views
from renditor.ingest import CAPTION_TYPES, CaptionOptions
from renditor.models import Principal
from renditor.service import MediaProcessingService

_PARAMETERS = {
    "language": ({"type": "string"}, "A BCP 47 tag, such as en or pt-BR."),
    "label": ({"type": "string", "maxLength": 60}, "What viewers choose it by. Default: the language."),
    "kind": (
        {"enum": ["captions", "subtitles"], "default": "subtitles"},
        "captions are for those who do not hear, and tell of sounds too.",
    ),
    "default": ({"type": "boolean", "default": False}, "Shown unless the viewer chooses otherwise; one track is."),
    "forced": ({"type": "boolean", "default": False}, "Only what everybody needs to read, such as signs."),
}
_BODY = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
        for name, (schema, description) in _PARAMETERS.items()
    ],
    "requestBody": {"required": True, "content": {kind: {"schema": {"type": "string"}} for kind in CAPTION_TYPES}},
}


def router(service: MediaProcessingService, views: Views) -> APIRouter:
    """The routes; ``views`` makes the URLs of the answers."""
    routes = APIRouter(prefix="/media", tags=["media"], responses=refusals(401, 403, 503))
    reader, writer = Needs(service, "read"), Needs(service, "write")

    @routes.get("/{media_id}/captions", responses=refusals(404), summary="Captions of a video")
    async def listing(media_id: str, principal: Annotated[Principal, Depends(reader)]) -> dict[str, Any]:
        """The text tracks of a video: those of its file and those that were added."""
        asset, renditions = await service.get(principal, media_id)
        return {"items": views.captions(asset, renditions), "next_cursor": None}

    @routes.post(
        "/{media_id}/captions",
        status_code=201,
        openapi_extra=_BODY,
        responses=refusals(400, 404, 409, 413, 415, 422, 507),
        summary="Add captions",
    )
    async def add(media_id: str, request: Request, principal: Annotated[Principal, Depends(writer)]) -> JSONResponse:
        """Make WebVTT or SRT a track of a completed video, in its HLS and DASH streams.

        The text is written anew: of its markup only bold, italic, underline, colours, speakers, languages and ruby are
        left. A file that cannot be read is refused with the line at fault.
        """
        asset, _ = await service.get(principal, media_id)  # unknown ids are 404 whatever is asked
        options = CaptionOptions.read(dict(request.query_params))
        declared = request.headers.get("content-type")
        rendition, track = await service.add_captions(principal, media_id, RawBody(request).chunks(), options, declared)
        shown = views.caption(asset, rendition, track)
        return JSONResponse(shown, 201, headers={"location": f"/media/{media_id}/captions/{track.name}"})

    @routes.delete(
        "/{media_id}/captions/{name}", status_code=204, responses=refusals(404, 409), summary="Remove captions"
    )
    async def remove(media_id: str, name: str, principal: Annotated[Principal, Depends(writer)]) -> Response:
        """Remove a track from a video's streams, whoever made it."""
        await service.remove_captions(principal, media_id, name)
        return Response(status_code=204)

    return routes

"""``/media``: upload, look at, change, cancel and delete assets. All of it belongs to the asset's owner alone."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from renditor.api.bodies import repeat_of, upload_body
from renditor.api.limits import applied
from renditor.api.ranges import read_range
from renditor.api.routes import Needs, json_body, read_body, refusals
from renditor.api.views import Views
from renditor.catalog.assets import made_of
from renditor.deliver.responses import Request as Delivered
from renditor.deliver.responses import download
from renditor.models import Asset, MediaType, Principal, Status
from renditor.service import MediaProcessingService

_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "A video or a song: it is being processed.", "content": {"application/json": {}}}
}
# Of the type that was found at the upload.
_FILE_BODY = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes.", "content": _FILE_BODY},
    206: {"description": "The range that was asked for.", "content": _FILE_BODY},
    304: {"description": "The client has it already."},
}
_UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "public_id": {"type": "string"},
                        "folder": {"type": "string"},
                        "visibility": {"enum": ["public", "private"]},
                        "tags": {"type": "string", "description": "separated by commas"},
                        "recipe": {"type": "string"},
                        "overwrite": {"type": "boolean"},
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class FocalPoint(BaseModel):
    """A point of the upright picture: shares of its width from the left, and of its height from the top."""

    model_config = ConfigDict(extra="forbid")

    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)


class AssetChange(BaseModel):
    """What may be changed of an asset; any other field is refused."""

    model_config = ConfigDict(extra="forbid")

    visibility: Literal["public", "private"] | None = None
    tags: list[str] | None = Field(None, max_length=50)
    focal_point: FocalPoint | None = None

    @property
    def wanted_point(self) -> tuple[float, float] | Literal["found"] | None:
        """What ``service.change`` takes: null and leaving out are two things."""
        if self.focal_point is not None:
            return self.focal_point.x, self.focal_point.y
        return "found" if "focal_point" in self.model_fields_set else None


def router(service: MediaProcessingService, views: Views) -> APIRouter:
    """The routes; ``views`` makes the URLs of the answers."""
    routes = APIRouter(prefix="/media", tags=["media"], responses=refusals(401, 403, 503))
    _add_reading(routes, service, views)
    _add_writing(routes, service, views)
    return routes


def _add_reading(routes: APIRouter, service: MediaProcessingService, views: Views) -> None:
    reader, follower = Needs(service, "read"), Needs(service, "follow")

    @routes.get("", responses=refusals(422), summary="List your assets")
    async def listing(
        principal: Annotated[Principal, Depends(reader)],
        cursor: Annotated[str | None, Query(max_length=64)] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        media_type: MediaType | None = None,
        status: Status | None = None,
        tag: Annotated[str | None, Query(max_length=100)] = None,
    ) -> dict[str, Any]:
        """Your assets, newest first."""
        asked = {"media_type": media_type, "status": status, "tag": tag}
        filters = {name: value for name, value in asked.items() if value is not None}
        page = await service.page(principal, filters, cursor, limit)
        items = [views.asset(asset, made=page.made[asset.id]) for asset in page.items]
        return {"items": items, "next_cursor": page.next_cursor}

    @routes.get("/{media_id}", responses=refusals(404), summary="One asset")
    async def show(media_id: str, principal: Annotated[Principal, Depends(reader)]) -> dict[str, Any]:
        """One asset with its renditions and URLs."""
        return views.asset(*await service.get(principal, media_id))

    @routes.get("/{media_id}/status", responses=refusals(404), summary="How far an asset is")
    async def status(media_id: str, principal: Annotated[Principal, Depends(follower)]) -> dict[str, Any]:
        """How far it is: status, progress (0-100), stage, and the error where it failed."""
        asset, renditions = await service.get(principal, media_id)
        return views.status(asset, made_of(renditions))

    @routes.get(
        "/{media_id}/original",
        response_class=StreamingResponse,
        responses=_FILE | refusals(404, 416),
        summary="The uploaded bytes",
    )
    async def original(media_id: str, request: Request, principal: Annotated[Principal, Depends(reader)]) -> Response:
        """The exact bytes that were uploaded, as a download. Ranges are answered."""
        asset, read = await service.original(principal, media_id)
        etag = f'"{asset.sha256}"'
        if Delivered(if_none_match=request.headers.get("if-none-match")).holds(asset.sha256):
            return Response(status_code=304, headers={"etag": etag})
        unchanged = request.headers.get("if-range") in (None, etag)
        part = read_range(request.headers.get("range") if unchanged else None, asset.bytes)
        start, end = part or (0, asset.bytes)
        headers = {
            "content-length": str(end - start),
            "content-disposition": download(asset),
            "accept-ranges": "bytes",
            "cache-control": "private, no-store",
            "content-security-policy": "default-src 'none'; sandbox",
            "etag": etag,
        }
        if part:
            headers["content-range"] = f"bytes {start}-{end - 1}/{asset.bytes}"
        return StreamingResponse(read(start, end), 206 if part else 200, headers, asset.content_type)


def _add_writing(routes: APIRouter, service: MediaProcessingService, views: Views) -> None:
    writer, uploader = Needs(service, "write"), Needs(service, "upload")

    refused = refusals(400, 409, 413, 415, 422, 429, 507)

    @routes.post(
        "/upload", status_code=201, openapi_extra=_UPLOAD_BODY, responses=_ACCEPTED | refused, summary="Upload a file"
    )
    async def upload(request: Request, principal: Annotated[Principal, Depends(uploader)]) -> JSONResponse:
        """Upload a photo (201, completed), a video or a song (202, processing).

        Either a multipart form with the field `file`, or the file itself as body with its name in `X-Filename`; options
        are form fields or query parameters: public_id, folder, visibility, tags, recipe, overwrite.

        `Content-Digest` and `Repr-Digest` (sha-256, sha-512) are verified. With `Idempotency-Key` the same request can
        be sent again: it makes one asset.
        """
        body = upload_body(request)

        async def make(asset_id: str | None) -> Asset:
            await service.admit_upload(principal, applied(request.scope))
            return await service.upload(principal, body.chunks(), body.options, body.declared, asset_id)

        asset = await service.flows.repeats.once(principal, repeat_of(request), make)
        location = {"location": f"/media/{asset.id}"}
        return JSONResponse(views.asset(asset), 201 if asset.status == "completed" else 202, headers=location)

    @routes.patch(
        "/{media_id}",
        openapi_extra=json_body(AssetChange),
        responses=refusals(404, 413, 422),
        summary="Change an asset",
    )
    async def change(
        media_id: str, request: Request, principal: Annotated[Principal, Depends(writer)]
    ) -> dict[str, Any]:
        """Change visibility, tags or the focal point (null goes back to the point that was found).

        A new focal point changes the version in the asset's URLs.
        """
        await service.get(principal, media_id)  # unknown ids are 404 whatever the body is
        asked = await read_body(request, AssetChange)
        await service.change(
            principal, media_id, visibility=asked.visibility, tags=asked.tags, focal_point=asked.wanted_point
        )
        return views.asset(*await service.get(principal, media_id))

    @routes.delete("/{media_id}", status_code=204, responses=refusals(404), summary="Delete an asset")
    async def delete(media_id: str, principal: Annotated[Principal, Depends(writer)]) -> Response:
        """Delete the asset with its original and all its renditions."""
        await service.delete(principal, media_id)
        return Response(status_code=204)

    @routes.delete(
        "/{media_id}/renditions", status_code=204, responses=refusals(404), summary="Drop all derived pictures"
    )
    async def drop_renditions(media_id: str, principal: Annotated[Principal, Depends(writer)]) -> Response:
        """Forget all pictures rendered from it, in every process at once; they are made anew when asked for."""
        await service.drop_renditions(principal, media_id)
        return Response(status_code=204)

    @routes.post("/{media_id}/cancel", status_code=202, responses=refusals(404, 409), summary="Stop processing")
    async def cancel(media_id: str, principal: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """Stop its processing (409 where there is none)."""
        asset, renditions = await service.cancel(principal, media_id)
        return views.status(asset, made_of(renditions))

"""``/media``: upload, look at, change, cancel and delete assets. All of it belongs to the asset's owner alone."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from renditor.api.bodies import upload_body
from renditor.api.ranges import read_range
from renditor.api.views import Views
from renditor.deliver import Request as Delivered
from renditor.errors import TooLarge, Unprocessable
from renditor.models import MediaType, Principal, Scope, Status
from renditor.service import MediaProcessingService

# A PATCH is a few short fields; more is somebody filling our memory. Bytes.
_PATCH_BYTES = 64 * 1024

_PROBLEMS = {
    400: "An option or the form is wrong, or the body was broken off.",
    401: "No valid key.",
    403: "The key's scope is too small.",
    404: "Unknown.",
    409: "It conflicts with what is stored.",
    413: "Too large.",
    415: "This kind of file is not accepted.",
    416: "The range lies outside the file.",
    422: "The content cannot be processed.",
    429: "Too many uploads; Retry-After says when to come back.",
    503: "A part of the server is busy or not available.",
    507: "The server has no space left.",
}
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "A video or a song: it is being processed.", "content": {"application/json": {}}}
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes.", "content": {"application/octet-stream": {}}},
    206: {"description": "The range that was asked for.", "content": {"application/octet-stream": {}}},
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
    routes = APIRouter(prefix="/media", tags=["media"], responses=_refusals(401, 403, 503))
    _add_reading(routes, service, views)
    _add_writing(routes, service, views)
    return routes


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: the errors that a route may answer."""
    return {s: {"description": _PROBLEMS[s], "content": {"application/problem+json": {}}} for s in statuses}


def _needs(service: MediaProcessingService, scope: Scope) -> Callable[..., Awaitable[Principal]]:
    """A dependency that reads nothing but the header: the body waits until the caller is known."""

    async def principal(authorization: Annotated[str | None, Header(include_in_schema=False)] = None) -> Principal:
        return await service.authenticate(authorization, scope)

    return principal


def _add_reading(routes: APIRouter, service: MediaProcessingService, views: Views) -> None:
    reader = _needs(service, "read")

    @routes.get("", responses=_refusals(422), summary="List your assets")
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
        return {"items": [views.asset(asset) for asset in page.items], "next_cursor": page.next_cursor}

    @routes.get("/{media_id}", responses=_refusals(404), summary="One asset")
    async def show(media_id: str, principal: Annotated[Principal, Depends(reader)]) -> dict[str, Any]:
        """One asset with its renditions and URLs."""
        return views.asset(*await service.get(principal, media_id))

    @routes.get("/{media_id}/status", responses=_refusals(404), summary="How far an asset is")
    async def status(media_id: str, principal: Annotated[Principal, Depends(reader)]) -> dict[str, Any]:
        """How far it is: status, progress (0-100), stage, and the error where it failed."""
        asset, _ = await service.get(principal, media_id)
        return views.status(asset)

    @routes.get(
        "/{media_id}/original",
        response_class=StreamingResponse,
        responses=_FILE | _refusals(404, 416),
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
        name = quote(asset.filename or f"{asset.id}.{asset.format}", safe="")
        headers = {
            "content-length": str(end - start),
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "accept-ranges": "bytes",
            "cache-control": "private, no-store",
            "content-security-policy": "default-src 'none'; sandbox",
            "etag": etag,
        }
        if part:
            headers["content-range"] = f"bytes {start}-{end - 1}/{asset.bytes}"
        return StreamingResponse(read(start, end), 206 if part else 200, headers, asset.content_type)


def _add_writing(routes: APIRouter, service: MediaProcessingService, views: Views) -> None:
    writer = _needs(service, "write")

    refused = _refusals(400, 409, 413, 415, 422, 429, 507)

    @routes.post(
        "/upload", status_code=201, openapi_extra=_UPLOAD_BODY, responses=_ACCEPTED | refused, summary="Upload a file"
    )
    async def upload(request: Request, principal: Annotated[Principal, Depends(writer)]) -> JSONResponse:
        """Upload a photo (201, completed), a video or a song (202, processing).

        Either a multipart form with the field `file`, or the file itself as body with its name in `X-Filename`; options
        are form fields or query parameters: public_id, folder, visibility, tags, recipe, overwrite.
        """
        await service.admit_upload(principal)
        body = upload_body(request)
        asset = await service.upload(principal, body.chunks(), body.options, body.declared)
        location = {"location": f"/media/{asset.id}"}
        return JSONResponse(views.asset(asset), 201 if asset.status == "completed" else 202, headers=location)

    @routes.patch(
        "/{media_id}",
        openapi_extra=_json_body(AssetChange),
        responses=_refusals(404, 413, 422),
        summary="Change an asset",
    )
    async def change(
        media_id: str, request: Request, principal: Annotated[Principal, Depends(writer)]
    ) -> dict[str, Any]:
        """Change visibility, tags or the focal point (null goes back to the point that was found).

        A new focal point changes the version in the asset's URLs.
        """
        await service.get(principal, media_id)  # unknown ids are 404 whatever the body is
        asked = await _read_change(request)
        await service.change(
            principal, media_id, visibility=asked.visibility, tags=asked.tags, focal_point=asked.wanted_point
        )
        return views.asset(*await service.get(principal, media_id))

    @routes.delete("/{media_id}", status_code=204, responses=_refusals(404), summary="Delete an asset")
    async def delete(media_id: str, principal: Annotated[Principal, Depends(writer)]) -> Response:
        """Delete the asset with its original and all its renditions."""
        await service.delete(principal, media_id)
        return Response(status_code=204)

    @routes.post("/{media_id}/cancel", status_code=202, responses=_refusals(404, 409), summary="Stop processing")
    async def cancel(media_id: str, principal: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """Stop its processing (409 where there is none)."""
        return views.status(await service.cancel(principal, media_id))


async def _read_change(request: Request) -> AssetChange:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _PATCH_BYTES:
            raise TooLarge("The body of this request is too large.")
    try:
        return AssetChange.model_validate(json.loads(body or b"{}"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "body"
        raise Unprocessable(f"{name}: {first['msg']}.", code="invalid-body") from None
    except (ValueError, RecursionError):
        raise Unprocessable("The body is not JSON.", code="invalid-body") from None


def _json_body(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    schema = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    """The schema with its parts in place of the references to them, which would count from the top of the document."""
    if isinstance(schema, list):
        return [_inlined(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {name: _inlined(value, parts) for name, value in schema.items()}

"""``POST /media/fetch``: upload what lies behind a URL."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from renditor.api.limits import applied
from renditor.api.routes import Needs, json_body, read_body, refusals
from renditor.api.views import Views
from renditor.ingest import UploadOptions, check_tags
from renditor.ingest.repeats import Repeat
from renditor.models import Asset, Principal
from renditor.outbound.client import Fetched
from renditor.service import MediaProcessingService

_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "A video or a song: it is being processed.", "content": {"application/json": {}}}
}


class FetchRequest(BaseModel):
    """A URL, and the options of an upload."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=8192, description="http or https, on the public internet.")
    public_id: str | None = None
    folder: str | None = None
    visibility: Literal["public", "private"] = "public"
    tags: list[str] = Field([], max_length=50)
    recipe: str | None = None
    overwrite: bool = False

    def options(self) -> Callable[[Fetched], UploadOptions]:
        """What becomes the upload's options once its file is known. Raises: BadRequest naming the option."""
        named = {"public_id": self.public_id, "folder": self.folder, "recipe": self.recipe}
        values = {name: value for name, value in named.items() if value is not None}
        values |= {"visibility": self.visibility, "overwrite": str(self.overwrite)}
        tags = check_tags(iter(self.tags))

        def read(name: str | None, content_type: str | None) -> UploadOptions:
            return replace(UploadOptions.read(values, name, content_type), tags=tags)

        read(None, None)  # what is wrong is told before anything is fetched
        return lambda found: read(unquote(urlsplit(found.url).path, errors="replace"), found.content_type)


def router(service: MediaProcessingService, views: Views) -> APIRouter:
    """The route; ``views`` makes the URLs of the answer."""
    routes = APIRouter(prefix="/media", tags=["media"], responses=refusals(401, 403, 503))
    # Not what upload tokens open: their holders may send files, not have the server ask others for some.
    writer = Needs(service, "write")

    @routes.post(
        "/fetch",
        status_code=201,
        openapi_extra=json_body(FetchRequest),
        responses=_ACCEPTED | refusals(400, 409, 413, 415, 422, 429, 507),
        summary="Upload from a URL",
    )
    async def fetch(request: Request, principal: Annotated[Principal, Depends(writer)]) -> JSONResponse:
        """Fetch a file and take it in like an upload: a photo (201, completed), a video or a song (202, processing).

        It is limited like uploads. What cannot be fetched is 422: `blocked-url` for whatever is not there or not on the
        public internet, `fetch-failed` where a server answers without the file.
        """
        asked = await read_body(request, FetchRequest)
        options = asked.options()
        repeat = Repeat.read(request.headers.get("idempotency-key"), "fetch", asked.model_dump())

        async def make(asset_id: str | None) -> Asset:
            await service.admit_upload(principal, applied(request.scope))
            return await service.fetch(principal, asked.url, options, asset_id)

        asset = await service.flows.repeats.once(principal, repeat, make)
        location = {"location": f"/media/{asset.id}"}
        return JSONResponse(views.asset(asset), 201 if asset.status == "completed" else 202, headers=location)

    return routes

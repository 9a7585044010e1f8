"""``/media/{id}/srcset`` and ``/media/{id}/renditions``: pictures for pages, pictures made ahead for them, and videos
and audio made anew by another recipe."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from renditor.api.routes import Needs, json_body, read_body, refusals
from renditor.api.views import Views
from renditor.deliver.offers import Asked
from renditor.models import Principal
from renditor.service import MediaProcessingService

_MOST_CHAINS = 50  # of one request; each may be several pictures
_LONGEST = 2048  # characters of a transformation, as the grammar has it


class WantedRenditions(BaseModel):
    """Which pictures to make: one of `transformation`, `preset` and `transformations`; or `widths`, those that
    `GET /media/{id}/srcset` offers, of the picture that `transformation` makes and in `formats`. Of a video or audio:
    `recipe`, by which everything is made anew."""

    model_config = ConfigDict(extra="forbid")

    transformation: str | None = Field(None, max_length=_LONGEST)
    preset: str | None = Field(None, pattern=r"^[\w\-.]{1,100}$")
    transformations: list[str] | None = Field(None, min_length=1, max_length=_MOST_CHAINS)
    widths: list[int] | None = Field(None, min_length=1)
    formats: list[str] | None = Field(
        None, min_length=1, description="With widths: auto, or avif, webp, jpg, png, gif."
    )

    recipe: str | None = Field(None, pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Of video and audio.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        ways: list[object] = [self.transformation, self.preset, self.transformations, self.recipe]
        if self.widths is not None:
            ways = [self.widths, self.preset, self.transformations, self.recipe]
        elif self.formats is not None:
            raise ValueError("formats go with widths; a transformation names its own (f_webp)")
        if sum(way is not None for way in ways) != 1:
            raise ValueError("give one of transformation, preset, transformations, widths and recipe")
        return self

    @property
    def chains(self) -> list[str]:
        """The transformations that are named."""
        if self.widths is not None:
            return []
        if self.preset is not None:
            return [f"t_{self.preset}"]
        return self.transformations or [self.transformation or ""]

    @property
    def responsive(self) -> Asked | None:
        """The widths, as ``srcset`` takes them."""
        if self.widths is None:
            return None
        return Asked(
            widths=",".join(map(str, self.widths)),
            formats=",".join(self.formats or ()),
            transformation=self.transformation or "",
        )


def router(service: MediaProcessingService, views: Views) -> APIRouter:
    """The routes; ``views`` makes the URLs of the answers."""
    routes = APIRouter(prefix="/media", tags=["media"], responses=refusals(401, 403, 503))
    reader, writer = Needs(service, "read"), Needs(service, "write")

    @routes.get("/{media_id}/srcset", responses=refusals(400, 404, 409, 422), summary="A picture for a page")
    async def srcset(
        media_id: str,
        principal: Annotated[Principal, Depends(reader)],
        asked: Annotated[Asked, Depends(_asked)],
    ) -> dict[str, Any]:
        """A responsive image: URLs at several widths, `srcset`, `sizes`, and the HTML to paste.

        No picture is wider than the original. Without `formats` each browser gets the best format that it knows
        (`f_auto`); with them there is a `<source>` for each. URLs are signed where the server asks for it.
        """
        return views.responsive(*await service.srcset(principal, media_id, asked))

    @routes.post(
        "/{media_id}/renditions",
        status_code=202,
        openapi_extra=json_body(WantedRenditions),
        responses=refusals(400, 404, 409, 413, 422),
        summary="Make renditions ahead, or anew",
    )
    async def renditions(
        media_id: str, request: Request, principal: Annotated[Principal, Depends(writer)]
    ) -> JSONResponse:
        """Make pictures in the background, so that the first visitor finds them ready. What is there stays.

        `f_auto` makes all formats that browsers may get. With `recipe` everything that is made of a video or audio is
        made anew: what there is stays until all of the new is there, then it goes in the same moment. The answer names
        the job.
        """
        await service.get(principal, media_id)  # unknown ids are 404 whatever the body is
        wanted = await read_body(request, WantedRenditions)
        if wanted.recipe is not None:
            job = await service.run_recipe(principal, media_id, wanted.recipe)
        else:
            job = await service.make_renditions(principal, media_id, wanted.chains, wanted.responsive)
        return JSONResponse(views.job(job), 202, headers={"location": f"/media/{media_id}/jobs/{job.id}"})

    @routes.get("/{media_id}/jobs/{job_id}", responses=refusals(404), summary="How far a job is")
    async def job(media_id: str, job_id: str, principal: Annotated[Principal, Depends(reader)]) -> dict[str, Any]:
        """How far the work on an asset is: status (queued, running, completed, failed, cancelled), progress, error."""
        return views.job(await service.job(principal, media_id, job_id))

    return routes


def _asked(
    *,
    widths: Annotated[str, Query(max_length=500, description="In px, separated by commas. Default: the ladder.")] = "",
    formats: Annotated[str, Query(max_length=100, description="auto, or some of avif,webp,jpg,png,gif.")] = "",
    transformation: Annotated[str, Query(max_length=_LONGEST, description="A chain, or a preset: t_name.")] = "",
    sizes: Annotated[str, Query(max_length=1000, description="The HTML attribute; default 100vw.")] = "",
    alt: Annotated[str, Query(max_length=1000, description="What the picture shows, in words.")] = "",
) -> Asked:
    return Asked(widths, formats, transformation, sizes, alt)

"""``GET /usage``: what the owner has, and how much it may have."""

import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from renditor.api.routes import Needs, refusals
from renditor.models import Principal
from renditor.service import MediaProcessingService


def router(service: MediaProcessingService) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["usage"], responses=refusals(401, 403, 429, 503))
    reader = Needs(service, "read")

    @routes.get("/usage", summary="What you have, and how much you may have")
    async def usage(principal: Annotated[Principal, Depends(reader)]) -> dict[str, Any]:
        """Files and bytes of your originals with what your open uploads will add, open uploads, unfinished jobs; and
        where your rates stand. A `limit` of null is none.
        """
        used = await service.usage(principal)
        most = service.flows.ingest.quotas
        numbers = {
            "bytes": (used.kept.bytes + used.kept.open_bytes, most.bytes),
            "files": (used.kept.files + used.kept.open_files, most.files),
            "open_uploads": (used.open_uploads, service.flows.resumable.most_open),
            "running_jobs": (used.running_jobs, most.jobs),
        }
        rates = {
            one.name: {
                "limit": one.rate.count,
                "period_seconds": one.rate.period,
                "remaining": one.standing.remaining,
                "reset_seconds": math.ceil(one.standing.reset),
            }
            for one in used.rates
        }
        # Open uploads are limited for all: they lie in one folder of one machine.
        free = principal.may("admin")
        limited = {
            name: {"used": count, "limit": None if free and name != "open_uploads" else limit}
            for name, (count, limit) in numbers.items()
        }
        return {**limited, "rates": rates}

    return routes

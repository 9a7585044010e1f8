"""Whether this process lives, whether the server can do its work, and its numbers."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from renditor import observe
from renditor.api.routes import refusals
from renditor.errors import RenditorError, Unauthenticated

_CHECK_SECONDS = 5

# Raises when that part cannot do its work.
Check = Callable[[], Awaitable[None]]


def router(checks: Mapping[str, Check], protections: Mapping[str, Any]) -> APIRouter:
    """``checks``: name -> question; ``protections``: what the sandbox of this machine enforces."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz", summary="Whether it lives")
    async def healthz() -> dict[str, str]:
        """This process answers."""
        return {"status": "ok"}

    @routes.get(
        "/readyz",
        summary="Whether uploads would work",
        responses={503: {"description": "An upload would not work; says which part failed."}},
    )
    async def readyz() -> JSONResponse:
        """Uploads would work: database, storage, decoders and tools answer. Also says which protections are active."""
        results = await asyncio.gather(*(_ask(check) for check in checks.values()))
        ready = all(result == "ok" for result in results)
        body = {
            "status": "ready" if ready else "not ready",
            "checks": dict(zip(checks, results, strict=True)),
            "protections": dict(protections),
        }
        return JSONResponse(body, 200 if ready else 503)

    return routes


def metrics(token: str | None) -> APIRouter:
    """``token``: what who asks must send as ``Authorization: Bearer``; None: anybody may ask."""
    routes = APIRouter(tags=["health"])
    wanted = None if token is None else f"Bearer {token}".encode()

    said: dict[int | str, dict[str, Any]] = {200: {"description": "The numbers.", "content": {"text/plain": {}}}}

    @routes.get(
        "/metrics",
        response_class=Response,
        responses=said | (refusals(401) if token else {}),
        summary="Numbers for Prometheus",
    )
    async def metrics(request: Request) -> Response:
        """Numbers of all processes of this server, in the text format of Prometheus."""
        sent = request.headers.get("authorization", "").encode("latin-1")
        if wanted is not None and not hmac.compare_digest(sent, wanted):
            raise Unauthenticated("The token for /metrics is needed.", hint="It is the setting metrics_token.")
        text = await asyncio.to_thread(observe.metrics_text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


async def _ask(check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check()
    except TimeoutError:
        return f"no answer within {_CHECK_SECONDS} s"
    except RenditorError as error:
        return error.detail
    except Exception as error:  # noqa: BLE001  # a health check must answer, whatever breaks
        return type(error).__name__
    return "ok"

"""The whole HTTP application: delivery first, then the API and the page; one place for request ids and errors."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from renditor import observe
from renditor.api import (
    captions,
    events,
    fetch,
    grants,
    health,
    keys,
    limits,
    media,
    pages,
    problems,
    responsive,
    tokens,
    uploads,
    usage,
)
from renditor.api.cors import Origins, Preflights
from renditor.api.delivery import Delivery, Message, Receive, Scope, Send
from renditor.api.denials import note_refusal
from renditor.api.hosts import Hosts
from renditor.api.routes import OPEN, needs
from renditor.api.views import Views
from renditor.errors import BadRequest, Internal, MethodNotAllowed, NotFound, RenditorError, Unprocessable
from renditor.service import Audit, MediaProcessingService


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """``public_url``: how the world reaches us; ``delivery_url``: where files are, if elsewhere; ``cors_origins``:
    pages that may call the API, and read private files with cookies; ``metrics``: whether /metrics is served;
    ``metrics_token``: what who asks for it must send.
    """

    version: str
    public_url: str
    docs: bool = True
    cors_origins: tuple[str, ...] = ()
    metrics: bool = True
    metrics_token: str | None = None
    delivery_url: str | None = None


# What all responses of the API carry unless they say otherwise, as the pages do: an answer is never a document (a JSON
# text opened in a tab shows nothing and runs nothing), is in no frame, and is for no other site to load.
SAFE: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


# Header fields that pages of the allowed origins may send.
_SENT = (
    "authorization",
    "content-digest",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "repr-digest",
    "x-filename",
)


class Server:
    """The ASGI application: gives each request its id; delivery paths go straight to delivery, the rest to FastAPI."""

    def __init__(self, api: FastAPI, delivery: Delivery, hosts: Hosts) -> None:
        self._api = api
        self._delivery = delivery
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._api(scope, receive, send)
            return
        scope["renditor.address"] = (scope.get("client") or ("",))[0]
        for_files = self._hosts.apart and self._hosts.for_files(scope["headers"])
        if (for_files or not self._hosts.apart) and await self._delivery(scope, send):
            return
        if for_files:
            await self._delivery.nothing(send)
            return
        request_id = secrets.token_hex(8)
        scope["renditor.request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        observe.bind(request_id=request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = message.get("headers", ())
                names = {name for name, _ in said}
                safe = [line for line in SAFE if line[0] not in names]
                stand = limits.headers(limits.applied(scope))
                message["headers"] = [*said, *safe, *stand, (b"x-request-id", request_id.encode())]
            await send(message)

        await self._api(scope, receive, send_with_id)


def create(
    service: MediaProcessingService,
    options: ApiOptions,
    checks: Mapping[str, health.Check],
    protections: Mapping[str, Any],
    on_stop: Callable[[], AbstractAsyncContextManager[None]],
) -> Server:
    """Put the application together. ``on_stop`` surrounds the life of the process (start and orderly end)."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with on_stop():
            yield

    api = FastAPI(
        title="renditor",
        version=options.version,
        summary="Images, video and audio behind one API.",
        docs_url=None,
        redoc_url=None,
        # Its redirects are made from the Host header.
        redirect_slashes=False,
        openapi_url="/openapi.json" if options.docs else None,
        lifespan=lifespan,
        swagger_ui_init_oauth=None,
    )
    _describe_key(api)
    _handle_errors(api, service.flows.audit)
    if options.cors_origins:
        api.add_middleware(
            Preflights,
            allow_origins=list(options.cors_origins),
            allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
            allow_headers=[*_SENT, *uploads.SENT],
            expose_headers=["location", "x-request-id", "retry-after", *limits.ANSWERED, *uploads.ANSWERED],
        )
    views = Views(options.delivery_url or options.public_url, service.flows.deliver.gate.opened)
    api.include_router(media.router(service, views))
    api.include_router(captions.router(service, views))
    api.include_router(fetch.router(service, views))
    api.include_router(events.router(service, views))
    api.include_router(responsive.router(service, views))
    api.include_router(grants.router(service, views, cookies=options.delivery_url is None))
    api.include_router(tokens.router(service))
    api.include_router(usage.router(service))
    api.include_router(keys.router(service))
    api.include_router(uploads.discovery(service))
    api.include_router(uploads.router(service, options.public_url))
    api.include_router(health.router(checks, protections))
    if options.metrics:
        api.include_router(health.metrics(options.metrics_token))
    api.include_router(pages.router(docs=options.docs, files=options.delivery_url))
    needs(api.routes)
    flows = service.flows
    delivery = Delivery(flows.deliver, flows.remote, flows.audit, Origins(options.cors_origins))
    return Server(api, delivery, Hosts(options.delivery_url))


def _handle_errors(api: FastAPI, audit: Audit) -> None:
    def answer(request: Request, error: RenditorError) -> Response:
        content, headers = problems.encode(error, request.scope.get("renditor.request_id", ""))
        del headers["x-request-id"]  # every response gets it anyway
        headers |= uploads.refused(request.url.path)
        return Response(content, error.status, headers, problems.CONTENT_TYPE)

    @api.exception_handler(RenditorError)
    async def ours(request: Request, error: RenditorError) -> Response:
        await note_refusal(audit, request, error)
        return answer(request, error)

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "request"
        return answer(request, Unprocessable(f"{name}: {first['msg']}.", code="invalid-parameter"))

    @api.exception_handler(HTTPException)
    async def theirs(request: Request, error: HTTPException) -> Response:
        known = {404: NotFound(), 405: MethodNotAllowed()}.get(error.status_code)
        response = answer(request, known or BadRequest(str(error.detail)))
        response.headers.update(error.headers or {})
        return response

    @api.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        observe.log().exception("request_failed", error_type=type(error).__name__, path=request.url.path)
        return answer(request, Internal(hint="The server's log has the details under this request id."))


def _describe_key(api: FastAPI) -> None:
    """Tell the OpenAPI document how to authenticate, so that /docs has its field for the key."""
    plain = api.openapi

    def described() -> dict[str, Any]:
        if api.openapi_schema is None:
            document = plain()
            schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
            schemes["key"] = {"type": "http", "scheme": "bearer", "description": "An API key."}
            asked = needs(api.routes)
            for operations in document["paths"].values():
                for operation in operations.values():
                    if not OPEN & set(operation.get("tags", ())):
                        operation["security"] = [{"key": asked[operation["operationId"]]}]
                        limits.describe(operation)
                    # The framework's own form of an error, which is never sent.
                    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                        del operation["responses"]["422"]
            for name in ("HTTPValidationError", "ValidationError"):
                document["components"].get("schemas", {}).pop(name, None)
        return api.openapi_schema or plain()

    api.openapi = described  # type: ignore[method-assign]

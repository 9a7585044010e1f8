"""What the routes of the API share: who asks, what they may be refused for, and bodies of JSON."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, ValidationError
from starlette.routing import BaseRoute

from renditor.api.bodies import paced
from renditor.api.limits import applied
from renditor.errors import Internal, TooLarge, Unprocessable
from renditor.models import Credentials, Need, Principal
from renditor.service import Limited, MediaProcessingService
from renditor.service.limits import expect_admitted

Body = TypeVar("Body", bound=BaseModel)

# A body of JSON is a few short fields; more is somebody filling our memory. Bytes.
_MOST_BYTES = 64 * 1024

_PROBLEMS = {
    400: "An option or the form is wrong, or the body was broken off.",
    401: "No valid key.",
    403: "The key's scope is too small.",
    404: "Unknown.",
    405: "It does not answer that method.",
    408: "The body comes too slowly.",
    409: "It conflicts with what is stored.",
    410: "It has expired.",
    412: "Another version of the protocol is asked for.",
    413: "Too large.",
    415: "This kind of file is not accepted.",
    416: "The range lies outside the file.",
    422: "The content cannot be processed.",
    423: "Another request is writing to it.",
    429: "Too many requests or uploads; Retry-After says when to come back.",
    460: "The checksum does not match.",
    503: "A part of the server is busy or not available.",
    507: "The server has no space left.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: the errors that a route may answer."""
    return {s: {"description": _PROBLEMS[s], "content": {"application/problem+json": {}}} for s in statuses}


class Needs:
    """A dependency: the principal, who must be allowed what the route ``need``s.

    It reads nothing but the head of the request: the body waits until the caller is known.
    """

    def __init__(self, service: MediaProcessingService, need: Need) -> None:
        self.need = need
        self._identity = service.flows.identity
        self._limits = service.flows.limits
        self._deliver = service.flows.deliver

    async def __call__(self, request: Request) -> Principal:
        shown = self._shown(request)
        # Before anything else is done for it: a flood may come from anybody.
        self._expect_admitted(request, await self._limits.admit_address(shown.address))
        await self._deliver.fresh()  # answers carry signed URLs
        principal = await self._identity.authenticate(shown, self.need)
        request.state.principal = principal
        self._expect_admitted(request, await self._limits.admit_request(principal))
        return principal

    @staticmethod
    def _expect_admitted(request: Request, limited: Limited | None) -> None:
        if limited is None:
            return
        # How many others share an address is told to nobody before it matters.
        if limited.name != "address" or not limited.standing.admitted:
            applied(request.scope).append(limited)
        expect_admitted(limited)

    async def still(self, request: Request) -> bool:
        """Whether the caller of a request that goes on and on is still known. Raises: Unavailable."""
        return await self._identity.is_good(self._shown(request))

    def _shown(self, request: Request) -> Credentials:
        shown = credentials(request)
        if self.need == "follow":  # an EventSource sends no headers of one's own
            shown = replace(shown, token=request.query_params.get("token"))
        return shown


def credentials(request: Request) -> Credentials:
    """What the head of a request shows of who makes it."""
    shown = request.headers.getlist("authorization")
    return Credentials(
        # A proxy may have looked at another one of several than we would: none of them counts.
        authorization=None if not shown else shown[0] if len(shown) == 1 else "",
        address=request.scope.get("renditor.address", ""),
        request_id=request.scope.get("renditor.request_id", ""),
        asked=f"{request.method} {request.url.path}",
    )


# What needs nobody to be known: the page, whether the server lives, and the description of the API.
OPEN: Final = frozenset({"health", "page", "discovery"})


def needs(routes: Sequence[BaseRoute]) -> dict[str, list[Need]]:
    """What each operation asks for, by its id in the OpenAPI document; nothing for those that are open to all.

    Raises: Internal: a route does not say who may use it, and is not tagged as open. Deny by default: it is raised
    where the application is put together, so a server with such a route does not start.
    """
    found: dict[str, list[Need]] = {}
    # Not ``api.routes`` itself: there an included router is one entry, whose routes nobody would look at.
    for route in iter_route_contexts(routes):
        if not isinstance(route.original_route, APIRoute):
            continue
        calls = (dependency.call for dependency in route.dependant.dependencies)
        asked = [call.need for call in calls if isinstance(call, Needs)]
        if not asked and not OPEN & set(route.tags):
            raise Internal(f"The route {route.path} does not say who may use it.")
        found[route.operation_id or route.unique_id] = asked
    return found


async def read_body(request: Request, model: type[Body]) -> Body:
    """The body as the model says. Raises: TooLarge, Unprocessable, RequestTimeout."""
    body = bytearray()
    async for chunk in paced(request):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise TooLarge("The body of this request is too large.")
    try:
        return model.model_validate(json.loads(body or b"{}"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "body"
        wrong_shape = first["type"] == "model_type"  # its message names a class of ours
        detail = "Give an object" if wrong_shape else first["msg"].removeprefix("Value error, ").rstrip(".")
        raise Unprocessable(f"{name}: {detail}.", code="invalid-body") from None
    except (ValueError, RecursionError):
        raise Unprocessable("The body is not JSON.", code="invalid-body") from None


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """For the OpenAPI document: a route reads the body itself, once the caller is known."""
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

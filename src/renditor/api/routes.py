"""What the routes of the API share: who asks, what they may be refused for, and bodies of JSON."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Header, Request
from pydantic import BaseModel, ValidationError

from renditor.errors import TooLarge, Unprocessable
from renditor.models import Principal, Scope
from renditor.service import MediaProcessingService

Body = TypeVar("Body", bound=BaseModel)

# A body of JSON is a few short fields; more is somebody filling our memory. Bytes.
_MOST_BYTES = 64 * 1024

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


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: the errors that a route may answer."""
    return {s: {"description": _PROBLEMS[s], "content": {"application/problem+json": {}}} for s in statuses}


def needs(service: MediaProcessingService, scope: Scope) -> Callable[..., Awaitable[Principal]]:
    """A dependency that reads nothing but the header: the body waits until the caller is known."""

    async def principal(authorization: Annotated[str | None, Header(include_in_schema=False)] = None) -> Principal:
        return await service.authenticate(authorization, scope)

    return principal


async def read_body(request: Request, model: type[Body]) -> Body:
    """The body as the model says. Raises: TooLarge, Unprocessable."""
    body = bytearray()
    async for chunk in request.stream():
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

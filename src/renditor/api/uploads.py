"""``/uploads``: resumable uploads by the tus protocol 1.0.0; what its requests say is read in ``uploads/tus``."""

import contextlib
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from renditor.api.bodies import RawBody
from renditor.api.limits import applied
from renditor.api.routes import Needs, refusals
from renditor.errors import BadRequest, MethodNotAllowed, PreconditionFailed, RenditorError
from renditor.ingest.resumable import Piece
from renditor.models import Principal, now_ms
from renditor.service import MediaProcessingService
from renditor.uploads import tus

PATH: Final = "/uploads"
_HEADERS: Final = {"tus-resumable": tus.VERSION, "cache-control": "no-store"}
# Header fields of the protocol that pages of other origins may send and see.
SENT: Final = (
    "tus-resumable",
    "upload-checksum",
    "upload-concat",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "x-http-method-override",
    "x-request-id",
)
ANSWERED: Final = (
    "tus-checksum-algorithm",
    "tus-extension",
    "tus-max-size",
    "tus-resumable",
    "tus-version",
    "upload-concat",
    "upload-expires",
    "upload-length",
    "upload-metadata",
    "upload-offset",
)
_HEAD: dict[int | str, dict[str, Any]] = {200: {"description": "How far it is.", "content": {}}}
_METHODS: Final = frozenset({"HEAD", "PATCH", "DELETE"})


def refused(path: str) -> dict[str, str]:
    """What a refusal below this path tells a client of the protocol: all answers name a version, and those that refuse
    one name what is spoken here (tus 1.0.0, "Headers")."""
    return {"tus-resumable": tus.VERSION, "tus-version": tus.VERSION} if path.startswith(PATH) else {}


def router(service: MediaProcessingService, public_url: str) -> APIRouter:
    """The routes. ``public_url``: what the URLs of uploads begin with; never the Host header."""
    routes = APIRouter(prefix=PATH, tags=["uploads"], responses=refusals(401, 403, 412, 503))
    _add_creation(routes, service, f"{public_url.rstrip('/')}{PATH}")
    _add_resumption(routes, service)
    return routes


def discovery(service: MediaProcessingService) -> APIRouter:
    """What the server can do, told to everybody: browsers ask before they have a token."""
    routes = APIRouter(prefix=PATH, tags=["discovery"])

    @routes.options("", status_code=204, summary="What resumable uploads can do here")
    async def options() -> Response:
        """Version, extensions, largest upload and checksums of the tus protocol."""
        return Response(
            status_code=204,
            headers={
                **_HEADERS,
                "tus-version": tus.VERSION,
                "tus-extension": ",".join(tus.EXTENSIONS),
                "tus-max-size": str(service.flows.resumable.most_bytes),
                "tus-checksum-algorithm": ",".join(tus.ALGORITHMS),
            },
        )

    return routes


def _add_creation(routes: APIRouter, service: MediaProcessingService, base: str) -> None:
    uploader = Needs(service, "upload")
    resumable = service.flows.resumable

    @routes.post(
        "", status_code=201, responses=refusals(400, 404, 409, 410, 413, 415, 422, 429, 507), summary="Begin an upload"
    )
    async def create(request: Request, principal: Annotated[Principal, Depends(uploader)]) -> Response:
        """Begin a resumable upload of `Upload-Length` bytes; `Upload-Metadata` has `filename`, `filetype` and the
        options of `POST /media/upload`. With a body (`application/offset+octet-stream`) it is its first piece.

        When all bytes are here, the upload is an asset with the same id.
        """
        _check_version(request)
        asked = tus.read_creation(dict(request.headers), resumable.most_bytes, f"{PATH}/")
        upload = await resumable.plan(principal, asked)
        has_body = request.headers.get("content-type", "").startswith(tus.BODY_TYPE) and asked.concat != "final"
        piece = _piece(request, upload, "0") if has_body and not upload.complete else None
        if asked.concat != "partial":
            await service.admit_upload(principal, applied(request.scope))
        upload = await resumable.create(principal, upload)
        if piece is not None:
            upload = await _first_piece(service, principal, upload, piece)
        return Response(status_code=201, headers={**_shown(upload), "location": f"{base}/{upload.id}"})


def _add_resumption(routes: APIRouter, service: MediaProcessingService) -> None:
    uploader = Needs(service, "upload")
    resumable = service.flows.resumable

    @routes.head("/{upload_id}", responses=_HEAD | refusals(404, 410), summary="How far an upload is")
    async def head(upload_id: str, request: Request, principal: Annotated[Principal, Depends(uploader)]) -> Response:
        """`Upload-Offset` is how many bytes are here: the next piece begins there."""
        _check_version(request)
        return Response(status_code=200, headers=_shown(await resumable.get(principal, upload_id)))

    @routes.patch(
        "/{upload_id}",
        status_code=204,
        responses=refusals(400, 404, 408, 409, 410, 413, 415, 422, 423, 460, 507),
        summary="Add a piece to an upload",
    )
    async def patch(upload_id: str, request: Request, principal: Annotated[Principal, Depends(uploader)]) -> Response:
        """Add the body at `Upload-Offset`. What arrived of a broken request counts, unless it had `Upload-Checksum`.

        The last piece makes the upload an asset; a file that is refused then is gone.
        """
        _check_version(request)
        upload = await resumable.get(principal, upload_id)
        piece = _piece(request, upload, request.headers.get("upload-offset"))
        upload = await resumable.append(principal, upload, piece)
        return Response(status_code=204, headers=_shown(upload))

    @routes.delete("/{upload_id}", status_code=204, responses=refusals(404, 423), summary="Give an upload up")
    async def delete(upload_id: str, request: Request, principal: Annotated[Principal, Depends(uploader)]) -> Response:
        """Forget it and what is here of it. An asset that it has become stays."""
        _check_version(request)
        await resumable.terminate(principal, upload_id)
        return Response(status_code=204, headers=_HEADERS)

    @routes.post("/{upload_id}", responses=refusals(400, 404, 405), summary="HEAD, PATCH or DELETE for old clients")
    async def override(
        upload_id: str, request: Request, principal: Annotated[Principal, Depends(uploader)]
    ) -> Response:
        """The method is the one that `X-HTTP-Method-Override` says."""
        method = request.headers.get("x-http-method-override", "")
        if method not in _METHODS:
            raise MethodNotAllowed
        return await {"HEAD": head, "PATCH": patch, "DELETE": delete}[method](upload_id, request, principal)


def _piece(request: Request, upload: tus.Upload, offset: str | None) -> Piece:
    """The body as a piece of the upload, if it may be one; nothing of it was read."""
    body = RawBody(request)
    tus.check_append(upload, request.headers.get("content-type"), offset, body.declared, now_ms())
    return Piece(body.chunks(), tus.read_checksum(request.headers.get("upload-checksum")), body.promised)


async def _first_piece(
    service: MediaProcessingService, principal: Principal, upload: tus.Upload, piece: Piece
) -> tus.Upload:
    """Add what came with the creation. Where that fails nobody learns where the upload is: it goes."""
    resumable = service.flows.resumable
    try:
        return await resumable.append(principal, upload, piece)
    except RenditorError:
        with contextlib.suppress(RenditorError):
            await resumable.terminate(principal, upload.id)
        raise


def _check_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != tus.VERSION:
        raise PreconditionFailed(
            f"This server speaks version {tus.VERSION} of tus.",
            code="tus-version",
            hint=f"Send `Tus-Resumable: {tus.VERSION}`.",
        )
    if len(request.headers.getlist("upload-offset")) > 1 or len(request.headers.getlist("upload-length")) > 1:
        raise BadRequest("A header of the upload comes twice.", code="bad-upload")


def _shown(upload: tus.Upload) -> dict[str, str]:
    expires = datetime.fromtimestamp(upload.expires_at / 1000, UTC)
    return {**_HEADERS, **tus.answer(upload, f"{PATH}/"), "upload-expires": format_datetime(expires, usegmt=True)}

"""The guide's quick start inside your own FastAPI app, with your own user model.

    pip install python-multipart
    granian --interface asgi --working-dir examples --port 8080 fastapi-media:app

    curl -H 'Authorization: Bearer anna-token' -F file=@photo.jpg localhost:8080/media/upload

Here the form is read by FastAPI, which takes the whole body before it asks who sends it. That is fine for an app whose
users are known; renditor's own server streams bodies and authenticates first.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from renditor import MediaProcessingService
from renditor.errors import RenditorError

media_service = MediaProcessingService(
    os.environ.get("MEDIA_DATA", "data"), public_url=os.environ.get("MEDIA_URL", "http://localhost:8080")
)


@dataclass
class User:
    """Your user, from your database. renditor needs ``id``, and respects ``can_upload``."""

    id: int
    name: str
    can_upload: bool = True


USERS = {"anna-token": User(1, "Anna"), "ben-token": User(2, "Ben"), "guest-token": User(3, "Guest", can_upload=False)}


async def get_current_user(authorization: Annotated[str, Header()] = "") -> User:
    """Your authentication."""
    user = USERS.get(authorization.removeprefix("Bearer "))
    if user is None:
        raise HTTPException(401, "Who are you?")
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with media_service:
        yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(RenditorError)
async def show_error(_: Request, error: RenditorError) -> Response:
    return JSONResponse({"detail": error.detail, "code": error.error_code, "hint": error.hint}, error.status)


@app.post("/media/upload")
async def upload_media(file: UploadFile, user: CurrentUser) -> dict[str, Any]:
    """Upload and process media: images are completed at once, video and audio are processed in the background."""
    return await media_service.process_upload(file, user)


@app.get("/media/{media_id}/status")
async def get_media_status(media_id: str, user: CurrentUser) -> dict[str, Any]:
    """Check processing status."""
    return await media_service.status(media_id, user)


# Delivery URLs, answered by renditor: after all other routes.
app.mount("/", media_service.delivery)

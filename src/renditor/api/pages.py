"""What people look at: the page at ``/`` and the API's documentation at ``/docs``, all served from here."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import swagger_ui_bundle
from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from renditor.errors import NotFound

_PAGE = Path(__file__).with_name("page") / "index.html"
_SWAGGER = Path(swagger_ui_bundle.swagger_ui_path)
_SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_DOCS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>renditor API</title>
<link rel="stylesheet" href="docs/swagger-ui.css"><link rel="icon" href="docs/favicon-32x32.png"></head>
<body><div id="swagger"></div><script src="docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger", deepLinking: true})</script>
</body></html>
"""


def router(*, docs: bool) -> APIRouter:
    """``docs``: whether /docs is served."""
    routes = APIRouter(include_in_schema=False)
    page = _PAGE.read_text()
    page_headers = _document_headers(page, "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'")

    @routes.get("/")
    async def index() -> Response:
        return HTMLResponse(page, headers=page_headers)

    if not docs:
        return routes
    # Swagger UI sets styles from its script and shows its own data: pictures.
    docs_headers = _document_headers(
        _DOCS, "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
    )

    @routes.get("/docs")
    async def documentation() -> Response:
        return HTMLResponse(_DOCS, headers=docs_headers)

    @routes.get("/docs/{name}")
    async def documentation_file(name: str) -> Response:
        if name not in _SWAGGER_FILES:
            raise NotFound
        return FileResponse(_SWAGGER / name, headers={"cache-control": "public, max-age=86400"})

    return routes


def _document_headers(html: str, sources: str) -> dict[str, str]:
    """Headers of a page of ours: only its own inline script and style may run, and nobody may frame it."""
    policy = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    policy += [part.strip() for part in sources.split(";")]
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        hashes = [_hash(block) for block in re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)]
        if not any(part.startswith(directive) for part in policy):
            policy.append(" ".join([directive, "'self'", *hashes]))
    return {
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }


def _hash(block: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"

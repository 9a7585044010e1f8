"""What people look at: the page at ``/`` and the API's documentation at ``/docs``, all served from here."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import swagger_ui_bundle
from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from renditor.errors import NotFound

_PAGE = Path(__file__).with_name("page")
# One after the other they are one script.
_SCRIPTS = ("elements", "server", "entries", "uploads", "stage", "picture", "moving", "snippets", "wiring")
_SWAGGER = Path(swagger_ui_bundle.swagger_ui_path)
_SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_BASE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Trusted types turn every way to put text into the page as markup into an error.
_PAGE_POLICY = (
    "script-src {script}; style-src {style}; img-src 'self'{files} blob: data:; media-src 'self'{files};"
    " connect-src 'self'{files};"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
# Swagger UI sets styles from its script and shows pictures it carries with it.
_DOCS_POLICY = "script-src 'self' {script}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
# What the page does not use, nobody who takes it over shall.
_NO_DEVICES = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()"
_DOCS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>renditor API</title>
<link rel="stylesheet" href="docs/swagger-ui.css"><link rel="icon" href="docs/favicon-32x32.png"></head>
<body><div id="swagger"></div><script src="docs/swagger-ui-bundle.js"></script>
<script>
// The packaged Swagger UI reads OpenAPI 3.0; ours is 3.1. All that it uses of 3.1 is the type "null".
const isType = ({type}) => type !== "null";
const older = (_, value) => Array.isArray(value?.anyOf)
  ? Object.assign({...value, anyOf: undefined, nullable: true}, ...value.anyOf.filter(isType)) : value;
const show = (text) => SwaggerUIBundle({
  spec: {...JSON.parse(text, older), openapi: "3.0.3"}, dom_id: "#swagger", deepLinking: true,
});
fetch("openapi.json").then((answer) => answer.text()).then(show);
</script>
</body></html>
"""


def router(*, docs: bool, files: str | None = None) -> APIRouter:
    """``docs``: whether /docs is served; ``files``: where files are delivered, if not here."""
    routes = APIRouter(tags=["page"], include_in_schema=False)
    page = _page()
    shown = {
        "script": _hash(page, "script"),
        "style": _hash(page, "style"),
        "files": f" {_origin(files)}" if files else "",
    }
    page_headers = _document_headers(_PAGE_POLICY.format(**shown))

    @routes.get("/")
    async def index() -> Response:
        return HTMLResponse(page, headers=page_headers)

    if not docs:
        return routes
    docs_headers = _document_headers(_DOCS_POLICY.format(script=_hash(_DOCS, "script")))

    @routes.get("/docs")
    async def documentation() -> Response:
        return HTMLResponse(_DOCS, headers=docs_headers)

    @routes.get("/docs/{name}")
    async def documentation_file(name: str) -> Response:
        if name not in _SWAGGER_FILES:
            raise NotFound
        return FileResponse(_SWAGGER / name, headers={"cache-control": "public, max-age=86400"})

    return routes


def _page() -> str:
    """The page as browsers get it: all parts in one document, which asks for nothing else."""
    html = (_PAGE / "index.html").read_text()
    script = "\n".join((_PAGE / f"{name}.js").read_text() for name in _SCRIPTS)
    return html.replace("{style}", (_PAGE / "style.css").read_text()).replace("{script}", script)


def _document_headers(policy: str) -> dict[str, str]:
    """Headers of a page of ours: nothing but its own script and style runs in it, and nobody may frame it."""
    return {
        "content-security-policy": f"{_BASE_POLICY}; {policy}",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        # No window that opened it, and none it opens, can reach into it, where the key is typed in.
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": _NO_DEVICES,
        "cache-control": "no-cache",
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _hash(html: str, tag: str) -> str:
    """The hash by which a policy allows the one inline ``<script>`` or ``<style>`` of a page."""
    (block,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"

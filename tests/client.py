"""A small HTTP client for tests: plain, synchronous, and it never hides a status."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.server import RunningServer

DONE_SECONDS = 120


class Client:
    """Talks to a running server with one key."""

    def __init__(self, server: RunningServer, key: str | None = None) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, timeout=60)
        self.headers = {"authorization": f"Bearer {key or server.key}"}

    def close(self) -> None:
        self.http.close()

    def upload(self, content: Path | bytes, name: str | None = None, **options: str) -> httpx.Response:
        data = content if isinstance(content, bytes) else content.read_bytes()
        shown = name or (content.name if isinstance(content, Path) else "file")
        headers = {**self.headers, "x-filename": quote(shown), "content-type": "application/octet-stream"}
        return self.http.post("/media/upload", content=data, params=options, headers=headers)

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = self.headers | arguments.pop("headers", {})
        return self.http.request(method, path, headers=headers, **arguments)

    def get(self, url: str, **headers: str) -> httpx.Response:
        """A delivery URL, as anybody may ask for it."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.get(url, headers=named)

    def done(self, media_id: str, seconds: float = DONE_SECONDS) -> dict[str, Any]:
        """The asset once its processing has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            asset: dict[str, Any] = self.call("GET", f"/media/{media_id}").json()
            if asset["status"] not in ("uploaded", "processing"):
                return asset
            time.sleep(0.2)
        raise AssertionError(f"not done within {seconds} s: {asset['status']} {asset['progress']} {asset['stage']}")

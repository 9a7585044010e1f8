"""A site on an origin of its own with the pages of ``docs/how-to/play-a-video.md``: what the docs show is played."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.docs.pages import DOCS, blocks

from .visit import NODE_MODULES, node_module

PAGE = DOCS / "how-to" / "play-a-video.md"
_CDN = re.compile(r"https://cdn\.jsdelivr\.net/npm/([\w.-]+)@([\d.]+)/")
_SHOWN = "https://media.example.com/main/video/upload/"


def shown(tag: str) -> str:
    """The page that the docs show for a player."""
    (found,) = [block.text for block in blocks(PAGE) if block.tag == f"page {tag}"]
    return found


def filled(tag: str, asset: Mapping[str, Any]) -> str:
    """That page with the addresses of an asset in it, and the player from ``node_modules``."""
    html = shown(tag)
    for ending, field in ((".m3u8", "hls_url"), (".mpd", "dash_url"), (".mp4", "mp4_url"), (".jpg", "poster_url")):
        html = re.sub(re.escape(_SHOWN) + r"[\w/]*talk" + re.escape(ending), str(asset.get(field, "")), html)
    assert "example.com" not in html
    return _CDN.sub(_local, html)


def _local(match: re.Match[str]) -> str:
    """The docs name the version that is tested."""
    wanted = json.loads((NODE_MODULES.parent / "package.json").read_text())["devDependencies"]
    assert wanted[match[1]] == match[2]
    return f"/npm/{match[1]}/"


class Site:
    """Serves what was put into ``pages`` and files of ``node_modules``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pages: dict[str, str] = {}

    def put(self, name: str, html: str) -> str:
        """Returns: the address of the page."""
        self.pages[f"/{name}"] = html
        return f"{self.url}/{name}"

    def content(self, path: str) -> tuple[str, bytes] | None:
        if path in self.pages:
            return "text/html; charset=utf-8", self.pages[path].encode()
        if path.startswith("/npm/"):
            return "text/javascript; charset=utf-8", node_module(path.removeprefix("/npm/")).read_bytes()
        return ("image/x-icon", b"") if path == "/favicon.ico" else None


@contextmanager
def serving() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = site.content(unquote(self.path))
            kind, content = found or ("text/plain", b"")
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield site
        server.shutdown()
        thread.join()

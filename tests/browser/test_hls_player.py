"""The ladder in hls.js, on a page of another origin: as somebody's own site would play it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import BrowserContext

from tests.client import Client

from .visit import PROCESSING_S, STEP_MS, node_module, until


@pytest.fixture
def player() -> Iterator[str]:
    """The address of a page with hls.js, on a port of its own: delivery has to allow it by CORS."""
    files = {
        "/": ("text/html", Path(__file__).with_name("player.html").read_bytes()),
        "/hls.min.js": ("text/javascript", node_module("hls.js/dist/hls.min.js").read_bytes()),
    }

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = files[urlsplit(self.path).path]
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_address[1]}/"
        site.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def ladder(client: Client, clip: Path) -> str:
    """The HLS address of an uploaded clip."""
    answer = client.upload(clip, "ladder.mp4")
    assert answer.status_code == 202, answer.text
    asset = client.done(answer.json()["id"], PROCESSING_S)
    assert asset["status"] == "completed", asset
    url: str = asset["hls_url"]
    return url


def test_hls_js_plays_switches_and_ends_without_an_error(context: BrowserContext, player: str, ladder: str) -> None:
    page = context.new_page()
    page.set_default_timeout(STEP_MS)
    page.goto(f"{player}?src={quote(ladder, safe='')}", wait_until="commit")
    page.locator("#video").wait_for()

    def ask(expression: str) -> Any:
        return page.evaluate(expression)

    def wait(expression: str, seconds: float = STEP_MS / 1000) -> None:
        until(lambda: ask(expression) or ask("seen.errors.length"), expression, seconds)
        assert ask("seen.errors") == []

    wait("seen.levels.length > 0")
    heights = [level["height"] for level in ask("seen.levels")]
    assert heights == sorted(heights)
    assert len(heights) >= 2, "a 480p source has at least two rungs"
    assert all(level["videoCodec"] and level["audioCodec"] for level in ask("seen.levels")), "CODECS names both"

    wait("video.currentTime > 0.5")
    assert ask("video.videoHeight") == heights[0]

    ask("hls.nextLevel = seen.levels.length - 1")
    wait("seen.switches.at(-1) === seen.levels.length - 1")
    wait(f"video.videoHeight === {heights[-1]}")
    at = ask("video.currentTime")
    wait(f"video.currentTime > {at + 0.5}")

    ask("video.currentTime = video.duration - 1.5")
    wait("seen.ended")
    assert ask("seen.errors") == []

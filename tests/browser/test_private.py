"""A private stream opened by a cookie, played by hls.js on a page of another origin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from renditor.testing import media
from tests.client import Client
from tests.server import start_server

from .controls import PLAYERS, Playing
from .site import Site, filled
from .visit import PROCESSING_S, Visit

WITH_COOKIES = "new Hls({ xhrSetup: (request) => { request.withCredentials = true; } })"


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "not listed"])
def test_cookies_and_origins(context: BrowserContext, site: Site, tmp_path: Path, listed: bool) -> None:
    """It plays where ``cors.origins`` has the page's origin; elsewhere the browser lets the page read nothing."""
    origins = f'["{site.url if listed else "https://app.example.com"}"]'
    with start_server(tmp_path / "data", (), RENDITOR_CORS__ORIGINS=origins) as server:
        client = Client(server)
        song = client.upload(media.song(tmp_path / "secret.flac", 4), visibility="private").json()
        assert client.done(song["id"], PROCESSING_S)["status"] == "completed"
        made = client.call("POST", f"/media/{song['id']}/grants", json={"cookie": True})
        client.close()
        plain = re.sub(r"g--.*?--/", "", made.json()["hls_url"])
        name, _, value = made.headers["set-cookie"].split(";")[0].partition("=")
        context.add_cookies(
            [
                {
                    "name": name,
                    "value": value,
                    "domain": "127.0.0.1",
                    "path": "/main/",
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )
        html = filled(PLAYERS["hls.js"].page, {"hls_url": plain})
        assert "new Hls()" in html
        html = re.sub(r' poster="[^"]*"', "", html).replace("new Hls()", WITH_COOKIES)
        visit = Visit(context.new_page(), site.url)
        visit.watch()
        page = site.put("player", html.replace("<video", "<audio").replace("</video", "</audio"))
        if listed:
            playing = Playing(visit, page, PLAYERS["hls.js"].wishes)
            playing.play()
            playing.seek(3)
            playing.wait("senses.element.ended")
        else:
            with visit.page.expect_console_message(lambda line: "blocked by CORS policy" in line.text):
                visit.page.goto(page)
            assert visit.page.evaluate("document.querySelector('audio').readyState") == 0

"""tus-js-client on a page of another origin, with an upload token: as the docs show it, with a pause, and in parts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.client import Client
from tests.docs.pages import DOCS, blocks
from tests.server import RunningServer, launch

from .site import Site
from .visit import NODE_MODULES, node_module, until

TUS = "tus-js-client"


@pytest.fixture
def opened(tmp_path: Path, site: Site, context: BrowserContext) -> Iterator[tuple[RunningServer, Page]]:
    """A server that allows the page's origin, and the page of the docs."""
    node_module(f"{TUS}/dist/tus.min.js")
    (shown,) = [block.text for block in blocks(DOCS / "how-to" / "resumable-uploads.md") if block.language == "html"]
    version = re.search(rf"npm/{TUS}@([\d.]+)/", shown)
    assert version is not None
    assert f'"{TUS}": "{version[1]}"' in (NODE_MODULES.parent / "package.json").read_text()
    html = shown.replace(f"https://cdn.jsdelivr.net/npm/{TUS}@{version[1]}/", f"/npm/{TUS}/")
    server = launch(tmp_path / "data", RENDITOR_CORS__ORIGINS=f'["{site.url}"]')
    try:
        page = context.new_page()
        page.goto(site.put("upload", f'<!doctype html><meta charset="utf-8">{html}<input type="file">'))
        yield server, page
    finally:
        server.stop()


def token(client: Client) -> str:
    made: str = client.call("POST", "/tokens", json={"uploads": 1}).json()["token"]
    return made


def chosen(page: Page, path: Path, server: RunningServer, secret: str, change: str) -> None:
    """Begin as the docs do, with these options changed."""
    page.locator("input").set_input_files(path)
    page.evaluate(
        f"""([url, token]) => {{
          const Original = tus.Upload;
          tus.Upload = class extends Original {{
            constructor(file, options) {{ super(file, {{...options, {change}}}); }}
          }};
          window.state = {{ pauses: 0 }};
          window.upload = send(document.querySelector("input").files[0], url, token);
        }}""",
        [server.url, secret],
    )


def asset_has(client: Client, page: Page, content: bytes) -> None:
    until(lambda: page.evaluate("state.done || state.error"), "the upload ends")
    assert page.evaluate("state.error") is None
    made = client.call("GET", f"/media/{page.evaluate('upload.url').rpartition('/')[2]}").json()
    assert made["sha256"] == hashlib.sha256(content).hexdigest()


ENDS = "onSuccess() { state.done = true; }, onError(error) { state.error = String(error); }"


def test_pause_and_resume(opened: tuple[RunningServer, Page], photo: Path) -> None:
    server, page = opened
    pause = """chunkSize: 50000, onChunkComplete() {
      if (state.pauses++ === 0) upload.abort().then(() => { state.at = upload._offset; upload.start(); });
    }, """
    with closing(Client(server)) as client:
        chosen(page, photo, server, token(client), pause + ENDS)
        asset_has(client, page, photo.read_bytes())
    assert page.evaluate("state.pauses") > 1


def test_in_parts(opened: tuple[RunningServer, Page], photo: Path) -> None:
    server, page = opened
    with closing(Client(server)) as client:
        chosen(page, photo, server, token(client), "parallelUploads: 3, chunkSize: 50000, " + ENDS)
        asset_has(client, page, photo.read_bytes())

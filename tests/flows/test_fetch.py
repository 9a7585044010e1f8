"""``POST /media/fetch`` against a site of this machine, which the setting opens: what is fetched is as if uploaded."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from renditor.testing import media
from tests.api.test_server import second_key
from tests.client import Client
from tests.flows.conftest import media_count, stored_files
from tests.server import start_server


class Site:
    """Files by path; ``asked``: the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.photo = media.photo(folder / "photo.jpg", 64, 48).read_bytes()
        self.video = media.video(folder / "clip.mp4", "64x36", 1).read_bytes()
        self.stop = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                site.answer(self, self.path.partition("?")[0])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def close(self) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        if path == "/moved":
            handler.send_response(302)
            handler.send_header("location", "/pictures/caf%C3%A9.jpg?signature=1")
            handler.send_header("content-length", "0")
            handler.end_headers()
            return
        bodies = {
            "/page.jpg": b"<html><body>not a picture</body></html>",
            "/empty.jpg": b"",
            "/clip.mp4": self.video,
            "/packed.jpg": self.photo,
            "/large.jpg": self.photo + bytes(300_000),
            "/drip.jpg": self.photo,
            "/logo.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
            "/missing.jpg": None,
        }
        body = bodies.get(path, self.photo)
        handler.send_response(404 if body is None else 200)
        handler.send_header("content-length", str(len(body or b"")))
        handler.send_header("content-type", "image/svg+xml" if path.endswith(".svg") else "text/plain")
        if path == "/packed.jpg":
            handler.send_header("content-encoding", "gzip")
        handler.end_headers()
        if path == "/drip.jpg":
            handler.wfile.write((body or b"")[:100])
            self.stop.wait(30)
            return
        handler.wfile.write(body or b"")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def fetcher(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    settings = {
        "RENDITOR_OUTBOUND__HTTP_PORTS": f"[{site.port}]",
        "RENDITOR_OUTBOUND__ALLOWED_NETWORKS": '["127.0.0.1/32", "::1/128"]',
        "RENDITOR_OUTBOUND__DEADLINE": "2",
        "RENDITOR_LIMITS__IMAGE": "200000",
        "RENDITOR_IMAGES__SVG": "true",
        "RENDITOR_DELIVERY__FETCH_HOSTS": '["127.0.0.1"]',
    }
    with start_server(tmp_path_factory.mktemp("fetcher") / "data", (), **settings) as running:
        client = Client(running)
        yield client
        client.close()


def fetch(client: Client, url: str, **options: Any) -> httpx.Response:
    return client.call("POST", "/media/fetch", json={"url": url, **options})


def test_a_photo_is_fetched_byte_by_byte(fetcher: Client, site: Site) -> None:
    answer = fetch(fetcher, f"{site.url}/pictures/a%20photo.jpg?signature=1")
    asset = answer.json()
    assert (answer.status_code, asset["status"], asset["media_type"]) == (201, "completed", "image")
    assert answer.headers["location"] == f"/media/{asset['id']}"
    assert (asset["filename"], asset["content_type"]) == ("a photo.jpg", "image/jpeg")
    assert (asset["width"], asset["height"]) == (64, 48)
    assert asset["sha256"] == hashlib.sha256(site.photo).hexdigest()
    assert fetcher.call("GET", f"/media/{asset['id']}/original").content == site.photo
    assert fetcher.get(asset["url"]).status_code == 200


def test_options_are_those_of_an_upload(fetcher: Client, site: Site) -> None:
    options = {"public_id": "fetched", "folder": "far/away", "visibility": "private", "tags": ["one", "two words"]}
    asset = fetch(fetcher, f"{site.url}/a.jpg", **options).json()
    assert (asset["public_id"], asset["visibility"], asset["tags"]) == (
        "far/away/fetched",
        "private",
        ["one", "two words"],
    )
    again = fetch(fetcher, f"{site.url}/a.jpg", **options)
    assert (again.status_code, again.json()["code"]) == (409, "public-id-taken")
    assert fetch(fetcher, f"{site.url}/a.jpg", **options, overwrite=True).status_code == 201


def test_redirects_are_followed_and_name_the_file(fetcher: Client, site: Site) -> None:
    assert fetch(fetcher, f"{site.url}/moved").json()["filename"] == "café.jpg"


def test_a_video_is_fetched_and_processed(fetcher: Client, site: Site) -> None:
    answer = fetch(fetcher, f"{site.url}/clip.mp4")
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert fetcher.done(answer.json()["id"])["status"] == "completed"


def test_svg_is_taken_where_the_site_declares_it(fetcher: Client, site: Site) -> None:
    assert fetch(fetcher, f"{site.url}/logo.svg").json()["content_type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/page.jpg", 415, "unsupported-media"),
        ("/empty.jpg", 422, "empty-file"),
        ("/missing.jpg", 422, "fetch-failed"),
        ("/packed.jpg", 422, "fetch-failed"),
        ("/drip.jpg", 422, "fetch-failed"),
        ("/large.jpg", 413, "too-large"),
    ],
)
def test_what_is_no_file_leaves_nothing(fetcher: Client, site: Site, path: str, status: int, code: str) -> None:
    count, files = media_count(fetcher), stored_files(fetcher.server.data)
    answer = fetch(fetcher, f"{site.url}{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert path in site.asked
    assert media_count(fetcher) == count
    assert stored_files(fetcher.server.data) == files


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"public_id": "../x"}, 400),
        ({"recipe": "x", "folder": "a//b"}, 400),
        ({"tags": ["a,b"]}, 400),
        ({"visibility": "secret"}, 422),
        ({"unknown": 1}, 422),
    ],
)
def test_wrong_options_are_told_before_anything_is_fetched(
    fetcher: Client, site: Site, options: dict[str, Any], status: int
) -> None:
    site.asked.clear()
    assert fetch(fetcher, f"{site.url}/a.jpg", **options).status_code == status
    assert site.asked == []


def test_the_limit_of_uploads_holds_and_blocked_urls_count(fetcher: Client, site: Site) -> None:
    limited = Client(fetcher.server, second_key(fetcher, uploads="2/hour"))
    site.asked.clear()
    codes = [fetch(limited, url).status_code for url in ("http://10.0.0.1/", f"{site.url}/a.jpg", f"{site.url}/b.jpg")]
    limited.close()
    assert codes == [422, 201, 429]
    assert site.asked == ["/a.jpg"]


def test_a_key_that_may_only_read_fetches_nothing(fetcher: Client, site: Site) -> None:
    reader = Client(fetcher.server, second_key(fetcher, scopes=["read"]))
    site.asked.clear()
    assert fetch(reader, f"{site.url}/a.jpg").status_code == 403
    reader.close()
    assert site.asked == []


def test_what_is_fetched_belongs_to_who_asked(fetcher: Client, site: Site) -> None:
    other = Client(fetcher.server, second_key(fetcher))
    asset = fetch(fetcher, f"{site.url}/mine.jpg").json()
    assert other.call("GET", f"/media/{asset['id']}").status_code == 404
    other.close()

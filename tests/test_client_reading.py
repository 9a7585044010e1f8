"""Streams read from servers: a real one of Python's library, one that knows ranges, and ones that mean harm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from renditor.client import ServerError, WebReader
from renditor.errors import BadRequest, NotFound, TooLarge
from renditor.testing import media
from renditor.video.check.checker import Report, check
from tests.server import free_port

Serve = Callable[[type[BaseHTTPRequestHandler]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ThreadingHTTPServer] = []

    def start(handler: type[BaseHTTPRequestHandler]) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stream")
    source = media.video(folder / "in.mp4", "160x90", 5)
    hls = ("-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4")
    media.ffmpeg("-i", source, "-c:v", "libx264", "-g", "50", "-c:a", "copy", *hls, folder / "index.m3u8")
    source.unlink()
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def in_folder(handler: type[Quiet], folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(handler):  # type: ignore[valid-type,misc]
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

    return Handler


def with_ranges(folder: Path, asked: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(Quiet):
        def do_GET(self) -> None:
            path = folder / self.path.lstrip("/").partition("?")[0]
            if not path.is_file():
                self.send_error(404)
                return
            data, given = path.read_bytes(), self.headers["Range"]
            asked.append(f"{self.path} {given}")
            first, last = given.removeprefix("bytes=").split("-")
            if int(first) >= len(data):
                self.send_error(416)
                return
            part = data[int(first) : int(last) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part)

    return Handler


def answering(status: int, headers: dict[str, str], body: Callable[[BaseHTTPRequestHandler], object] | None = None):
    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                body(self)

    return Handler


async def look(url: str, **options: int) -> Report:
    async with WebReader(url, **options) as reader:
        return await check(reader, [reader.entry], seconds=30)


async def test_a_server_without_ranges(stream: Path, serve: Serve) -> None:
    url = serve(in_folder(Quiet, stream))
    report = await look(f"{url}/index.m3u8")
    assert report.findings == ()
    assert report.streams[0].renditions[0].samples == 125


async def test_a_server_with_ranges_is_asked_for_little(stream: Path, serve: Serve) -> None:
    asked: list[str] = []
    url = serve(with_ranges(stream, asked))
    report = await look(f"{url}/index.m3u8?token=secret")
    assert report.findings == ()
    assert asked[0] == "/index.m3u8?token=secret bytes=0-4194304"
    assert all(
        int(line.rpartition("-")[2]) - int(line.rpartition("=")[2].partition("-")[0]) < 5 * 1024**2 for line in asked
    )
    async with WebReader(f"{url}/index0.m4s") as reader:
        whole = (stream / "index0.m4s").read_bytes()
        assert await reader.read("index0.m4s", (10, 20)) == whole[10:30]
        assert await reader.read("index0.m4s") == whole
        assert await reader.read("index0.m4s", (len(whole), 20)) == b""
        assert await reader.size("index0.m4s") == len(whole)
        assert await reader.names() == frozenset()
        with pytest.raises(NotFound):
            await reader.size("missing.m4s")


async def test_what_is_missing_there_is_a_finding(stream: Path, serve: Serve) -> None:
    url = serve(in_folder(Quiet, stream))
    assert [finding.code for finding in (await look(f"{url}/other.m3u8")).findings] == ["missing-file"]


@pytest.mark.parametrize("url", ["", "index.m3u8", "ftp://host/x", "file:///etc/passwd", "http://", "http://a:99999/x"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(BadRequest, match="not the URL"):
        WebReader(url)


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "https://127.0.0.1/x", "file:///etc/passwd", "//x/y"]
)
async def test_other_servers_are_not_asked(target: str, serve: Serve) -> None:
    url = serve(answering(302, {"Location": target}))
    with pytest.raises(ServerError) as refused:
        await look(f"{url}/index.m3u8")
    assert refused.value.error_code in ("redirected", "no-answer")


async def test_redirects(stream: Path, serve: Serve) -> None:
    with pytest.raises(ServerError, match="without end"):
        await look(f"{serve(answering(302, {'Location': '/again'}))}/index.m3u8")

    class Moved(Quiet):
        def do_GET(self) -> None:
            if self.path.startswith("/old/"):
                self.send_response(301)
                self.send_header("Location", self.path.replace("/old/", "/"))
                self.end_headers()
            else:
                super().do_GET()

    url = serve(in_folder(Moved, stream))
    assert (await look(f"{url}/old/index.m3u8")).findings == ()


async def test_a_server_that_sends_without_end(serve: Serve) -> None:
    def flood(handler: BaseHTTPRequestHandler) -> None:
        try:
            while True:
                handler.wfile.write(bytes(1024 * 1024))
        except OSError:
            return

    url = serve(answering(200, {"Content-Type": "application/vnd.apple.mpegurl"}, flood))
    with pytest.raises(TooLarge):
        await look(f"{url}/index.m3u8", most_bytes=8 * 1024**2)


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_refusals(status: int, serve: Serve) -> None:
    (finding,) = (await look(f"{serve(answering(status, {}))}/index.m3u8")).findings
    assert finding.code == "missing-file"
    assert finding.message == f"index.m3u8: the server answers {status}"


async def test_an_answer_that_breaks_off(serve: Serve) -> None:
    (finding,) = (await look(f"{serve(answering(200, {'Content-Length': '99'}))}/index.m3u8")).findings
    assert finding.code == "missing-file"


async def test_links_count_from_where_the_playlist_was_found(stream: Path, serve: Serve) -> None:
    class Moved(Quiet):
        def do_GET(self) -> None:
            if self.path == "/film":
                self.send_response(302)
                self.send_header("Location", "/set/index.m3u8")
                self.end_headers()
            else:
                self.path = self.path.removeprefix("/set")
                super().do_GET()

    report = await look(f"{serve(in_folder(Moved, stream))}/film")
    assert report.findings == ()
    assert report.streams[0].renditions[0].samples == 125


async def test_segments_elsewhere_are_told(stream: Path, serve: Serve) -> None:
    class Elsewhere(Quiet):
        def do_GET(self) -> None:
            text = (stream / "index.m3u8").read_bytes().replace(b"\nindex", b"\nhttps://cdn.example.com/index")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

    report = await look(f"{serve(Elsewhere)}/index.m3u8")
    assert "other-server" in {finding.code for finding in report.findings}
    assert not any("cdn.example.com" in span.span.name for span in report.streams[0].renditions[0].pieces)


async def test_a_name_and_a_password(stream: Path, serve: Serve) -> None:
    class Guarded(Quiet):
        def do_GET(self) -> None:
            if self.headers["Authorization"] == "Basic dTpw":
                super().do_GET()
            else:
                self.send_error(401)

    url = serve(in_folder(Guarded, stream)).replace("://", "://u:p@")
    assert (await look(f"{url}/index.m3u8")).findings == ()


async def test_nobody_there() -> None:
    with pytest.raises(ServerError, match="cannot be asked"):
        await look(f"http://127.0.0.1:{free_port()}/index.m3u8")

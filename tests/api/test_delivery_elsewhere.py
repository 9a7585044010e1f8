"""Answers that somebody else completes: another server for what is not made here, nginx for stored files."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from renditor import config
from renditor.errors import BadRequest
from renditor.testing import media
from tests.api.test_delivery import stored_pictures
from tests.client import Client
from tests.inprocess import in_process
from tests.server import free_port, start_server

# Real and not made here (``transformation.flags.NOT_MADE``).
UNSUPPORTED = "fl_waveform"


@contextlib.contextmanager
def serving(folder: Path, **delivery: str) -> Iterator[tuple[Client, str]]:
    """A server with these settings of delivery, and the URL of a picture with ``{}`` for a transformation."""
    with in_process(folder / "data", delivery=delivery) as client:
        yield client, uploaded(client, folder)


def uploaded(client: Client, folder: Path) -> str:
    asset = client.upload(media.photo(folder / "a.jpg", 200, 150), public_id="pets/my cat").json()
    return str(asset["url"]).replace("/upload/", "/upload/{}/")


def test_unsupported_parts_are_refused_by_default(tmp_path: Path) -> None:
    with serving(tmp_path) as (client, url):
        answer = client.get(url.format(f"w_50,{UNSUPPORTED}"))
        assert answer.status_code == 400
        assert "waveform" in answer.headers["x-cld-error"]


def test_unsupported_parts_are_left_out_on_request(tmp_path: Path) -> None:
    with serving(tmp_path, on_unsupported="ignore") as (client, url):
        plain = client.get(url.format("w_50"))
        for _ in range(3):
            answer = client.get(url.format(f"w_50,{UNSUPPORTED}"))
            assert answer.content == plain.content
            assert "waveform" in answer.headers["x-renditor-ignored"]
        assert "x-renditor-ignored" not in plain.headers
        assert client.get(url.format("w_abc")).status_code == 400  # not valid is not unsupported


def test_unsupported_parts_are_answered_elsewhere_on_request(tmp_path: Path) -> None:
    address = "https://res.example.com/demo"
    with serving(tmp_path, on_unsupported="proxy", proxy_url=address) as (client, url):
        answer = client.get(url.format(f"w_50,{UNSUPPORTED}"))
        assert answer.status_code == 307
        path = url.removeprefix(client.server.url).format(f"w_50,{UNSUPPORTED}").removeprefix("/main")
        assert "my%20cat" in path  # what was escaped stays escaped
        assert answer.headers["location"] == address + path
        assert "no-store" in answer.headers["cache-control"]
        assert client.get(url.format("w_abc")).status_code == 400
        assert client.get(url.format("w_50")).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"RENDITOR_DELIVERY__ON_UNSUPPORTED": "proxy"},
        {"RENDITOR_DELIVERY__PROXY_URL": "ftp://example.com"},
        {"RENDITOR_DELIVERY__ACCEL_PREFIX": "files"},
        # Visitors would be sent in circles.
        {
            "RENDITOR_DELIVERY__ON_UNSUPPORTED": "proxy",
            "RENDITOR_PUBLIC_URL": "https://media.example.com",
            "RENDITOR_DELIVERY__PROXY_URL": "https://media.example.com/main",
        },
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadRequest) as refused:
        config.load()
    assert refused.value.error_code == "bad-settings"


def test_settings_that_cannot_work_end_the_start(tmp_path: Path) -> None:
    settings = {"RENDITOR_DELIVERY__ACCEL_PREFIX": "files"}
    with pytest.raises(RuntimeError, match="status 2"), start_server(tmp_path / "data", (), **settings):
        pass


def test_stored_files_are_named_to_the_proxy(tmp_path: Path) -> None:
    with serving(tmp_path, accel_prefix="/_files/") as (client, url):
        first = client.get(url.format("w_50"))
        assert first.content  # just made: not in storage yet
        media_id = client.call("GET", "/media").json()["items"][0]["id"]
        assert stored_pictures(client, media_id, 1)
        for _ in range(3):
            answer = client.get(url.format("w_50"), range="bytes=0-3")
            assert (answer.status_code, answer.content) == (200, b"")
            prefix, _, key = answer.headers["x-accel-redirect"].partition("/_files/")
            assert prefix == ""
            assert (client.server.data / "storage" / key).read_bytes() == first.content
            assert answer.headers["etag"] == first.headers["etag"]
        assert client.get(url.format("w_50"), if_none_match=first.headers["etag"]).status_code == 304


@contextlib.contextmanager
def nginx(program: str, folder: Path, upstream: int) -> Iterator[httpx.Client]:
    """The configuration of docs/how-to/nginx.md in a running nginx."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "nginx.md").read_text()
    port = free_port()
    snippet = page.split("```nginx\n")[1].split("```")[0]
    for ours, theirs in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("/srv/renditor/storage/", f"{folder}/data/storage/"),
    ):
        assert ours in snippet
        snippet = snippet.replace(ours, theirs)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    head = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; user root; events {{}}"
    configuration = folder / "nginx.conf"
    configuration.write_text(f"{head} http {{ access_log off; {temporary} {snippet} }}")
    with subprocess.Popen([program, "-p", str(folder), "-c", str(configuration)]) as process:
        through = httpx.Client(base_url=f"http://127.0.0.1:{port}")
        try:
            for _ in range(100):
                with contextlib.suppress(httpx.TransportError):
                    through.get("/healthz")
                    break
                time.sleep(0.05)
            yield through
        finally:
            through.close()
            process.terminate()


def test_a_real_nginx_sends_the_files(tmp_path: Path) -> None:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed")
    settings = {"RENDITOR_DELIVERY__ACCEL_PREFIX": "/_files"}
    with (
        start_server(tmp_path / "data", ("--workers", "1", "--no-worker"), **settings) as server,
        contextlib.closing(Client(server)) as client,
        nginx(program, tmp_path, server.port) as through,
    ):
        url = uploaded(client, tmp_path)
        path = url.format("w_50").removeprefix(client.server.url)
        first = client.get(path)
        stored_pictures(client, client.call("GET", "/media").json()["items"][0]["id"], 1)
        answer = through.get(path)
        assert (answer.status_code, answer.content) == (200, first.content)
        for name in ("etag", "cache-control", "content-type", "x-content-type-options", "access-control-allow-origin"):
            assert answer.headers[name] == first.headers[name], name
        assert through.get(path, headers={"range": "bytes=1-3"}).content == first.content[1:4]
        assert through.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        assert through.get("/_files/anything").status_code == 404

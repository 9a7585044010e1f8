"""The examples, run as their readers would run them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import pyvips

from renditor.testing import media
from tests.server import free_port

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def clean_environment(**values: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RENDITOR_")} | values


def test_ten_lines(tmp_path: Path) -> None:
    media.photo(tmp_path / "photo.jpg", 120, 80, orientation=6)
    command = [sys.executable, str(EXAMPLES / "ten_lines.py"), "photo.jpg"]
    done = subprocess.run(
        command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("completed 80 120 http://")


@pytest.fixture
def own_app(tmp_path: Path) -> Iterator[str]:
    """A user's own FastAPI app with renditor inside."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--working-dir", str(EXAMPLES)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers-kill-timeout", "5", "fastapi-media:app"]
    env = clean_environment(MEDIA_DATA=str(tmp_path / "data"), MEDIA_URL=url)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=tmp_path)
    try:
        end = time.monotonic() + 60
        while True:
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{url}/docs")
                break
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def test_the_quick_start_in_ones_own_app(own_app: str, tmp_path: Path) -> None:
    anna, ben = {"authorization": "Bearer anna-token"}, {"authorization": "Bearer ben-token"}
    photo = media.photo(tmp_path / "photo.jpg", 120, 80)
    clip = media.video(tmp_path / "clip.mp4", "320x180", 1)

    def upload(path: Path, who: dict[str, str]) -> httpx.Response:
        files = {"file": (path.name, path.read_bytes())}
        return httpx.post(f"{own_app}/media/upload", files=files, headers=who, timeout=60)

    asset = upload(photo, anna).json()
    assert (asset["status"], asset["media_type"]) == ("completed", "image")
    small = httpx.get(asset["url"].replace("/upload/", "/upload/w_30/"))
    assert pyvips.Image.new_from_buffer(small.content, "").width == 30

    made = upload(clip, anna).json()
    end = time.monotonic() + 60
    while (state := httpx.get(f"{own_app}/media/{made['id']}/status", headers=anna).json())["status"] == "processing":
        assert time.monotonic() < end
        time.sleep(0.2)
    assert state["status"] == "completed", state
    assert httpx.get(state["url"]).headers["content-type"] == "video/mp4"

    assert httpx.get(f"{own_app}/media/{made['id']}/status", headers=ben).status_code == 404
    assert upload(photo, {"authorization": "Bearer guest-token"}).status_code == 403
    assert upload(photo, {}).status_code == 401
    (tmp_path / "fake.jpg").write_text("no picture")
    assert upload(tmp_path / "fake.jpg", anna).status_code == 415
    assert httpx.get(f"{own_app}/nothing").status_code == 404

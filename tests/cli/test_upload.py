"""renditor upload, against a real server."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Run
from tests.server import RunningServer, free_port


def test_files_arrive_and_their_urls_work(process: Run, server: RunningServer, samples: Path) -> None:
    done = process(
        "upload",
        samples / "photo.jpg",
        samples / "song.mp3",
        "--wait",
        RENDITOR_SERVER=server.url,
        RENDITOR_KEY=server.key,
    )
    assert done.status == 0, done.err
    assert done.err == ""
    urls = [line.split()[1] for line in done.out.splitlines() if line.strip().startswith("url")]
    assert len(urls) == 2
    for url, kind in zip(urls, ("image/jpeg", "audio/mpeg"), strict=True):
        answer = httpx.get(url)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kind


def test_one_bad_file_does_not_stop_the_rest(run: Run, server: RunningServer, samples: Path) -> None:
    name = Path("übung \u2603.jpg")
    name.write_bytes((samples / "photo.jpg").read_bytes())
    done = run("upload", samples / "fake.jpg", name, "--server", server.url, "--key", server.key, "--json")
    assert done.status == 1
    (asset,) = done.json["items"]
    assert (asset["filename"], asset["media_type"], asset["status"]) == (name.name, "image", "completed")
    (failed,) = done.json["failed"]
    assert (failed["file"], failed["code"]) == ("fake.jpg", "unsupported-media")
    assert done.error.startswith("error: fake.jpg: The content of this file is not of an accepted type")


def test_what_goes_wrong_before_anything_is_sent(run: Run, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = samples / "photo.jpg"
    for arguments, status, said in (
        ((photo,), 2, "An API key is needed"),
        ((photo, "--key", "rk_x", "--server", "media.example.com"), 2, "not the URL of a server"),
        (("missing.jpg", "--key", "rk_x"), 1, "No such file"),
        ((photo, "--key", "rk_x", "--server", f"http://127.0.0.1:{free_port()}"), 1, "does not answer"),
    ):
        done = run("upload", *arguments)
        assert done.status == status
        assert said in done.error
    monkeypatch.setenv("RENDITOR_PORT", str(free_port()))
    assert "does not answer" in run("upload", photo, "--key", "rk_x").error


def test_a_wrong_key_is_refused_in_the_servers_words(run: Run, server: RunningServer, samples: Path) -> None:
    done = run("upload", samples / "photo.jpg", "--server", server.url, "--key", "rk_wrong")
    assert done.status == 1
    assert "A valid API key is needed" in done.error

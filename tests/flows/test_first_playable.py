"""A long video can be played before it is complete; and all of it goes if it never will be."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from renditor.testing import media
from tests.client import Client
from tests.flows.test_crash import encoders
from tests.server import start_server

SECONDS = 90
CONFIG = """
[video]
tier = "best"

[video.ladders]
small = [{ short_side = 216, crf = 20, maxrate = 900000 }, { short_side = 72, crf = 30, maxrate = 100000 }]

[recipes.video.video]
ladder = "small"
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A small ladder, and encoders that take their time."""
    folder = tmp_path_factory.mktemp("early")
    (folder / "renditor.toml").write_text(CONFIG)
    with start_server(folder / "data", (), RENDITOR_CONFIG=str(folder / "renditor.toml")) as server:
        made = Client(server)
        yield made
        made.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to be worth it, with two rungs."""
    return media.video(tmp_path_factory.mktemp("film") / "film.mp4", "384x216", 36)


def until_playable(client: Client, media_id: str) -> dict[str, Any]:
    """The status at the moment when the first rung is up."""
    end = time.monotonic() + SECONDS
    while True:
        state: dict[str, Any] = client.call("GET", f"/media/{media_id}/status").json()
        assert state["status"] == "processing", state
        if state["playable"]:
            return state
        assert "hls_url" not in state
        assert time.monotonic() < end, state
        time.sleep(0.05)


def variants(playlist: str) -> list[str]:
    return re.findall(r"RESOLUTION=(\d+x\d+)", "\n".join(re.findall(r"#EXT-X-STREAM-INF:.*", playlist)))


def test_it_plays_before_it_is_complete(client: Client, film: Path) -> None:
    media_id = client.upload(film).json()["id"]
    state = until_playable(client, media_id)
    early, manifest = client.get(state["hls_url"]), client.get(state["dash_url"])
    assert (early.status_code, manifest.status_code) == (200, 200)
    assert early.headers["cache-control"] == manifest.headers["cache-control"] == "public, max-age=2"
    assert len(variants(early.text)) == 1
    public_id = client.call("GET", f"/media/{media_id}").json()["public_id"]
    for rest in (f"{public_id}.mp4", f"{public_id}.jpg", f"so_1/{public_id}.jpg"):
        waiting = client.get(f"/main/video/upload/{rest}")
        assert (waiting.status_code, waiting.json()["code"]) == (423, "still-processing")
    asset = client.call("GET", f"/media/{media_id}").json()
    assert (asset["url"], asset["hls_url"]) == (None, state["hls_url"])
    (first,) = asset["renditions"]
    # What the first rung consists of is there, and stays as it is.
    inner = re.findall(r"^[^#\s].*$", early.text, re.MULTILINE)
    index = client.get(inner[0])
    assert index.headers["cache-control"].endswith("immutable")
    base = inner[0].rpartition("/")[0]
    names = re.findall(r"^\w+\.m4s$", index.text, re.MULTILINE)
    segments = {name: client.get(f"{base}/{name}").content for name in names}
    assert len(segments) >= 5

    done = client.done(media_id, SECONDS)
    assert done["status"] == "completed", done["error"]
    (grown,) = [item for item in done["renditions"] if item["kind"] == "hls"]
    assert grown["id"] == first["id"]
    late = client.get(done["hls_url"])
    assert len(variants(late.text)) > 1
    assert set(variants(early.text)) < set(variants(late.text))
    assert late.headers["etag"] != early.headers["etag"]
    assert client.get(done["hls_url"], if_none_match=early.headers["etag"]).status_code == 200
    assert client.get(done["hls_url"], if_none_match=late.headers["etag"]).status_code == 304
    assert "immutable" not in late.headers["cache-control"]
    assert client.get(inner[0]).content == index.content
    assert all(client.get(f"{base}/{name}").content == content for name, content in segments.items())
    client.call("DELETE", f"/media/{media_id}")


@pytest.mark.parametrize("way", ["cancel", "delete", "overwrite"])
def test_nothing_of_it_stays(
    client: Client, film: Path, tmp_path: Path, eventually: Callable[..., None], way: str
) -> None:
    sets = client.server.data / "storage" / "sets"
    media_id = client.upload(film, public_id=f"early-{way}").json()["id"]
    state = until_playable(client, media_id)
    segment = next(iter(re.findall(r"^[^#\s].*$", client.get(state["hls_url"]).text, re.MULTILINE)))
    if way == "cancel":
        cancelled = client.call("POST", f"/media/{media_id}/cancel")
        assert cancelled.json()["playable"] is False
    elif way == "delete":
        client.call("DELETE", f"/media/{media_id}")
    else:
        song = media.song(tmp_path / "song.mp3", 1)
        replaced = client.upload(song, public_id=f"early-{way}", overwrite="true")
        assert replaced.status_code == 202
    eventually(lambda: not encoders(client.server), 3)
    assert client.get(segment).status_code == 404
    assert segment not in client.get(state["hls_url"]).text
    if way == "overwrite":
        media_id = replaced.json()["id"]
        client.done(media_id)
    client.call("DELETE", f"/media/{media_id}")
    # A job that was stopped may go on storing for a while: its folder is emptied after that.
    eventually(lambda: not [path for path in sets.rglob("*") if path.is_file()], 90)
    eventually(lambda: not list((client.server.data / "work").iterdir()))

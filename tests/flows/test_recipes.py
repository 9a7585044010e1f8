"""Recipes by name: what each makes, and what changing one's mind does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from renditor.testing import media
from tests.client import Client
from tests.inprocess import in_process
from tests.server import start_server

CONFIG = """
[video.ladders]
small = [{ short_side = 144, crf = 30, maxrate = 200000 }]

[recipes.video.web]
tier = "instant"
ladder = "small"
outputs = ["hls", "poster"]

[recipes.video.clip]
outputs = ["mp4"]

[recipes.video.still]
outputs = ["poster"]

[recipes.audio.radio]
formats = ["m4a"]
loudness = -16

[recipes.audio.bare]
formats = ["ogg"]
hls = false
waveform = false
"""
SECONDS = 60


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "renditor.toml").write_text(CONFIG)
    with start_server(folder / "data", (), RENDITOR_CONFIG=str(folder / "renditor.toml")) as server:
        made = Client(server)
        yield made
        made.close()


def upload(client: Client, path: Path, **options: str) -> dict[str, Any]:
    response = client.upload(path, **options)
    assert response.status_code == 202, response.text
    asset = client.done(response.json()["id"], SECONDS)
    assert asset["status"] == "completed", asset["error"]
    return asset


def kinds(asset: dict[str, Any]) -> set[str]:
    return {item["kind"] for item in asset["renditions"]}


def links(client: Client, asset: dict[str, Any]) -> dict[str, str]:
    """The URLs that the asset has, each of which works; with the type of what they lead to."""
    found = {}
    for name, url in asset.items():
        if name.endswith("url"):
            answer = client.get(url)
            assert answer.status_code == 200, name
            found[name] = answer.headers["content-type"].partition(";")[0]
    return found


def test_a_video_with_everything(client: Client, tmp_path: Path) -> None:
    chapters = tmp_path / "chapters.txt"
    chapters.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=One\n"
                        "[CHAPTER]\nTIMEBASE=1/1\nSTART=2\nEND=4\ntitle=Two\n")  # fmt: skip
    plain = media.video(tmp_path / "plain.mp4", "320x180", 4)
    film = tmp_path / "film.mp4"
    media.ffmpeg("-i", plain, "-i", chapters, "-map", "0", "-map_chapters", "1", "-c", "copy", film)
    asset = upload(client, film)
    assert asset["recipe"] == "video"
    assert links(client, asset) == {
        "url": "video/mp4",
        "hls_url": "application/vnd.apple.mpegurl",
        "dash_url": "application/dash+xml",
        "mp4_url": "video/mp4",
        "poster_url": "image/jpeg",
        "storyboard_url": "text/vtt",
        "preview_url": "image/webp",
        "chapters_url": "text/vtt",
    }
    assert "Two" in client.get(asset["chapters_url"]).text
    # Links inside of the storyboard lead on from where it lies.
    sprite = client.get(asset["storyboard_url"]).text.split(".vtt", 1)[0]
    name = next(word.partition("#")[0] for word in sprite.split() if ".jpg" in word)
    assert client.get(f"{asset['storyboard_url'].rpartition('/')[0]}/{name}").headers["content-type"] == "image/jpeg"
    assert all(client.get(item["url"]).status_code == 200 for item in asset["renditions"])


def test_only_what_the_recipe_says(client: Client, tmp_path: Path) -> None:
    film = media.video(tmp_path / "film.mp4", "640x360", 2)
    web = upload(client, film, recipe="web")
    assert (web["recipe"], kinds(web)) == ("web", {"hls", "poster"})
    (stream,) = [item for item in web["renditions"] if item["kind"] == "hls"]
    assert [rung["height"] for rung in stream["metadata"]["rungs"]] == [144]
    assert set(links(client, web)) == {"url", "hls_url", "dash_url", "poster_url"}
    assert web["url"] == web["hls_url"]
    clip = upload(client, film, recipe="clip")
    assert (kinds(clip), set(links(client, clip))) == ({"mp4"}, {"url", "mp4_url"})
    base = "/main/video/upload"
    assert client.get(f"{base}/{clip['public_id']}.jpg").status_code == 404
    # A frame at a time is taken from the original.
    assert client.get(f"{base}/so_1/{clip['public_id']}.jpg").headers["content-type"] == "image/jpeg"
    song = media.song(tmp_path / "song.mp3", 2)
    bare = upload(client, song, recipe="bare")
    assert (kinds(bare), links(client, bare)) == ({"audio"}, {"url": "audio/ogg"})
    assert client.get(f"/main/video/upload/{bare['public_id']}").headers["content-type"] == "audio/ogg"


def test_a_song_with_everything(client: Client, tmp_path: Path) -> None:
    asset = upload(client, media.song(tmp_path / "song.mp3", 3))
    assert links(client, asset) == {
        "url": "audio/mpeg",
        "hls_url": "application/vnd.apple.mpegurl",
        "dash_url": "application/dash+xml",
        "waveform_url": "application/json",
    }
    folder = asset["waveform_url"].rpartition("/")[0]
    svg = client.get(f"{folder}/waveform.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in svg.headers["content-security-policy"]
    assert client.get(f"{folder}/waveform-256.dat").headers["content-type"] == "application/octet-stream"


def test_chapters_of_a_book(client: Client, tmp_path: Path) -> None:
    """Also where the loudness is changed, and other files are made of the changed one."""
    book, marks = tmp_path / "book.m4b", tmp_path / "marks.txt"
    marks.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=Dawn <b>\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\n"
    )
    media.ffmpeg("-i", media.song(tmp_path / "song.m4a", 2), "-i", marks, "-map_chapters", "1", "-c", "copy", book)
    asset = upload(client, book, recipe="radio")
    assert kinds(asset) == {"audio", "hls", "waveform", "chapters"}
    assert links(client, asset)["chapters_url"].startswith("text/vtt")
    shown = client.get(asset["chapters_url"]).text
    assert "00:00:00.000 --> 00:00:01.000\nDawn &lt;b&gt;\n" in shown
    assert "00:00:01.000 --> 00:00:02.000\nChapter 2\n" in shown


def test_loudness_of_everything(client: Client, tmp_path: Path) -> None:
    """Also of the stream, which is made of what was brought to the loudness; that itself is not kept."""
    asset = upload(client, media.song(tmp_path / "song.mp3", 4), recipe="radio")
    assert sorted(item["name"] for item in asset["renditions"]) == ["audio.m4a", "hls", "waveform"]
    (file,) = [item for item in asset["renditions"] if item["name"] == "audio.m4a"]
    assert abs(file["metadata"]["loudness"]["after"]["integrated"] + 16) < 0.5


@pytest.mark.parametrize(("name", "recipe"), [("song.mp3", "web"), ("song.mp3", "none"), ("photo.jpg", "video")])
def test_unknown_recipes(client: Client, tmp_path: Path, name: str, recipe: str) -> None:
    path = media.song(tmp_path / name, 1) if name == "song.mp3" else media.photo(tmp_path / name, 20, 20)
    refused = client.upload(path, recipe=recipe)
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown-recipe")
    if name == "song.mp3":
        assert "audio, bare, radio" in refused.json()["hint"]


def wait_for_job(client: Client, media_id: str, job_id: str) -> dict[str, Any]:
    end = time.monotonic() + SECONDS
    while True:
        job: dict[str, Any] = client.call("GET", f"/media/{media_id}/jobs/{job_id}").json()
        if job["status"] not in ("queued", "running"):
            return job
        assert time.monotonic() < end, job
        time.sleep(0.1)


def again(client: Client, media_id: str, recipe: str) -> Any:
    return client.call("POST", f"/media/{media_id}/renditions", json={"recipe": recipe})


def test_another_recipe_for_what_is_there(client: Client, tmp_path: Path) -> None:
    asset = upload(client, media.video(tmp_path / "film.mp4", "320x180", 3), recipe="clip")
    response = again(client, asset["id"], "web")
    assert response.status_code == 202
    assert response.headers["location"] == f"/media/{asset['id']}/jobs/{response.json()['job_id']}"
    while client.call("GET", f"/media/{asset['id']}/jobs/{response.json()['job_id']}").json()["status"] != "completed":
        now = client.call("GET", f"/media/{asset['id']}").json()
        # All of the old or all of the new, at every moment.
        assert now["status"] == "completed"
        assert kinds(now) in ({"mp4"}, {"hls", "poster"})
        time.sleep(0.02)
    changed = client.call("GET", f"/media/{asset['id']}").json()
    assert (changed["recipe"], kinds(changed)) == ("web", {"hls", "poster"})
    links(client, changed)
    assert client.get(asset["mp4_url"]).status_code == 404
    for wrong, status in (("none", 400), ("radio", 400)):
        assert again(client, asset["id"], wrong).status_code == status
    assert again(client, "unknown", "web").status_code == 404


def test_a_new_poster_is_not_taken_for_the_old_one(client: Client, tmp_path: Path) -> None:
    asset = upload(client, media.video(tmp_path / "film.mp4", "320x180", 1), recipe="web")
    url = f"/main/video/upload/{asset['public_id']}.jpg"
    old = client.get(url).headers["etag"]
    assert client.get(url, if_none_match=old).status_code == 304
    job = again(client, asset["id"], "still").headers["location"]
    while client.call("GET", job).json()["status"] != "completed":
        time.sleep(0.05)
    assert client.get(url, if_none_match=old).status_code == 200


def test_two_recipes_at_once_and_a_change_of_mind(client: Client, tmp_path: Path) -> None:
    asset = upload(client, media.video(tmp_path / "film.mp4", "640x360", 8), recipe="clip")
    first = again(client, asset["id"], "video").json()
    assert again(client, asset["id"], "video").json()["job_id"] == first["job_id"]
    other = again(client, asset["id"], "web")
    assert (other.status_code, other.json()["code"]) == (409, "being-processed")
    cancelled = client.call("POST", f"/media/{asset['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "completed")
    assert wait_for_job(client, asset["id"], first["job_id"])["status"] == "cancelled"
    assert client.call("GET", f"/media/{asset['id']}").json()["renditions"] == asset["renditions"]


def test_again_after_it_was_cancelled(client: Client, tmp_path: Path) -> None:
    media_id = client.upload(media.video(tmp_path / "film.mp4", "320x180", 4)).json()["id"]
    assert client.call("POST", f"/media/{media_id}/cancel").status_code == 202
    assert again(client, media_id, "web").status_code == 202
    state = client.call("GET", f"/media/{media_id}/status").json()
    assert state["status"] in ("processing", "completed")
    assert client.done(media_id, SECONDS)["recipe"] == "web"


def test_a_recipe_that_is_configured_no_more(tmp_path: Path) -> None:
    song = media.song(tmp_path / "song.mp3", 1)
    with in_process(tmp_path / "data", recipes={"audio": {"radio": {"formats": ["m4a"]}}}) as before:
        media_id = before.upload(song, recipe="radio").json()["id"]
    with in_process(tmp_path / "data", before.server.key, worker=True) as now:
        asset = now.done(media_id, SECONDS)
    assert (asset["status"], asset["error"]["code"]) == ("failed", "unknown-recipe")
    assert "'radio'" in asset["error"]["detail"]

"""The video and song stories: upload, process, deliver; every result is read back with ffprobe."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import m3u8
import pytest
import pyvips

from renditor.ffmpeg.binaries import Binaries, resolve
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.testing import media
from tests.client import Client


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Binaries:
    return resolve(FFmpegSettings(), tmp_path_factory.mktemp("cache") / "tools.json")


def probe(binaries: Binaries, path: Path) -> dict[str, Any]:
    command = [str(binaries.require("ffprobe").path), "-v", "error", "-print_format", "json", "-show_format"]
    out = subprocess.run([*command, "-show_streams", str(path)], capture_output=True, check=True).stdout
    found: dict[str, Any] = json.loads(out)
    return found


def saved(client: Client, url: str, path: Path) -> Path:
    response = client.get(url)
    assert response.status_code == 200, (url, response.text)
    path.write_bytes(response.content)
    return path


@pytest.fixture(scope="module")
def phone_video(client: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Recorded lying, shown standing: 854x480 with a display matrix of 90 degrees, 25 frames a second, with sound."""
    folder = tmp_path_factory.mktemp("phone")
    flat = media.video(folder / "flat.mp4", "854x480", 5)
    path = folder / "phone.mp4"
    media.ffmpeg("-display_rotation", "90", "-i", flat, "-c", "copy", path)
    response = client.upload(path)
    assert response.status_code == 202, response.text
    assert response.json()["status"] == "processing"
    early = client.get(f"/main/video/upload/{response.json()['public_id']}.mp4")
    assert early.status_code in (423, 200)
    seen = []
    while (state := client.call("GET", f"/media/{response.json()['id']}/status").json())["status"] == "processing":
        seen.append(state["progress"])
        time.sleep(0.1)
    assert seen == sorted(seen)
    asset = client.done(response.json()["id"])
    assert asset["status"] == "completed", asset["error"]
    assert asset["progress"] == 100
    return asset | {"seen_progress": seen}


def test_the_asset_of_a_video(phone_video: dict[str, Any]) -> None:
    assert phone_video["media_type"] == "video"
    assert (phone_video["width"], phone_video["height"]) == (480, 854)
    assert abs(phone_video["duration"] - 5) < 0.2
    assert {item["kind"] for item in phone_video["renditions"]} == {"hls", "mp4", "poster", "storyboard", "preview"}
    for name in ("url", "hls_url", "dash_url", "mp4_url", "poster_url", "storyboard_url", "preview_url"):
        assert phone_video[name].startswith("http://127.0.0.1:")


def test_progress_followed_the_encoder(phone_video: dict[str, Any]) -> None:
    assert len({value for value in phone_video["seen_progress"] if 0 < value < 100}) >= 2


def test_the_progressive_file(client: Client, binaries: Binaries, phone_video: dict[str, Any], tmp_path: Path) -> None:
    path = saved(client, phone_video["mp4_url"], tmp_path / "out.mp4")
    found = probe(binaries, path)
    pictures, sound = sorted(found["streams"], key=lambda stream: str(stream["codec_type"]), reverse=True)
    assert (pictures["codec_name"], pictures["width"], pictures["height"]) == ("h264", 480, 854)
    assert pictures["pix_fmt"] == "yuv420p"
    assert pictures.get("sample_aspect_ratio", "1:1") == "1:1"
    assert (sound["codec_name"], sound["channels"]) == ("aac", 2)
    assert abs(float(found["format"]["duration"]) - 5) < 0.15
    head = path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")
    part = client.get(phone_video["mp4_url"], range="bytes=0-99")
    assert (part.status_code, part.content) == (206, head[:100])


def test_the_streams(client: Client, phone_video: dict[str, Any]) -> None:
    response = client.get(phone_video["hls_url"])
    assert response.headers["content-type"] == "application/vnd.apple.mpegurl"
    master = m3u8.loads(response.text)
    sizes = sorted(variant.stream_info.resolution for variant in master.playlists)
    assert sizes in ([(360, 640), (480, 854)], [(360, 642), (480, 854)])
    for variant in master.playlists:
        assert variant.stream_info.codecs
        assert variant.stream_info.frame_rate == 25
        assert variant.stream_info.bandwidth >= variant.stream_info.average_bandwidth > 0
    assert master.iframe_playlists
    assert master.media[0].type == "AUDIO"
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in response.text
    lengths = set()
    for variant in master.playlists:
        playlist_url = f"{client.server.url}{variant.uri}"
        playlist = client.get(playlist_url)
        assert playlist.headers["cache-control"].endswith("immutable")
        lengths.add(tuple(segment.duration for segment in m3u8.loads(playlist.text).segments))
        folder = playlist_url.rsplit("/", 1)[0]
        for name in re.findall(r'^[^#\n]+|URI="([^"]+)"', playlist.text, re.MULTILINE):
            if name:
                assert client.get(f"{folder}/{name}", range="bytes=0-0").status_code == 206
    assert len(lengths) == 1


def test_the_manifest_names_the_same_files(client: Client, phone_video: dict[str, Any]) -> None:
    response = client.get(phone_video["dash_url"])
    assert response.headers["content-type"] == "application/dash+xml"
    base = re.search(r"<BaseURL>(/main/files/[0-9a-z]+/)</BaseURL>", response.text)
    assert base
    assert base[1] in client.get(phone_video["hls_url"]).text


def test_the_poster_and_frames_are_upright(client: Client, phone_video: dict[str, Any]) -> None:
    poster = pyvips.Image.new_from_buffer(client.get(phone_video["poster_url"]).content, "")
    assert (poster.width, poster.height) == (480, 854)
    assert poster.avg() > 40  # not black
    small = client.get(phone_video["poster_url"].replace("/upload/", "/upload/so_1,w_90/"))
    assert small.status_code == 200, small.text
    frame = pyvips.Image.new_from_buffer(small.content, "")
    assert (frame.width, frame.height) == (90, 160)


def test_files_outside_the_set_do_not_exist(client: Client, phone_video: dict[str, Any]) -> None:
    base = re.search(r"/main/files/[0-9a-z]+/", client.get(phone_video["hls_url"]).text)
    assert base
    for name in ("nothing.m4s", "..%2f..%2fcatalog.sqlite", "%2e%2e/x", "a//b", "", "master.m3u8/x"):
        assert client.get(base[0] + name).status_code == 404
    assert client.get(base[0].replace("/main/", "/other/") + "master.m3u8").status_code == 404


def processed(client: Client, path: Path) -> dict[str, Any]:
    asset = client.done(client.upload(path).json()["id"])
    assert asset["status"] == "completed", asset["error"]
    return asset


def test_an_odd_size_in_444(client: Client, binaries: Binaries, tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    media.video(path, "161x121", 1.2, "-pix_fmt", "yuv444p")
    asset = processed(client, path)
    found = probe(binaries, saved(client, asset["mp4_url"], tmp_path / "out.mp4"))
    pictures = next(stream for stream in found["streams"] if stream["codec_type"] == "video")
    assert pictures["width"] in (160, 162)
    assert pictures["height"] in (120, 122)
    assert pictures["pix_fmt"] == "yuv420p"


def test_a_silent_film(client: Client, binaries: Binaries, tmp_path: Path) -> None:
    asset = processed(client, media.video(tmp_path / "in.mov", "320x180", 1.2, sound=False))
    found = probe(binaries, saved(client, asset["mp4_url"], tmp_path / "out.mp4"))
    assert [stream["codec_type"] for stream in found["streams"]] == ["video"]
    assert not m3u8.loads(client.get(asset["hls_url"]).text).media


def test_a_song(client: Client, binaries: Binaries, tmp_path: Path) -> None:
    cover = media.photo(tmp_path / "cover.jpg", 300, 300)
    plain = media.song(tmp_path / "plain.mp3")
    path = tmp_path / "song.mp3"
    media.ffmpeg(
        "-i", plain, "-i", cover, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic", path
    )
    response = client.upload(path)
    assert response.status_code == 202, response.text
    asset = client.done(response.json()["id"])
    assert asset["status"] == "completed", asset["error"]
    assert asset["media_type"] == "audio"  # the cover does not make it a video
    assert asset["url"].endswith(".mp3")
    for extension, codec, kind in (
        ("mp3", "mp3", "audio/mpeg"),
        ("m4a", "aac", "audio/mp4"),
        ("opus", "opus", "audio/ogg"),
    ):
        url = asset["url"].removesuffix("mp3") + extension
        assert client.get(url).headers["content-type"] == kind
        found = probe(binaries, saved(client, url, tmp_path / f"out.{extension}"))
        sound = next(stream for stream in found["streams"] if stream["codec_type"] == "audio")
        assert sound["codec_name"] == codec
        assert abs(float(found["format"]["duration"]) - 3) < 0.1


def test_a_video_without_pictures_is_a_song(client: Client, tmp_path: Path) -> None:
    path = media.song(tmp_path / "voice.mp4", 1, "-c:a", "aac")
    asset = client.done(client.upload(path).json()["id"])
    assert (asset["media_type"], asset["content_type"], asset["status"]) == ("audio", "audio/mp4", "completed")


def test_cancel_ends_the_work_and_leaves_nothing(client: Client, tmp_path: Path) -> None:
    path = media.long_video(tmp_path / "long.mp4")
    asset = client.upload(path).json()
    while client.call("GET", f"/media/{asset['id']}/status").json()["progress"] == 0:
        time.sleep(0.1)
    cancelled = client.call("POST", f"/media/{asset['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    end = time.monotonic() + 5
    while list((client.server.data / "work").iterdir()):
        assert time.monotonic() < end, "the job folder is still there"
        time.sleep(0.1)
    again = client.call("POST", f"/media/{asset['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "not-processing")
    assert client.call("GET", f"/media/{asset['id']}/status").json()["status"] == "cancelled"
    assert client.call("DELETE", f"/media/{asset['id']}").status_code == 204


def test_deleting_while_it_is_processed(client: Client, tmp_path: Path, eventually: Any) -> None:
    path = media.long_video(tmp_path / "long.mp4")
    asset = client.upload(path).json()
    assert client.call("DELETE", f"/media/{asset['id']}").status_code == 204
    eventually(lambda: not list((client.server.data / "work").iterdir()))

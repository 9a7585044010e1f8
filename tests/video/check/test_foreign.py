"""Sets that FFmpeg makes by itself: no false errors beyond what is really wrong with them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video.check.decoding import decode
from renditor.video.check.reading import FolderReader
from tests.video.check.sets import codes, edit, look

VIDEO = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50")
# What FFmpeg's master playlists leave out.
MISSING = {"no-independent-segments", "no-key-frame-playlist", "captions-unclear", "no-frame-rate"}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.video(tmp_path_factory.mktemp("source") / "in.mp4", "320x180", 7)


@pytest.fixture
def make(source: Path, tmp_path: Path):
    def run(name: str, *arguments: str) -> Path:
        media.ffmpeg("-i", source, *VIDEO, "-c:a", "aac", *arguments, tmp_path / name)
        return tmp_path

    return run


HLS = ("-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod")
LADDER = ("-map", "0:v", "-map", "0:v", "-map", "0:a", "-s:v:1", "160x90")


def test_transport_streams(make, toolbox: Toolbox, folder: Path) -> None:
    root = make("index.m3u8", *HLS)
    report = look(root)
    assert report.findings == ()
    (stream,) = report.streams
    (rendition,) = stream.renditions
    assert rendition.codecs == {"avc1.42c00c", "mp4a.40.2"}
    assert rendition.samples == 175
    assert asyncio.run(decode(report.streams, FolderReader(root), toolbox, folder)) == ()
    edit("index.m3u8", "EXTINF:2.0", "EXTINF:1.5")(root)
    assert codes(look(root)) == {"segment-duration"}


def test_a_transport_stream_without_a_key_frame(make) -> None:
    root = make("index.m3u8", *HLS, "-g", "1000", "-hls_flags", "split_by_time")
    assert codes(look(root)) == {"no-key-frame"}


def test_a_damaged_transport_stream(make, toolbox: Toolbox, folder: Path) -> None:
    root = make("index.m3u8", *HLS)
    path = root / "index2.ts"  # the middle one, which is decoded
    content = bytearray(path.read_bytes())
    path.write_bytes(content[:-7])
    assert codes(look(root)) == {"unreadable"}
    for place in range(20 * 188, len(content) - 188, 188):  # the packets stay, what they carry is noise
        content[place + 60 : place + 188] = bytes((number * 89 + place) % 256 for number in range(128))
    path.write_bytes(content)
    report = look(root)
    found = asyncio.run(decode(report.streams, FolderReader(root), toolbox, folder))
    assert [finding.code for finding in found] == ["undecodable"]
    assert not report.with_findings(found).passed
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("more", [(), ("-hls_flags", "single_file")], ids=["files", "byte ranges"])
def test_fragmented_mp4(make, more: tuple[str, ...], toolbox: Toolbox, folder: Path) -> None:
    root = make("index.m3u8", *HLS, "-hls_segment_type", "fmp4", *more)
    report = look(root)
    assert report.findings == ()
    assert asyncio.run(decode(report.streams, FolderReader(root), toolbox, folder)) == ()


def test_an_audio_group(make) -> None:
    """The master playlist of FFmpeg leaves the sound out of the bit rates."""
    groups = ("-var_stream_map", "v:0,agroup:a v:1,agroup:a a:0,agroup:a", "-master_pl_name", "master.m3u8")
    root = make("v%v.m3u8", *LADDER, *HLS, "-hls_segment_type", "fmp4", *groups)
    assert codes(look(root)) == MISSING | {"bandwidth-exceeded", "average-bandwidth"}


def test_one_set_of_segments_for_both(make) -> None:
    """The bit rates of FFmpeg's ``dash -hls_playlist`` are the encoder's target, not what was measured."""
    root = make("manifest.mpd", *LADDER, "-f", "dash", "-seg_duration", "2", "-hls_playlist", "1")
    report = look(root)
    assert codes(report) == MISSING | {"bandwidth-exceeded", "no-average-bandwidth"}
    assert {stream.form for stream in report.streams} == {"dash", "hls"}
    assert all(finding.where != "manifest.mpd" for finding in report.findings)


@pytest.mark.parametrize(
    "more",
    [
        ("-single_file", "1"),
        ("-use_timeline", "0"),
        ("-use_timeline", "1", "-use_template", "0"),
        ("-single_file", "1", "-global_sidx", "1"),
    ],
    ids=["one file", "numbers", "list", "index"],
)
def test_manifests(make, more: tuple[str, ...], toolbox: Toolbox, folder: Path) -> None:
    root = make("manifest.mpd", "-f", "dash", "-seg_duration", "2", *more)
    report = look(root)
    assert report.findings == (), report.findings
    (stream,) = report.streams
    assert {one.kind for one in stream.renditions} == {"video", "audio"}
    assert sum(one.samples for one in stream.renditions if one.kind == "video") == 175
    assert asyncio.run(decode(report.streams, FolderReader(root), toolbox, folder)) == ()


def test_sound_alone(make) -> None:
    report = look(make("index.m3u8", "-vn", *HLS, "-hls_segment_type", "fmp4"))
    assert report.findings == ()
    assert report.streams[0].renditions[0].kind == "audio"


def test_a_live_playlist_is_told_as_such(make) -> None:
    root = make("index.m3u8", "-f", "hls", "-hls_time", "2", "-hls_flags", "omit_endlist", "-hls_list_size", "2")
    report = look(root)
    assert codes(report) == {"live", "extra-file"}  # segments that have left the window
    assert report.passed


def test_captions_in_one_file(ours: Path, copy: Path) -> None:
    """One WebVTT file is the only segment of its playlist, and the manifest names the same file."""
    (copy / "text-en").mkdir()
    (copy / "text-en/captions.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n")
    head = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    (copy / "text-en/index.m3u8").write_text(f"{head}#EXTINF:7.000,\ncaptions.vtt\n#EXT-X-ENDLIST\n")
    entry = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="English",LANGUAGE="en",URI="text-en/index.m3u8"\n'
    edit("master.m3u8", "#EXT-X-STREAM-INF", f"{entry}#EXT-X-STREAM-INF", 1)(copy)
    edit("master.m3u8", 'AUDIO="audio",', 'AUDIO="audio",SUBTITLES="text",')(copy)
    assert codes(look(copy)) == {"manifests-differ"}
    representation = (
        '<AdaptationSet contentType="text" mimeType="text/vtt" lang="en"><Representation id="t" bandwidth="100">'
        "<BaseURL>text-en/captions.vtt</BaseURL></Representation></AdaptationSet></Period>"
    )
    edit("manifest.mpd", "</Period>", representation)(copy)
    assert look(copy).findings == ()
    edit("master.m3u8", ',URI="text-en/index.m3u8"', "")(copy)
    assert "missing-attribute" in codes(look(copy))


@pytest.mark.parametrize("codec", ["hevc", "av1", "vp9", "opus"])
def test_names_of_codecs(codec: str, source: Path, tmp_path: Path) -> None:
    """As FFmpeg names them in its manifests: another program that reads the same boxes."""
    coding = {
        "hevc": ("-an", "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "log-level=error"),
        "av1": ("-an", "-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p10le"),
        "vp9": ("-an", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
        "opus": ("-vn", "-c:a", "libopus"),
    }[codec]
    media.ffmpeg(
        "-t", "2", "-i", source, "-g", "50", *coding,
        *("-f", "dash", "-seg_duration", "2", "-dash_segment_type", "mp4"), tmp_path / "manifest.mpd",
    )  # fmt: skip
    report = look(tmp_path)
    assert codes(report) <= {"manifest-bandwidth"}, report.findings
    (rendition,) = report.streams[0].renditions
    (found,) = rendition.codecs
    assert found.split(".")[0] in ("hvc1", "av01", "vp09", "opus")
    if codec != "opus":
        edit("manifest.mpd", 'codecs="', 'codecs="avc1.64001f" x="')(tmp_path)
        assert "codecs-wrong" in codes(look(tmp_path))

"""A packaged set as players see it: read by m3u8, ffprobe and libvips."""

from __future__ import annotations

import asyncio
from pathlib import Path

import m3u8
import pytest
import pyvips

from renditor.testing import media
from renditor.video.ffmpeg import FFmpegVideo
from tests.video.runs import Describe, Made, make


@pytest.fixture(scope="session")
def ladder(provider: FFmpegVideo, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """13 s of 480p at 29.97 frames a second with 5.1 sound: two rungs, three segments."""
    place = tmp_path_factory.mktemp("ladder")
    source = media.video(
        place / "in.mp4", "854x480", 13, "-ac", "6", "-metadata:s:a:0", "language=fra", rate="30000/1001"
    )
    folder = place / "job"
    folder.mkdir()
    return asyncio.run(make(provider, source, folder))


def test_the_master_playlist(ladder: Made) -> None:
    root = ladder.outputs["hls"].path
    master = m3u8.load(str(root / "master.m3u8"))
    assert master.is_independent_segments
    assert [p.stream_info.resolution for p in master.playlists] == [(640, 360), (854, 480)]
    for playlist in master.playlists:
        info = playlist.stream_info
        assert info.codecs.startswith("avc1.64")
        assert info.codecs.endswith(",mp4a.40.2")
        assert info.frame_rate == pytest.approx(29.97)
        assert (info.audio, info.video_range) == ("audio", "SDR")
        video = m3u8.load(str(root / playlist.uri))
        sound = m3u8.load(str(root / "audio" / "index.m3u8"))
        peaks = [_peak(root / playlist.uri, video), _peak(root / "audio" / "x", sound)]
        assert max(peaks[0]) + max(peaks[1]) <= info.bandwidth
        average = (sum(_bits(root / playlist.uri, video)) + sum(_bits(root / "audio" / "x", sound))) / 13
        assert info.average_bandwidth == pytest.approx(average, rel=0.01)
        assert info.average_bandwidth <= info.bandwidth
    (track,) = master.media
    assert (track.type, track.default, track.autoselect, track.language, track.channels) == (
        "AUDIO", "YES", "YES", "fr", "2",
    )  # fmt: skip
    assert [one.iframe_stream_info.resolution for one in master.iframe_playlists] == [(640, 360), (854, 480)]


def _bits(playlist: Path, loaded: m3u8.M3U8) -> list[int]:
    return [(playlist.parent / segment.uri).stat().st_size * 8 for segment in loaded.segments]


def _peak(playlist: Path, loaded: m3u8.M3U8) -> list[float]:
    durations = [segment.duration for segment in loaded.segments]
    return [bits / one for bits, one in zip(_bits(playlist, loaded), durations, strict=True) if one > 3]


def test_segments_lie_at_the_same_times_and_exist(ladder: Made) -> None:
    root = ladder.outputs["hls"].path
    loaded = [m3u8.load(str(root / rung.name / "index.m3u8")) for rung in ladder.plan.rungs]
    durations = [[segment.duration for segment in playlist.segments] for playlist in loaded]
    assert durations[0] == durations[1]
    assert durations[0] == pytest.approx([6.006, 6.006, 1.001], abs=0.002)
    assert all(round(one) <= loaded[0].target_duration for one in durations[0])
    assert loaded[0].is_endlist
    names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_/") for name in names)
    assert {"master.m3u8", "manifest.mpd", "480p/init.mp4", "480p/3.m4s", "audio/1.m4s", "360p/iframe.m3u8"} <= names


def test_key_frames_come_every_two_seconds_in_every_rung(ladder: Made, describe: Describe, tmp_path: Path) -> None:
    found = []
    for rung in ladder.plan.rungs:
        root = ladder.outputs["hls"].path / rung.name
        joined = tmp_path / f"{rung.name}.mp4"
        parts = ["init.mp4", "1.m4s", "2.m4s", "3.m4s"]
        joined.write_bytes(b"".join((root / part).read_bytes() for part in parts))
        packets = describe(joined, "-show_packets")["packets"]
        assert len(packets) == 390
        found.append([float(packet["pts_time"]) for packet in packets if "K" in packet["flags"]])
    assert found[0] == found[1]
    assert found[0] == pytest.approx([2.002 * number for number in range(7)], abs=0.002)


def test_a_key_frame_playlist_names_each_of_them(ladder: Made) -> None:
    root = ladder.outputs["hls"].path / "480p"
    playlist = m3u8.load(str(root / "iframe.m3u8"))
    assert playlist.is_i_frames_only
    assert len(playlist.segments) == 7
    for segment in playlist.segments:
        length, offset = map(int, segment.byterange.split("@"))
        data = (root / segment.uri).read_bytes()[offset : offset + length]
        assert data[4:8] == b"moof"
        assert len(data) == length


def test_the_manifest_for_dash(ladder: Made) -> None:
    text = (ladder.outputs["hls"].path / "manifest.mpd").read_text()
    assert 'type="static"' in text
    assert 'frameRate="30000/1001"' in text
    assert 'lang="fr"' in text
    assert text.count("<Representation") == 3
    assert "http://" not in text.replace("http://www.w3.org", "").replace("http://dashif", "")


def test_each_rung_is_what_players_expect(ladder: Made, describe: Describe, tmp_path: Path) -> None:
    for rung in ladder.plan.rungs:
        root = ladder.outputs["hls"].path / rung.name
        joined = tmp_path / "joined.mp4"
        joined.write_bytes((root / "init.mp4").read_bytes() + (root / "3.m4s").read_bytes())
        (stream,) = describe(joined)["streams"]
        assert (stream["codec_name"], stream["profile"], stream["level"] <= 42) == ("h264", "High", True)
        assert (stream["width"], stream["height"]) == (rung.width, rung.height)
        assert stream["pix_fmt"] == "yuv420p"
        assert stream["color_space"] == stream["color_transfer"] == stream["color_primaries"] == "bt709"
        assert stream["color_range"] == "tv"


def test_the_mp4(ladder: Made, describe: Describe) -> None:
    output = ladder.outputs["mp4"]
    found = describe(output.path, "-show_format")
    video, sound = found["streams"]
    assert (video["codec_name"], video["width"], video["height"], video["nb_frames"]) == ("h264", 854, 480, "390")
    assert (sound["codec_name"], sound["channels"], sound["sample_rate"]) == ("aac", 2, "44100")
    assert float(found["format"]["duration"]) == pytest.approx(13.013, abs=0.05)
    assert abs(float(video["start_time"])) < 0.001
    assert set(found["format"]["tags"]) <= {"major_brand", "minor_version", "compatible_brands"}
    content = output.path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert (output.width, output.height, output.content_type) == (854, 480, "video/mp4")


def test_the_poster(ladder: Made) -> None:
    output = ladder.outputs["poster"]
    picture = pyvips.Image.new_from_file(str(output.path))
    assert (picture.width, picture.height) == (output.width, output.height) == (854, 480)
    assert 40 < picture.avg() < 215


def test_progress_follows_the_encoder(ladder: Made) -> None:
    fractions = [done for done, _ in ladder.progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    encoding = [done for done, stage in ladder.progress if stage == "encoding"]
    assert len(encoding) >= 3
    assert encoding[0] < 0.6
    assert list(dict.fromkeys(stage for _, stage in ladder.progress)) == [
        "encoding", "packaging", "remuxing", "poster", "storyboard", "preview", "completed",
    ]  # fmt: skip


def test_nothing_else_stays(ladder: Made) -> None:
    assert {path.name for path in ladder.folder.iterdir()} == {
        "hls", "video.mp4", "poster.jpg", "storyboard", "preview.webp",
    }  # fmt: skip
    size = sum(path.stat().st_size for path in ladder.outputs["hls"].path.rglob("*") if path.is_file())
    assert ladder.outputs["hls"].bytes == size

"""The programs on real files, in the sandbox: what is described, what is refused, and that nothing is left."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from renditor.errors import (
    CorruptMedia,
    LimitExceeded,
    NoSuchStream,
    ProcessingFailed,
    RenditorError,
    ToolKilled,
    UnsupportedMedia,
)
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import PIPE, Budget, Toolbox
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.testing import media

BUDGET = Budget(seconds=60, file_size=10**8)


def ours() -> list[psutil.Process]:
    """The media programs that descend from this process."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if any(name in process.name() for name in ("ffmpeg", "ffprobe", "packager")):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


async def started() -> psutil.Process:
    """The program, once it runs."""
    for _ in range(250):
        if found := ours():
            return found[0]
        await asyncio.sleep(0.02)
    raise AssertionError("it did not start")


# --- what is described ---


async def test_a_phone_video(toolbox: Toolbox, tmp_path: Path) -> None:
    flat = media.video(tmp_path / "flat.mp4", "128x72", 1, rate="30000/1001")
    media.ffmpeg("-display_rotation", "-90", "-i", flat, "-c", "copy", tmp_path / "phone.mov")
    told = (await toolbox.probe(tmp_path / "phone.mov")).to_json()
    assert told["media_type"] == "video"
    assert (told["format"], told["width"], told["height"], told["rotation"]) == ("mov", 72, 128, 90)
    assert (told["frame_rate"], told["video_codec"], told["audio_codec"]) == (29.97, "h264", "aac")
    assert (told["channels"], told["hdr"], told["bit_depth"]) == (1, None, 8)
    assert told["duration"] == pytest.approx(1.0, abs=0.05)
    assert told["bitrate"] > 10_000


@pytest.mark.parametrize(
    ("name", "options"),
    [("live.mkv", ["-live", "1"]), ("live.flv", ["-flvflags", "no_duration_filesize"]), ("x.ts", [])],
)
async def test_a_missing_duration_is_measured(toolbox: Toolbox, tmp_path: Path, name: str, options: list[str]) -> None:
    """As a browser or a broadcaster records: the header cannot be completed at the end."""
    source = media.video(tmp_path / "in.mp4", "64x36", 2)
    media.ffmpeg("-i", source, "-c", "copy", *options, tmp_path / name)
    probe = await toolbox.probe(tmp_path / name)
    assert probe.measured
    assert probe.video
    assert probe.video.frames == 50
    assert probe.duration == pytest.approx(2.0, abs=0.08)


async def test_a_song_with_a_cover_is_audio(toolbox: Toolbox, tmp_path: Path) -> None:
    media.photo(tmp_path / "cover.jpg", 64, 64)
    media.song(tmp_path / "plain.mp3", 1)
    cover = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic", "-metadata", "title=T")
    media.ffmpeg("-i", tmp_path / "plain.mp3", "-i", tmp_path / "cover.jpg", *cover, tmp_path / "song.mp3")
    probe = await toolbox.probe(tmp_path / "song.mp3")
    assert (probe.media_type, probe.video, probe.format) == ("audio", None, "mp3")
    assert probe.cover is not None
    assert probe.tags["title"] == "T"


# --- what is refused ---


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
        "ffconcat version 1.0\nfile sibling.mp4\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "<?xml version='1.0'?><MPD/>",
        "<html><body>hello</body></html>",
        "\N{BYTE ORDER MARK}caf\N{LATIN SMALL LETTER E WITH ACUTE} " * 200,
    ],
)
async def test_text_under_a_video_name_is_not_media(toolbox: Toolbox, tmp_path: Path, text: str) -> None:
    path = tmp_path / "film.mp4"
    path.write_text(text)
    with pytest.raises(UnsupportedMedia):
        await toolbox.probe(path)


@pytest.mark.parametrize("name", ["list.m3u8", "list.ffconcat", "text.mp4"])
async def test_playlists_that_do_not_begin_as_text_open_nothing(toolbox: Toolbox, tmp_path: Path, name: str) -> None:
    """The allow-list of demuxers stands behind the look at the first bytes."""
    media.video(tmp_path / "sibling.mp4", "64x36", 1)
    content = {"list.ffconcat": b"ffconcat version 1.0\nfile sibling.mp4\n"}.get(
        name, b"#EXTM3U\n#EXTINF:1,\nsibling.mp4\n"
    )
    path = tmp_path / name
    path.write_bytes(content + b"\x00" * 600 if name != "text.mp4" else b"\x01" + content)
    with pytest.raises((UnsupportedMedia, CorruptMedia)):
        await toolbox.probe(path)


@pytest.mark.parametrize("name", ["film.mkv", "film.ts", "film.flv", "film.mpg"])
async def test_a_file_of_which_half_is_noise(toolbox: Toolbox, tmp_path: Path, name: str) -> None:
    """Readers of these containers look for the next place that makes sense, and say nothing at the end."""
    codecs = {"film.mpg": ("-c:v", "mpeg2video", "-c:a", "mp2")}
    path = media.video(tmp_path / name, "64x36", 12, *codecs.get(name, ("-g", "25")))
    data = bytearray(path.read_bytes())
    first, last = len(data) // 4, 3 * len(data) // 4
    data[first:last] = random.Random(1).randbytes(last - first)
    path.write_bytes(data)
    with pytest.raises(CorruptMedia, match="damaged: its pictures cannot be read for"):
        await toolbox.probe(path)


@pytest.mark.parametrize("name", ["film.mkv", "film.ts"])
async def test_a_short_glitch_is_no_reason_to_refuse(toolbox: Toolbox, tmp_path: Path, name: str) -> None:
    path = media.video(tmp_path / name, "64x36", 12, "-g", "25", "-cluster_time_limit", "1000")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = random.Random(1).randbytes(400)
    path.write_bytes(data)
    probe = await toolbox.probe(path)
    assert probe.video is not None
    assert 230 <= (probe.video.frames or 0) < 300


@pytest.mark.parametrize("name", ["film.mkv", "film.ts", "film.flv"])
async def test_frames_that_come_seldom_are_no_damage(toolbox: Toolbox, tmp_path: Path, name: str) -> None:
    seldom = ("-vf", "select='lt(mod(t,6),1)'", "-fps_mode", "vfr")
    probe = await toolbox.probe(media.video(tmp_path / name, "64x36", 14, *seldom))
    assert probe.video is not None
    assert probe.video.frames == 75


async def test_an_empty_file(toolbox: Toolbox, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(CorruptMedia) as caught:
        await toolbox.probe(tmp_path / "empty.mp4")
    assert caught.value.error_code == "empty-file"


async def test_a_file_without_its_index(toolbox: Toolbox, tmp_path: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", "64x36", 1).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptMedia, match="index"):
        await toolbox.probe(tmp_path / "cut.mp4")


async def test_a_matroska_file_that_ends_early(toolbox: Toolbox, tmp_path: Path) -> None:
    whole = media.video(tmp_path / "whole.mkv", "64x36", 4).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptMedia, match="incomplete"):
        await toolbox.probe(tmp_path / "cut.mkv")


async def test_a_video_of_8192_squared_is_refused_at_once(toolbox: Toolbox, tmp_path: Path) -> None:
    media.video(tmp_path / "huge.mp4", "8192x8192", 0.04, "-frames:v", "1", sound=False)
    started = time.perf_counter()
    with pytest.raises(LimitExceeded):
        await toolbox.probe(tmp_path / "huge.mp4")
    assert time.perf_counter() - started < 1


async def test_a_claim_of_days_is_refused(toolbox: Toolbox, tmp_path: Path) -> None:
    stretch = ("-vf", "setpts=N*20000/TB", "-fps_mode", "passthrough")
    media.video(tmp_path / "gap.mp4", "64x36", 10, *stretch, rate="1", sound=False)
    with pytest.raises(LimitExceeded, match="seconds long"):
        await toolbox.probe(tmp_path / "gap.mp4")


async def test_a_stream_without_packets(toolbox: Toolbox, tmp_path: Path) -> None:
    header = media.song(tmp_path / "tone.wav", 1).read_bytes()[:78]
    (tmp_path / "silent.wav").write_bytes(header)
    with pytest.raises((NoSuchStream, CorruptMedia)):
        await toolbox.probe(tmp_path / "silent.wav")


async def test_the_samples(toolbox: Toolbox, shared_media: Path) -> None:
    refused = {
        "made_8k_bomb.mp4": LimitExceeded,
        "made_dash_ssrf.mp4": UnsupportedMedia,
        "made_sdp.mp4": UnsupportedMedia,
        "made_hls_abs.m3u8": UnsupportedMedia,
        "made_empty.mp4": CorruptMedia,
        "made_truncated.mp4": CorruptMedia,
        "exo_invalid-bitstream.webm": CorruptMedia,
        "vhs_mp4Captions.mp4": CorruptMedia,
        "mp4p_test_case_1185230.mp4": CorruptMedia,
    }
    for name, kind in refused.items():
        with pytest.raises(kind):
            await toolbox.probe(shared_media / name)
    accepted = {
        "bigbuckbunny.mp4": (1280, 720, 6),
        "exo_h265_with_metadata_track.mp4": (1080, 1920, 2),
        "mp4p_h264_white_frame_sar_16_9.mp4": (1138, 480, None),
        "exo_video_desks.3gp": (384, 288, 1),
        "exo_bear_with_picture.flac": (None, None, 2),
    }
    for name, expected in accepted.items():
        told = (await toolbox.probe(shared_media / name)).to_json()
        assert (told["width"], told["height"], told["channels"]) == expected


# --- the sandbox ---


async def test_a_run_reads_its_source_and_nothing_else(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    given = media.song(tmp_path / "given.wav", 0.2)
    other = media.song(tmp_path / "other.wav", 0.2)
    await toolbox.ffmpeg([*toolbox.open(given), "out.wav"], folder=folder, budget=BUDGET, reads=(given,))
    assert (folder / "out.wav").stat().st_size > 1000
    with pytest.raises(RenditorError):
        await toolbox.ffmpeg([*toolbox.open(other), "stolen.wav"], folder=folder, budget=BUDGET, reads=(given,))
    assert not (folder / "stolen.wav").exists()


async def test_a_run_writes_into_its_folder_and_nowhere_else(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    given = media.song(tmp_path / "given.wav", 0.2)
    before = given.read_bytes()
    for target in (given, tmp_path / "outside.wav"):
        with pytest.raises(RenditorError) as caught:
            await toolbox.ffmpeg([*toolbox.open(given), str(target)], folder=folder, budget=BUDGET, reads=(given,))
        assert str(tmp_path) not in caught.value.detail
    assert given.read_bytes() == before
    assert not (tmp_path / "outside.wav").exists()


async def test_cancelling_kills(toolbox: Toolbox, folder: Path) -> None:
    endless = ["-re", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-f", "null", "-"]
    task = asyncio.create_task(toolbox.ffmpeg(endless, folder=folder, budget=BUDGET))
    running = await started()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not running.is_running()


async def test_a_run_that_takes_too_long_is_killed(toolbox: Toolbox, folder: Path) -> None:
    endless = ["-re", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-f", "null", "-"]
    with pytest.raises(LimitExceeded, match="budget of time"):
        await toolbox.ffmpeg(endless, folder=folder, budget=Budget(seconds=0.5, file_size=0))
    assert not ours()


async def test_a_run_that_computes_too_much_is_killed(toolbox: Toolbox, folder: Path) -> None:
    endless = ["-f", "lavfi", "-i", "testsrc2=s=640x360", "-vf", "gblur=20", "-f", "null", "-"]
    with pytest.raises(LimitExceeded, match="budget of processor time"):
        await toolbox.ffmpeg(endless, folder=folder, budget=Budget(seconds=60, file_size=0, cpu_seconds=1))
    assert not ours()


async def test_a_run_that_makes_too_many_frames_is_killed(toolbox: Toolbox, folder: Path) -> None:
    """Ten frames, hours apart, whose gaps are filled with copies."""
    stretch = ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=1:d=10", "-vf", "setpts=N*20000/TB"]
    filled = [*stretch, "-fps_mode", "cfr", "-r", "25", "-f", "null", "-"]
    with pytest.raises(LimitExceeded, match="budget of frames"):
        await toolbox.ffmpeg(filled, folder=folder, budget=Budget(seconds=60, file_size=0, frames=2000))
    assert not ours()


async def test_killed_from_outside_is_not_the_fault_of_the_file(toolbox: Toolbox, folder: Path) -> None:
    endless = ["-re", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-f", "null", "-"]
    task = asyncio.create_task(toolbox.ffmpeg(endless, folder=folder, budget=BUDGET))
    os.kill((await started()).pid, signal.SIGKILL)
    with pytest.raises(ToolKilled) as caught:
        await task
    assert caught.value.error_code == "tool-killed"


async def test_a_file_larger_than_the_budget_is_not_written(toolbox: Toolbox, folder: Path) -> None:
    large = ["-f", "lavfi", "-i", "testsrc2=s=640x360:d=10", "-c:v", "rawvideo", "out.avi"]
    with pytest.raises(LimitExceeded, match="budget of output size"):
        await toolbox.ffmpeg(large, folder=folder, budget=Budget(seconds=30, file_size=100_000))
    assert (folder / "out.avi").stat().st_size <= 100_000


async def test_memory_is_limited(toolbox: Toolbox, folder: Path) -> None:
    poor = Toolbox(toolbox._launcher, toolbox.binaries, FFmpegSettings(memory=600 * 1024**2))
    large = ["-f", "lavfi", "-i", "testsrc2=s=3840x2160:d=4", "-vf", "reverse", "-f", "null", "-"]
    with pytest.raises(LimitExceeded, match="budget of memory"):
        await poor.ffmpeg(large, folder=folder, budget=BUDGET)


async def test_a_crash_is_told(toolbox: Toolbox, folder: Path) -> None:
    endless = ["-re", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-f", "null", "-"]
    task = asyncio.create_task(toolbox.ffmpeg(endless, folder=folder, budget=BUDGET))
    os.kill((await started()).pid, signal.SIGSEGV)
    with pytest.raises(ProcessingFailed, match="SIGSEGV"):
        await task


async def test_totals_and_progress(toolbox: Toolbox, folder: Path) -> None:
    seen: list[float] = []
    picture = ["-f", "lavfi", "-i", "testsrc2=s=320x180:d=4", "-c:v", "libx264", "-preset", "ultrafast", "out.mp4"]
    reader = ProgressReader(4.0, seen.append)
    await toolbox.ffmpeg(picture, folder=folder, budget=BUDGET, progress=reader)
    assert reader.frames == 100
    assert reader.seconds == pytest.approx(4.0, abs=0.1)
    assert seen[-1] == 1.0


async def test_a_stream_comes_whole_and_nothing_can_be_written(toolbox: Toolbox, tmp_path: Path) -> None:
    source = media.song(tmp_path / "in.wav", 2, "-ar", "44100")
    taken: list[bytes] = []
    arguments = [*toolbox.open(source), "-f", "s16le", PIPE]
    await toolbox.stream(arguments, budget=BUDGET, reads=(source,), take=taken.append)
    assert b"".join(taken) == source.read_bytes()[-2 * 44100 * 4 :]
    assert max(map(len, taken)) <= 65536
    with pytest.raises(RenditorError):
        await toolbox.stream(
            [*arguments, str(tmp_path / "out.wav")], budget=BUDGET, reads=(source,), take=lambda _: None
        )
    assert not (tmp_path / "out.wav").exists()


async def test_who_takes_a_stream_can_end_it(toolbox: Toolbox) -> None:
    def refuse(_: bytes) -> None:
        raise LimitExceeded("enough")

    endless = ["-f", "lavfi", "-i", "sine", "-f", "s16le", PIPE]
    with pytest.raises(LimitExceeded, match="enough"):
        await toolbox.stream(endless, budget=BUDGET, reads=(), take=refuse)
    assert ours() == []


async def test_a_source_that_is_gone(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    missing = tmp_path / "missing.mp4"
    with pytest.raises(ProcessingFailed, match="gone"):
        await toolbox.probe(missing)
    with pytest.raises(ProcessingFailed, match="gone"):
        await toolbox.ffmpeg(toolbox.open(missing), folder=folder, budget=BUDGET, reads=(missing,))


async def test_who_looks_too_long_is_told_by_which_setting(toolbox: Toolbox, tmp_path: Path) -> None:
    source = media.video(tmp_path / "slow.mp4", "160x90", 1)
    hurried = Toolbox(toolbox._launcher, toolbox.binaries, FFmpegSettings(probe_timeout=0.001))
    with pytest.raises(LimitExceeded) as caught:
        await hurried.probe(source)
    assert "ffmpeg.probe_timeout" in (caught.value.hint or "")


async def test_what_a_program_says_of_a_file_for_the_first_time_is_damage(toolbox: Toolbox, tmp_path: Path) -> None:
    """No message of a program that nobody has seen yet may become a fault of the server."""
    path = tmp_path / "film.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01\n#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")
    with pytest.raises(CorruptMedia):
        await toolbox.probe(path)

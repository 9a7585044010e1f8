"""Packaging of every kind of plan: many tracks, sound alone, a copied rung, a set that grows, odd lengths."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import imageio_ffmpeg
import m3u8
import numpy as np
import pytest

from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video import verify
from renditor.video.check.checker import Report, check
from renditor.video.check.reading import FolderReader
from renditor.video.plan import VideoPlan
from renditor.video.plan import plan as make_plan
from renditor.video.streams.manifests import NAMESPACE
from renditor.video.streams.package import package
from tests.video.encoding import encode, remux

NAMES = {"": NAMESPACE}
FLASHES = (1.0, 3.0, 5.0, 7.0)  # seconds


async def made(toolbox: Toolbox, source: Path, folder: Path) -> tuple[VideoPlan, Report]:
    """Planned, encoded, packaged and checked as a run does it; and what the checker says of it."""
    plan = make_plan(await toolbox.probe(source), "instant", ("hls",))
    await encode(toolbox, plan, source, folder)
    encoded = await verify.check_encoded(plan, folder, toolbox)
    await package(plan, folder, toolbox)
    await verify.check_set(plan, encoded, folder, "hls", toolbox)
    if plan.rungs:
        await remux(toolbox, plan, folder)
        await verify.check_progressive(plan, encoded, folder, "video.mp4", toolbox)
    return plan, await check(FolderReader(folder / "hls"))


async def test_many_sound_tracks(toolbox: Toolbox, folder: Path, tmp_path: Path) -> None:
    plain = media.video(tmp_path / "plain.mp4", "320x180", 2)
    titles = [("eng", "Main"), ("deu", ""), ("eng", "Director's talk & more"), ("", "")]
    maps = [part for _ in titles for part in ("-map", "0:a")]
    for number, (language, title) in enumerate(titles):
        maps += [f"-metadata:s:a:{number}", f"language={language}", f"-metadata:s:a:{number}", f"handler_name={title}"]
        maps += [f"-metadata:s:a:{number}", f"title={title}"]
    media.ffmpeg("-i", plain, "-map", "0:v", *maps, "-c", "copy", tmp_path / "in.mkv")
    plan, report = await made(toolbox, tmp_path / "in.mkv", folder)
    assert {finding.code for finding in report.findings} <= {"no-language"}
    master = m3u8.load(str(folder / "hls/master.m3u8"))
    found = [(one.name, one.language, one.default, one.autoselect, one.channels) for one in master.media]
    assert found == [
        ("Main", "en", "YES", "YES", "2"),
        ("German", "de", "NO", "YES", "2"),
        ("Director's talk & more", "en", "NO", "YES", "2"),
        ("Main 2", None, "NO", "YES", "2"),
    ]
    assert [one.uri for one in master.media] == [f"{track.name}/index.m3u8" for track in plan.audio]
    sets = ET.parse(folder / "hls/manifest.mpd").findall(".//AdaptationSet[@contentType='audio']", NAMES)
    assert [(one.get("lang"), one.findtext("Label", "", NAMES)) for one in sets] == [
        ("en", "Main"), ("de", "German"), ("en", "Director's talk & more"), (None, "Main 2"),
    ]  # fmt: skip
    roles = [role.get("value") for one in sets for role in one.findall("Role", NAMES)]
    assert roles == ["main", "dub", "alternate", "dub"]
    assert all(len(one.findall("Representation", NAMES)) == 1 for one in sets)


async def test_sound_alone(toolbox: Toolbox, folder: Path, tmp_path: Path) -> None:
    """Two bit rates of one track are two variants, and one AdaptationSet."""
    song = media.song(tmp_path / "song.mp3", 8)
    plan, report = await made(toolbox, song, folder)
    assert plan.picture is None
    assert report.findings == ()
    master = m3u8.load(str(folder / "hls/master.m3u8"))
    assert [one.uri for one in master.playlists] == ["audio-64k/index.m3u8", "audio/index.m3u8"]
    assert [one.stream_info.codecs for one in master.playlists] == ["mp4a.40.2", "mp4a.40.2"]
    low, high = (one.stream_info.average_bandwidth for one in master.playlists)
    assert low < 80_000
    assert high > 100_000
    assert (master.media, master.iframe_playlists) == ([], [])
    (only,) = ET.parse(folder / "hls/manifest.mpd").findall(".//AdaptationSet", NAMES)
    assert len(only.findall("Representation", NAMES)) == 2


async def test_a_copied_rung(toolbox: Toolbox, folder: Path, tmp_path: Path) -> None:
    """Its key frames lie unevenly; the segments of all rungs begin there."""
    keys = ("-force_key_frames", "0,1.6,3.4,5.2,7.2,9", "-x264-params", "scenecut=0:open-gop=0:keyint=1000")
    source = media.video(tmp_path / "in.mp4", "480x480", 10, "-preset", "medium", *keys)
    probe = await toolbox.probe(source)
    plan = make_plan(probe, "instant", ("hls",))
    times = (0.0, 1.6, 3.4, 5.2, 7.2, 9.0)
    plan = replace(plan, rungs=(replace(plan.rungs[0], copied=True), *plan.rungs[1:]), key_frames=times)
    await encode(toolbox, plan, source, folder)
    encoded = await verify.check_encoded(plan, folder, toolbox)
    assert encoded.frames == 250
    await package(plan, folder, toolbox)
    await verify.check_set(plan, encoded, folder, "hls", toolbox)
    lists = [m3u8.load(str(folder / "hls" / rung.name / "index.m3u8")) for rung in plan.rungs]
    durations = [[segment.duration for segment in one.segments] for one in lists]
    assert durations[0] == durations[1] == [7.2, 2.8]
    assert [one.target_duration for one in lists] == [7, 7]


async def test_a_set_that_grows(toolbox: Toolbox, folder: Path, tmp_path: Path) -> None:
    """The smallest rung is packaged first; its files and those of the sound are the same afterwards."""
    source = media.video(tmp_path / "in.mp4", "480x480", 8)
    plan = make_plan(await toolbox.probe(source), "instant", ("hls",))
    first = replace(plan, rungs=plan.rungs[-1:])
    await encode(toolbox, first, source, folder)
    encoded = await verify.check_encoded(first, folder, toolbox)
    await package(first, folder, toolbox)
    await verify.check_set(first, encoded, folder, "hls", toolbox)
    root = folder / "hls"
    before = {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    master = m3u8.load(str(root / "master.m3u8"))
    assert [one.uri for one in master.playlists] == ["360p/index.m3u8"]
    await encode(toolbox, replace(plan, rungs=plan.rungs[:-1], audio=()), source, folder)
    await package(plan, folder, toolbox)
    await verify.check_set(plan, await verify.check_encoded(plan, folder, toolbox), folder, "hls", toolbox)
    after = {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert set(before) < set(after)
    changed = {str(name) for name, content in before.items() if after[name] != content}
    assert changed == {"master.m3u8", "manifest.mpd"}


@pytest.mark.parametrize(
    ("seconds", "options", "rate"),
    [
        (0.1, (), "25"),
        (0.04, (), "25"),
        (0.5, (), "30000/1001"),
        (6.04, (), "25"),  # the last segment has one frame
        (12, ("-vf", "select='not(mod(n,50))'", "-fps_mode", "vfr"), "25"),  # a frame every two seconds
        (31, ("-vf", "select='eq(n,0)+eq(n,3)+eq(n,700)'", "-fps_mode", "vfr"), "25"),
    ],
    ids=["a tenth", "one frame", "half", "one frame too many", "slides", "sparse"],
)
@pytest.mark.parametrize("sound", [True, False], ids=["sound", "mute"])
async def test_odd_lengths_pass_honestly(
    seconds: float, options: tuple[str, ...], rate: str, sound: bool, toolbox: Toolbox, folder: Path, tmp_path: Path
) -> None:
    source = media.video(tmp_path / "in.mp4", "160x90", seconds, *options, rate=rate, sound=sound)
    _, report = await made(toolbox, source, folder)
    assert report.findings == ()


@pytest.fixture(scope="session")
def flashing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Black and silent but for one white frame and one short tone at each of ``FLASHES``; B-frames, AAC priming."""
    path = tmp_path_factory.mktemp("flashing") / "in.mp4"
    on = "+".join(f"between(t,{at - 0.001},{at + 0.039})" for at in FLASHES)
    media.ffmpeg(
        *("-f", "lavfi", "-i", "color=black:size=480x480:rate=25:duration=9"),
        *("-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=48000:duration=9"),
        *("-vf", f"drawbox=color=white:t=fill:enable='{on}'", "-af", f"volume='{on}':eval=frame:precision=double"),
        *("-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p", "-c:a", "aac", path),
    )
    return path


def decoded(path: Path, *arguments: str) -> np.ndarray:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-copyts", "-i", str(path), *arguments, "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8)


def flashes(path: Path) -> list[float]:
    """When the picture becomes white, in seconds on the time line of the file."""
    data = decoded(path, "-vf", "fps=25:start_time=0,scale=8:8,format=gray", "-f", "rawvideo")
    bright = data.reshape(-1, 64).mean(axis=1) > 128
    return [float(number) / 25 for number in np.flatnonzero(bright & ~np.roll(bright, 1))]


def beeps(path: Path) -> list[float]:
    """When a tone begins, in seconds on the time line of the file."""
    sound = ("-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-f", "s16le")
    loud = np.abs(decoded(path, *sound).view(np.int16).astype(float)) > 1000
    starts = np.flatnonzero(loud)
    starts = starts[np.diff(starts, prepend=-48_000) > 4800]
    return [float(start) / 48_000 for start in starts]


async def test_pictures_and_sound_stay_together(flashing: Path, toolbox: Toolbox, folder: Path, tmp_path: Path) -> None:
    """From one segment to the next, in every rung."""
    assert flashes(flashing) == list(FLASHES)
    assert beeps(flashing) == pytest.approx(FLASHES, abs=0.025)
    plan, _ = await made(toolbox, flashing, folder)
    assert len(plan.rungs) == 2
    for name in [*(rung.name for rung in plan.rungs), "audio"]:
        root = folder / "hls" / name
        joined = tmp_path / f"{name}.mp4"
        joined.write_bytes(b"".join((root / part).read_bytes() for part in ("init.mp4", "1.m4s", "2.m4s")))
        if name == "audio":
            assert beeps(joined) == pytest.approx(FLASHES, abs=0.025)
        else:
            assert flashes(joined) == list(FLASHES)


async def test_a_later_segment_keeps_its_time(flashing: Path, toolbox: Toolbox, folder: Path, tmp_path: Path) -> None:
    """As a player sees it that was sent to 6 s: nothing before has been loaded."""
    plan, _ = await made(toolbox, flashing, folder)
    for name in (plan.rungs[0].name, "audio"):
        root = folder / "hls" / name
        joined = tmp_path / f"{name}.mp4"
        joined.write_bytes((root / "init.mp4").read_bytes() + (root / "2.m4s").read_bytes())
        found = beeps(joined) if name == "audio" else flashes(joined)
        assert found == pytest.approx(FLASHES[-1:], abs=0.025)


def test_two_packagings_are_the_same(toolbox: Toolbox, folder: Path, tmp_path: Path) -> None:
    """Nothing of the moment or of the machine goes into a set."""
    source = media.video(tmp_path / "in.mp4", "160x90", 3)

    async def run() -> VideoPlan:
        plan = make_plan(await toolbox.probe(source), "instant", ("hls",))
        await encode(toolbox, plan, source, folder)
        await package(plan, folder, toolbox)
        shutil.move(folder / "hls", tmp_path / "first")
        await package(plan, folder, toolbox)
        return plan

    asyncio.run(run())
    for path in (tmp_path / "first").rglob("*.*"):
        assert (folder / "hls" / path.relative_to(tmp_path / "first")).read_bytes() == path.read_bytes()

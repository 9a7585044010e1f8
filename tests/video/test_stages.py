"""Runs of plans with everything in them: several languages, captions, chapters, copied rungs, the first one early."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renditor.errors import ProcessingFailed
from renditor.models import Output
from renditor.testing import media
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.plan import VideoPlan
from renditor.video.plan import plan as make_plan
from renditor.video.stages import OnFraction, Stage, run_stages
from renditor.video.steps import Step
from renditor.video.streams.playlists import parse_master
from tests.video.films import SECONDS, beginnings, blinks, film, frames, loudness
from tests.video.runs import Describe, names

STEPS = (
    Step(short_side=180, crf=26, maxrate=900_000),
    Step(short_side=120, crf=26, maxrate=500_000),
    Step(short_side=80, crf=26, maxrate=300_000),
)


@dataclass
class Run:
    """A finished run; ``early`` is what was there when the first set was made known, by name of the file."""

    plan: VideoPlan
    source: Path
    folder: Path
    outputs: dict[str, Output]
    early: dict[str, bytes]
    progress: list[tuple[float, str]]


async def run(provider: FFmpegVideo, plan: VideoPlan, source: Path, folder: Path) -> Run:
    early: dict[str, bytes] = {}
    progress: list[tuple[float, str]] = []

    async def on_playable(output: Output) -> None:
        early.update(files(output.path))

    outputs = await provider.run(plan, source, folder, lambda *told: progress.append(told), on_playable)
    return Run(plan, source, folder, {output.kind: output for output in outputs}, early, progress)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def copied(provider: FFmpegVideo, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The largest rung is the source itself, with B-frames; the smallest is made known first."""
    place = tmp_path_factory.mktemp("copied")
    source = film(place)
    (place / "job").mkdir()

    async def make() -> Run:
        probe = await provider.probe(source, key_frames=True)
        plan = replace(make_plan(probe, "instant", steps=STEPS), first_playable=True)
        return await run(provider, plan, source, place / "job")

    return asyncio.run(make())


def test_everything_that_was_planned_is_there(copied: Run) -> None:
    assert set(copied.outputs) == {"hls", "mp4", "poster", "storyboard", "preview", "chapters"}
    assert names(copied.folder) == ["chapters.vtt", "hls", "poster.jpg", "preview.webp", "storyboard", "video.mp4"]
    for output in copied.outputs.values():
        assert output.bytes > 0
        assert output.path.exists()


def test_the_first_rung_stays_as_it_was_made_known(copied: Run) -> None:
    late = files(copied.outputs["hls"].path)
    assert {name.partition("/")[0] for name in copied.early} == {
        "80p", "audio", "audio-de", "text-en", "master.m3u8", "manifest.mpd",
    }  # fmt: skip
    grown = {name for name, content in copied.early.items() if late[name] != content}
    assert grown == {"master.m3u8", "manifest.mpd"}
    early = parse_master(copied.early["master.m3u8"].decode())
    assert [entry.uri for entry in early.variants] == ["80p/index.m3u8"]
    assert len(early.media) == 3
    whole = parse_master(late["master.m3u8"].decode())
    assert [entry.uri for entry in whole.variants] == [f"{name}/index.m3u8" for name in ("80p", "120p", "180p")]


def test_progress_never_goes_back_over_two_encodes(copied: Run) -> None:
    fractions = [done for done, _ in copied.progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert list(dict.fromkeys(stage for _, stage in copied.progress)) == [
        "captions", "encoding", "packaging", "publishing", "remuxing", "poster", "storyboard", "preview", "chapters",
        "completed",
    ]  # fmt: skip


def joined(root: Path, track: str, place: Path) -> Path:
    """All segments of a track in one file, as a player has them."""
    made = place / f"{track}.mp4"
    count = len(list((root / track).glob("*.m4s")))
    parts = [root / track / name for name in ("init.mp4", *(f"{number}.m4s" for number in range(1, count + 1)))]
    made.write_bytes(b"".join(part.read_bytes() for part in parts))
    return made


def packets(describe: Describe, path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = describe(path, "-show_packets", "-select_streams", "v:0")["packets"]
    return sorted(found, key=lambda packet: float(packet["pts_time"]))


def test_all_rungs_have_their_frames_at_the_same_times(copied: Run, describe: Describe, tmp_path: Path) -> None:
    root = copied.outputs["hls"].path
    found = {rung.name: packets(describe, joined(root, rung.name, tmp_path)) for rung in copied.plan.rungs}
    times = {name: [round(float(packet["pts_time"]), 4) for packet in one] for name, one in found.items()}
    assert times["180p"] == times["120p"] == times["80p"] == [round(number / 25, 4) for number in range(SECONDS * 25)]
    keys = {
        name: [round(float(packet["pts_time"]), 2) for packet in one if packet["flags"].startswith("K")]
        for name, one in found.items()
    }
    assert keys["180p"] == [0.0, 1.4, 3.2, 5.08]
    assert keys["120p"] == keys["80p"] == [0.0, 3.2, 5.08]


def test_copied_pictures_are_those_of_the_source(copied: Run, tmp_path: Path) -> None:
    assert [rung.copied for rung in copied.plan.rungs] == [True, False, False]
    root = copied.outputs["hls"].path
    source = frames(copied.source)
    assert np.array_equal(frames(joined(root, "180p", tmp_path)), source)
    # The same moment in the others: the test picture has a counter, so that a frame more or less would show.
    for name in ("120p", "80p"):
        small = frames(joined(root, name, tmp_path))
        errors = [float(np.abs(small[75].astype(int) - source[number]).mean()) for number in range(70, 81)]
        assert int(np.argmin(errors)) == 5


def test_copied_pictures_say_nothing_of_their_encoder(copied: Run, describe: Describe, tmp_path: Path) -> None:
    source = copied.source.read_bytes()
    path = joined(copied.outputs["hls"].path, "180p", tmp_path)
    assert b"x264 - core" in source
    assert b"x264 - core" not in path.read_bytes()
    (stream,) = describe(path)["streams"]
    assert (stream["sample_aspect_ratio"], stream["color_space"], stream["color_range"]) == ("1:1", "bt709", "tv")


def test_captions_of_the_source_are_in_the_set(copied: Run) -> None:
    root = copied.outputs["hls"].path
    text = (root / "text-en" / "captions.vtt").read_text()
    assert "00:00:01.000 --> 00:00:03.000\n<b>Good</b> evening" in text
    (track,) = copied.outputs["hls"].metadata["captions"]
    assert (track["name"], track["language"]) == ("text-en", "en")
    assert "Dawn" in (copied.folder / "chapters.vtt").read_text()


def test_the_mp4_has_every_language(copied: Run, describe: Describe) -> None:
    streams = describe(copied.outputs["mp4"].path)["streams"]
    assert [stream["codec_type"] for stream in streams] == ["video", "audio", "audio"]
    assert [stream["tags"]["language"] for stream in streams[1:]] == ["eng", "deu"]
    assert [stream["disposition"]["default"] for stream in streams] == [1, 1, 0]


# --- sound alone ---


async def test_sound_alone_in_two_bit_rates(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path
) -> None:
    source = media.song(tmp_path / "song.flac", 7)
    plan = make_plan(await provider.probe(source), outputs=("hls",))
    done = await run(provider, plan, source, folder)
    root = done.outputs["hls"].path
    assert done.outputs["hls"].width is None
    assert done.early == {}
    assert sorted(path.name for path in root.iterdir()) == ["audio", "audio-64k", "manifest.mpd", "master.m3u8"]
    rates = [int(describe(joined(root, name, tmp_path))["streams"][0]["bit_rate"]) for name in ("audio", "audio-64k")]
    assert rates[0] > 1.4 * rates[1]
    master = parse_master((root / "master.m3u8").read_text())
    assert [entry.get("CODECS") for entry in master.variants] == ["mp4a.40.2", "mp4a.40.2"]


# --- pictures and sound stay together ---


@pytest.mark.parametrize("copy", [True, False], ids=["copied", "encoded"])
async def test_sound_and_pictures_stay_together(
    provider: FFmpegVideo, tmp_path: Path, folder: Path, *, copy: bool
) -> None:
    source = blinks(tmp_path)
    plan = make_plan(await provider.probe(source, key_frames=copy), "instant", ("hls", "mp4"), steps=STEPS[:2])
    assert plan.rungs[0].copied == copy
    done = await run(provider, plan, source, folder)
    assert beginnings(loudness(done.outputs["mp4"].path), 8000) == pytest.approx([1, 3, 5], abs=0.02)
    for path in (
        done.outputs["mp4"].path,
        *(joined(done.outputs["hls"].path, rung.name, tmp_path) for rung in plan.rungs),
    ):
        assert beginnings(frames(path).mean(axis=(1, 2)), 25) == [1, 3, 5]


# --- stages ---


async def test_progress_is_that_of_all_stages() -> None:
    async def work(report: OnFraction) -> None:
        report(0.5)
        report(1.0)

    told: list[tuple[float, str]] = []
    await run_stages([Stage("a", 3, work), Stage("b", 1, work)], lambda *one: told.append(one))
    assert told == [(0, "a"), (0.375, "a"), (0.75, "a"), (0.75, "b"), (0.875, "b"), (1.0, "b")]


async def test_who_takes_the_first_set_may_fail(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "320x180", 1)
    plan = replace(make_plan(await provider.probe(source), "instant", ("hls",), steps=STEPS), first_playable=True)

    async def refuse(_: Output) -> None:
        raise ProcessingFailed("The job had ended meanwhile.")

    with pytest.raises(ProcessingFailed, match="had ended"):
        await provider.run(plan, source, folder, lambda *_: None, refuse)
    assert names(folder) == []


async def test_nobody_takes_the_first_set(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "320x180", 1)
    plan = replace(make_plan(await provider.probe(source), "instant", ("hls",), steps=STEPS), first_playable=True)
    encodings = [command for command in provider.commands(plan, source) if command.stage == "encoding"]
    assert len(encodings) == 1
    (output,) = await provider.run(plan, source, folder, lambda *_: None)
    assert len(output.metadata["rungs"]) == 3

"""The check of results finds what is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from renditor.audio.commands import Decided, Mix
from renditor.audio.ffmpeg import FFmpegAudio
from renditor.audio.formats import AudioFormat
from renditor.audio.plan import AudioPlan, plan_audio
from renditor.audio.verify import check, expect_length
from renditor.errors import CorruptMedia, ProcessingFailed, RenditorError
from renditor.ffmpeg.run import Toolbox
from renditor.testing import media

DECIDED = Decided(0.0, None, {2: Mix(2)})


def blank(path: Path, start: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:start] + bytes(len(content) - start))


@pytest.fixture
async def plan(provider: FFmpegAudio, tmp_path: Path) -> AudioPlan:
    source = media.song(tmp_path / "in.wav", 2, "-ar", "44100")
    return plan_audio(await provider.probe(source), [AudioFormat("flac")])


@pytest.fixture
def flac(folder: Path) -> Path:
    (folder / "work").mkdir()
    return folder / "audio.flac"


async def test_what_is_right_passes(plan: AudioPlan, flac: Path, folder: Path, toolbox: Toolbox) -> None:
    media.song(flac, 2, "-ar", "44100")
    checked = await check(plan, plan.files[0], DECIDED, folder, toolbox)
    assert checked.seconds == 2.0
    assert checked.loudness is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-ar", "48000"), "another sample rate than planned"),
        (("-ar", "44100", "-ac", "1"), "another number of channels"),
        (("-ar", "44100", "-c:a", "libvorbis", "-f", "ogg"), "another codec"),
        (("-ar", "44100", "-af", "atrim=end_sample=88190"), "it lasts 2.000 instead of 2.000"),
        (("-ar", "44100", "-t", "1"), "could be read for 1.0 of 2.0 seconds"),
        (("-ar", "44100", "-af", "apad=pad_dur=2"), r"goes on after the 2\.0 seconds"),
    ],
)
async def test_what_is_wrong_is_named(
    plan: AudioPlan, flac: Path, folder: Path, toolbox: Toolbox, options: tuple[str, ...], said: str
) -> None:
    media.song(flac, 2, *options)
    with pytest.raises(RenditorError, match=said):
        await check(plan, plan.files[0], DECIDED, folder, toolbox)


async def test_a_result_that_cannot_be_decoded(plan: AudioPlan, flac: Path, folder: Path, toolbox: Toolbox) -> None:
    blank(media.song(flac, 2, "-ar", "44100"), 9_000)
    with pytest.raises((ProcessingFailed, CorruptMedia)):
        await check(plan, plan.files[0], DECIDED, folder, toolbox)


async def test_what_was_heard_counts_more_than_what_the_file_says(
    plan: AudioPlan, flac: Path, folder: Path, toolbox: Toolbox
) -> None:
    media.song(flac, 2, "-ar", "44100")
    with pytest.raises(ProcessingFailed, match=r"lasts 2\.000 instead of 1\.500 seconds"):
        await check(plan, plan.files[0], replace(DECIDED, length=1.5), folder, toolbox)


def test_lengths() -> None:
    for found, planned in ((10.0, None), (10.0, 10.4), (10.4, 10.0), (101.0, 100.0)):
        expect_length(found, planned)
    for found, planned in ((0.0, None), (9.0, 10.0), (11.0, 10.0)):
        with pytest.raises(CorruptMedia):
            expect_length(found, planned)

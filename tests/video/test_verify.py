"""The reading back: whatever is wrong with a result is noticed, and named."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from renditor.errors import CorruptMedia, ProcessingFailed
from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video import verify
from renditor.video.base import VideoSettings
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.package import package
from renditor.video.plan import VideoPlan

Damage = Callable[[Path], object]
WHOLE = verify.Encoded(duration=7.0, frames=175)


@pytest.fixture(scope="session")
def encoded(toolbox: Toolbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[VideoPlan, Path]:
    """Two rungs and sound, encoded and packaged, with the files in ``work/`` still there."""
    folder = tmp_path_factory.mktemp("encoded")
    source = media.video(tmp_path_factory.mktemp("source") / "in.mp4", "480x480", 7)
    provider = FFmpegVideo(toolbox, VideoSettings(tier="instant"))

    async def make() -> VideoPlan:
        plan = provider.plan(await provider.probe(source))
        (folder / "work").mkdir()
        await provider._encode(plan, source, folder, lambda *_: None)
        await package(plan, folder, toolbox)
        await provider._run_here(plan, provider._remuxing(plan), folder)
        return plan

    return asyncio.run(make()), folder


@pytest.fixture
def copy(encoded: tuple[VideoPlan, Path], tmp_path: Path) -> tuple[VideoPlan, Path]:
    plan, folder = encoded
    shutil.copytree(folder, tmp_path / "copy")
    return plan, tmp_path / "copy"


def edit(name: str, old: str, new: str) -> Damage:
    def apply(folder: Path) -> None:
        path = folder / "hls" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return apply


def scramble(name: str) -> Damage:
    """Turn the pictures of a segment into noise; the boxes stay."""

    def apply(folder: Path) -> None:
        path = folder / "hls" / name
        content = bytearray(path.read_bytes())
        start = content.index(b"mdat") + 40
        content[start:] = bytes((number * 89 + 7) % 256 for number in range(len(content) - start))
        path.write_bytes(content)

    return apply


async def check_set(plan: VideoPlan, folder: Path, toolbox: Toolbox) -> None:
    await verify.check_set(plan, WHOLE, folder, "hls", toolbox)


async def test_a_right_result_passes(copy: tuple[VideoPlan, Path], toolbox: Toolbox) -> None:
    plan, folder = copy
    assert [rung.name for rung in plan.rungs] == ["480p", "360p"]
    assert await verify.check_encoded(plan, folder, toolbox) == WHOLE
    await check_set(plan, folder, toolbox)
    await verify.check_progressive(plan, WHOLE, folder, "video.mp4", toolbox)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "hls/480p/2.m4s").unlink(), "cannot be read"),
        (lambda folder: (folder / "hls/360p/3.m4s").write_bytes(b""), "do not match"),
        (lambda folder: (folder / "hls/480p/init.mp4").unlink(), "do not match"),
        (lambda folder: (folder / "hls/master.m3u8").write_text("nothing"), "cannot be read"),
        (edit("480p/index.m3u8", "6.000", "5.000"), "same times"),
        (edit("480p/index.m3u8", "1.m4s", "../../../etc/passwd"), "cannot be read"),
        (edit("480p/index.m3u8", "#EXT-X-ENDLIST", ""), "not complete"),
        (edit("480p/index.m3u8", "#EXT-X-TARGETDURATION:6", "#EXT-X-TARGETDURATION:5"), "longer than its playlist"),
        (edit("480p/iframe.m3u8", "#EXT-X-BYTERANGE:", "#EXT-X-BYTERANGE:9999"), "beyond its segment"),
        (edit("master.m3u8", "480p/index.m3u8", "720p/index.m3u8"), "every rung"),
        (edit("master.m3u8", "CODECS=", "X-CODECS="), "lacks CODECS"),
        (edit("master.m3u8", "RESOLUTION=480x480,F", "RESOLUTION=640x480,F"), "wrongly"),
        (edit("master.m3u8", ',AUDIO="audio"', ""), "no sound"),
        (edit("manifest.mpd", "480p/init.mp4", "480p/start.mp4"), "do not match"),
        (scramble("480p/2.m4s"), "decoded"),
        (scramble("audio/1.m4s"), "decoded"),
    ],
)
async def test_damage_is_noticed(copy: tuple[VideoPlan, Path], toolbox: Toolbox, damage: Damage, reason: str) -> None:
    plan, folder = copy
    damage(folder)
    with pytest.raises(ProcessingFailed, match=reason) as caught:
        await check_set(plan, folder, toolbox)
    assert str(folder) not in caught.value.detail


async def test_a_lost_fragment_is_noticed(copy: tuple[VideoPlan, Path], toolbox: Toolbox) -> None:
    """Playlists agree with each other, but frames are missing."""
    plan, folder = copy
    path = folder / "hls/480p/1.m4s"
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"moof") - 4])
    with pytest.raises(ProcessingFailed, match="lack frames"):
        await check_set(plan, folder, toolbox)


async def test_another_size_than_planned_is_noticed(copy: tuple[VideoPlan, Path], toolbox: Toolbox) -> None:
    plan, folder = copy
    other = replace(plan, rungs=(replace(plan.rungs[0], width=482), plan.rungs[1]))
    with pytest.raises(ProcessingFailed, match="width"):
        await verify.check_encoded(other, folder, toolbox)


async def test_rungs_with_different_frames_are_noticed(copy: tuple[VideoPlan, Path], toolbox: Toolbox) -> None:
    plan, folder = copy
    short = folder / "short.mp4"
    media.ffmpeg("-i", folder / "work/360p.mp4", "-c", "copy", "-t", "5", short)
    short.replace(folder / "work/360p.mp4")
    with pytest.raises(ProcessingFailed, match="different frames"):
        await verify.check_encoded(plan, folder, toolbox)


async def test_a_source_that_was_longer_is_damaged(copy: tuple[VideoPlan, Path], toolbox: Toolbox) -> None:
    plan, folder = copy
    with pytest.raises(CorruptMedia, match=r"pictures could be read for 7\.0 of 9\.0"):
        await verify.check_encoded(replace(plan, picture=replace(plan.moving, duration=9.0)), folder, toolbox)
    with pytest.raises(ProcessingFailed, match="instead of"):
        await verify.check_encoded(replace(plan, picture=replace(plan.moving, duration=5.0)), folder, toolbox)
    with pytest.raises(CorruptMedia, match="sound"):
        await verify.check_encoded(replace(plan, audio=(replace(plan.audio[0], duration=9.0),)), folder, toolbox)


async def test_an_index_at_the_end_is_noticed(copy: tuple[VideoPlan, Path], toolbox: Toolbox) -> None:
    plan, folder = copy
    media.ffmpeg("-i", folder / "video.mp4", "-c", "copy", folder / "late.mp4")
    with pytest.raises(ProcessingFailed, match="does not come first"):
        await verify.check_progressive(plan, WHOLE, folder, "late.mp4", toolbox)
    media.ffmpeg("-i", folder / "video.mp4", "-c", "copy", "-an", "-movflags", "+faststart", folder / "mute.mp4")
    with pytest.raises(ProcessingFailed, match="planned streams"):
        await verify.check_progressive(plan, WHOLE, folder, "mute.mp4", toolbox)


def test_the_poster_is_looked_at(encoded: tuple[VideoPlan, Path], tmp_path: Path) -> None:
    plan, _ = encoded
    verify.check_poster(plan, media.photo(tmp_path / "right.jpg", 480, 480))
    with pytest.raises(ProcessingFailed, match="size"):
        verify.check_poster(plan, media.photo(tmp_path / "wrong.jpg", 480, 360))
    (tmp_path / "text.jpg").write_text("hello")
    for name in ("text.jpg", "missing.jpg"):
        with pytest.raises(ProcessingFailed, match="JPEG"):
            verify.check_poster(plan, tmp_path / name)

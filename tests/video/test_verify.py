"""The reading back: whatever is wrong with a result is noticed, and named."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from renditor.errors import CorruptMedia, ProcessingFailed
from renditor.ffmpeg.probe import Chapter
from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video import verify
from renditor.video.plan import VideoPlan
from renditor.video.plan import plan as make_plan
from renditor.video.streams.package import package
from renditor.video.subtitles.chapters import make_chapters
from tests.video.encoding import encode, remux

Damage = Callable[[Path], object]
WHOLE = verify.Encoded(duration=7.0, frames=175)


@pytest.fixture(scope="session")
def encoded(toolbox: Toolbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[VideoPlan, Path]:
    """Two rungs and sound, encoded and packaged, with the files in ``work/`` still there."""
    folder = tmp_path_factory.mktemp("encoded")
    source = media.video(tmp_path_factory.mktemp("source") / "in.mp4", "480x480", 7)

    async def make() -> VideoPlan:
        plan = make_plan(await toolbox.probe(source), "instant")
        await encode(toolbox, plan, source, folder)
        await package(plan, folder, toolbox)
        await remux(toolbox, plan, folder)
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


def without_rung(folder: Path) -> None:
    """A faultless set, but not the planned one."""
    root = folder / "hls"
    lines = (root / "master.m3u8").read_text().splitlines()
    place = lines.index("360p/index.m3u8")
    kept = [line for number, line in enumerate(lines) if number != place - 1 and "360p" not in line]
    (root / "master.m3u8").write_text("\n".join(kept) + "\n")
    manifest = (root / "manifest.mpd").read_text()
    start = manifest.index("<Representation")
    assert "360p/" in manifest[start : manifest.index("</Representation>")]
    (root / "manifest.mpd").write_text(manifest[:start] + manifest.partition("</Representation>")[2])
    shutil.rmtree(root / "360p")


def named_badly(folder: Path) -> None:
    """A faultless set with a name that no storage and no URL of ours has."""
    root = folder / "hls"
    (root / "Text").mkdir()
    (root / "Text/captions.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n")
    head = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    (root / "Text/index.m3u8").write_text(f"{head}#EXTINF:7.000,\ncaptions.vtt\n#EXT-X-ENDLIST\n")
    entry = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="English",LANGUAGE="en",URI="Text/index.m3u8"\n'
    master = (root / "master.m3u8").read_text().replace("#EXT-X-STREAM-INF", f"{entry}#EXT-X-STREAM-INF", 1)
    (root / "master.m3u8").write_text(master)
    representation = '<Representation id="t" bandwidth="90"><BaseURL>Text/captions.vtt</BaseURL></Representation>'
    adaptation = f'<AdaptationSet contentType="text" mimeType="text/vtt">{representation}</AdaptationSet></Period>'
    edit("manifest.mpd", "</Period>", adaptation)(folder)


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
        (lambda folder: (folder / "hls/480p/2.m4s").unlink(), "480p/2.m4s is not there"),
        (lambda folder: (folder / "hls/360p/3.m4s").write_bytes(b""), "named by no playlist"),
        (lambda folder: (folder / "hls/480p/init.mp4").unlink(), "480p/init.mp4 is not there"),
        (lambda folder: (folder / "hls/master.m3u8").write_text("nothing"), "does not begin"),
        (lambda folder: (folder / "hls/master.m3u8").unlink(), "master.m3u8 is not there"),
        (edit("480p/index.m3u8", "6.000", "5.900"), "5.900 s are declared"),
        (edit("480p/index.m3u8", "1.m4s", "../../../etc/passwd"), "leads out of the folder"),
        (edit("480p/index.m3u8", "#EXT-X-ENDLIST", ""), "no EXT-X-ENDLIST"),
        (edit("480p/iframe.m3u8", "#EXT-X-BYTERANGE:", "#EXT-X-BYTERANGE:9999"), "before the range"),
        (edit("master.m3u8", "480p/index.m3u8", "720p/index.m3u8"), "720p/index.m3u8 is not there"),
        (edit("master.m3u8", "CODECS=", "X-CODECS="), "has no CODECS"),
        (edit("master.m3u8", "RESOLUTION=480x480,F", "RESOLUTION=640x480,F"), "640x480 is declared"),
        (edit("manifest.mpd", "480p/init.mp4", "480p/start.mp4"), "480p/start.mp4 is not there"),
        (without_rung, "planned rungs"),
        (named_badly, "a name that it must not have"),
        (scramble("480p/2.m4s"), "decoded"),
        (scramble("audio/2.m4s"), "decoded"),
    ],
)
async def test_damage_is_noticed(copy: tuple[VideoPlan, Path], toolbox: Toolbox, damage: Damage, reason: str) -> None:
    plan, folder = copy
    damage(folder)
    with pytest.raises(ProcessingFailed, match=reason) as caught:
        await check_set(plan, folder, toolbox)
    assert str(folder) not in caught.value.detail
    assert caught.value.hint


async def test_lost_frames_are_noticed(copy: tuple[VideoPlan, Path], toolbox: Toolbox) -> None:
    plan, folder = copy
    with pytest.raises(ProcessingFailed, match="lack frames"):
        await verify.check_set(plan, replace(WHOLE, frames=176), folder, "hls", toolbox)
    with pytest.raises(ProcessingFailed, match="not as long"):
        await verify.check_set(plan, replace(WHOLE, duration=7.1), folder, "hls", toolbox)
    path = folder / "hls/480p/1.m4s"
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"moof") - 4])
    with pytest.raises(ProcessingFailed, match="before the range"):
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
    with pytest.raises(CorruptMedia, match=r"pictures could be read for 7\.0 of 9\.0") as caught:
        await verify.check_encoded(replace(plan, picture=replace(plan.moving, duration=9.0)), folder, toolbox)
    assert caught.value.hint
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


async def test_a_damaged_mp4_is_noticed(copy: tuple[VideoPlan, Path], toolbox: Toolbox) -> None:
    plan, folder = copy
    path = folder / "video.mp4"
    content = bytearray(path.read_bytes())
    start = len(content) * 2 // 5  # a place before the middle, to the end of the second that is decoded there
    content[start : start + len(content) // 4] = bytes((number * 89 + 7) % 256 for number in range(len(content) // 4))
    path.write_bytes(content)
    with pytest.raises(ProcessingFailed, match="cannot be decoded"):
        await verify.check_progressive(plan, WHOLE, folder, "video.mp4", toolbox)
    media.ffmpeg("-i", folder / "work/480p.mp4", "-i", folder / "work/audio.mp4", "-c", "copy", "-t", "5",
                 "-movflags", "+faststart", folder / "short.mp4")  # fmt: skip
    with pytest.raises(ProcessingFailed, match="lacks sound"):
        await verify.check_progressive(plan, WHOLE, folder, "short.mp4", toolbox)


def test_chapters_are_read_back(tmp_path: Path) -> None:
    chapters = (Chapter(0.0, 1.0, "One"), Chapter(1.0, 1.0, "None"), Chapter(1.0, 2.0, "--> <b>Two"))
    path = make_chapters(chapters, tmp_path).path
    verify.check_chapters(chapters, path)
    with pytest.raises(ProcessingFailed, match="missing"):
        verify.check_chapters((*chapters, Chapter(2.0, 3.0, "Three")), path)
    for content in (b"chapters", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(ProcessingFailed, match="WebVTT"):
            verify.check_chapters(chapters, path)

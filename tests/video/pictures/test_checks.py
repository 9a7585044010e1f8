from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import ProcessingFailed
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.workspace import workspace
from renditor.models import Output
from renditor.testing import media
from renditor.video.pictures import poster, preview, storyboard
from renditor.video.pictures.checks import (
    Animation,
    check_poster,
    check_preview,
    check_storyboard,
    jpeg_size,
    read_webp,
)
from renditor.video.pictures.storyboard import StoryboardOptions
from tests.video.footage import footage


def test_sizes_of_pictures(tmp_path: Path) -> None:
    assert jpeg_size(media.photo(tmp_path / "a.jpg", 70, 30).read_bytes()) == (70, 30)


@given(st.binary(max_size=60), st.booleans())
def test_what_is_no_picture(content: bytes, start: bool) -> None:
    if b"\xff\xc0" in content or b"\xff\xc1" in content or b"\xff\xc2" in content:
        return
    with pytest.raises(ValueError, match="no "):
        jpeg_size((b"\xff\xd8" if start else b"") + content.replace(b"\xff", b""))


def test_a_still_webp(tmp_path: Path) -> None:
    media.quadrants(70, 30).write_to_file(str(tmp_path / "a.webp"))
    assert read_webp((tmp_path / "a.webp").read_bytes()) == Animation(70, 30, frames=(0,), loops=0)


def test_an_animated_webp(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=1")
    media.ffmpeg(*source, "-c:v", "libwebp_anim", "-loop", "3", path)
    assert read_webp(path.read_bytes()) == Animation(64, 36, frames=(200,) * 5, loops=3)


@given(st.binary(max_size=100), st.binary(max_size=60))
def test_what_is_no_webp(content: bytes, chunk: bytes) -> None:
    """Cut off, too long, without a picture: always the one error."""
    riff = b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk
    for wrong in (content, riff, riff[:-1], riff + b"."):
        if b"VP8" not in wrong:
            with pytest.raises(ValueError, match=r"no WebP|neither|fit"):
                read_webp(wrong)


# --- results that were tampered with do not pass ---


@pytest.fixture
async def made(toolbox: Toolbox, tmp_path: Path, folder: Path) -> dict[str, Output]:
    source = media.video(tmp_path / "in.mp4", "320x180", 3, "-g", "25", sound=False)
    known = await footage(toolbox, source)
    async with workspace(folder, (storyboard.FOLDER, poster.NAME, preview.NAME)):
        outputs = [
            await poster.make(toolbox, known, known, folder),
            await storyboard.make(toolbox, known, StoryboardOptions(interval=1), folder),
            await preview.make(toolbox, known, folder),
        ]
    return {output.kind: output for output in outputs}


async def test_what_was_made_passes(made: dict[str, Output], folder: Path, toolbox: Toolbox) -> None:
    await check_poster(made["poster"], folder, toolbox)
    await check_storyboard(made["storyboard"], folder, toolbox)
    await check_preview(made["preview"], folder, toolbox)


@pytest.mark.parametrize("kind", ["poster", "storyboard", "preview"])
async def test_another_size_is_told(made: dict[str, Output], folder: Path, toolbox: Toolbox, kind: str) -> None:
    check = {"poster": check_poster, "storyboard": check_storyboard, "preview": check_preview}[kind]
    with pytest.raises(ProcessingFailed):
        await check(replace(made[kind], width=100), folder, toolbox)


def _damage(path: Path) -> None:
    """Keeps what the file says of itself, and spoils its pictures."""
    content = bytearray(path.read_bytes())
    start = len(content) * 2 // 3
    content[start:] = b"\xff\x00\xff\xd4" * ((len(content) - start) // 4) + bytes((len(content) - start) % 4)
    path.write_bytes(content)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda board: (board / "storyboard-1.jpg").unlink(),
        lambda board: (board / "storyboard-2.jpg").write_bytes(b"more"),
        lambda board: (board / "storyboard-1.jpg").write_bytes(b"no picture"),
        lambda board: (board / "storyboard.vtt").unlink(),
        lambda board: (board / "storyboard.vtt").write_bytes(b"WEBVTT\n\n\xff"),
        lambda board: _edit(board / "storyboard.vtt", "00:00:01.000 -->", "00:00:01.500 -->"),  # a gap
        lambda board: _edit(board / "storyboard.vtt", "--> 00:00:03.000", "--> 00:00:02.900"),  # an end too early
        lambda board: _edit(board / "storyboard.vtt", "xywh=192,", "xywh=500,"),  # beside the sheet
        lambda board: _edit(board / "storyboard.vtt", "storyboard-1.jpg#xywh=192", "storyboard-9.jpg#xywh=192"),
        lambda board: _damage(board / "storyboard-1.jpg"),
    ],
)
async def test_a_spoilt_storyboard(made: dict[str, Output], folder: Path, toolbox: Toolbox, spoil: Spoil) -> None:
    spoil(folder / "storyboard")
    with pytest.raises(ProcessingFailed):
        await check_storyboard(made["storyboard"], folder, toolbox)


async def test_a_spoilt_poster(made: dict[str, Output], folder: Path, toolbox: Toolbox) -> None:
    _damage(folder / "poster.jpg")
    with pytest.raises(ProcessingFailed):
        await check_poster(made["poster"], folder, toolbox)


async def test_a_spoilt_preview(made: dict[str, Output], folder: Path, toolbox: Toolbox) -> None:
    with pytest.raises(ProcessingFailed):
        await check_preview(replace(made["preview"], duration=9.0), folder, toolbox)
    content = (folder / "preview.webp").read_bytes()
    once = content.replace(b"ANIM\x06\0\0\0\xff\xff\xff\xff\0\0", b"ANIM\x06\0\0\0\xff\xff\xff\xff\x01\0")
    for wrong in (once, content[:-100], b""):
        assert wrong != content
        (folder / "preview.webp").write_bytes(wrong)
        with pytest.raises(ProcessingFailed):
            await check_preview(made["preview"], folder, toolbox)

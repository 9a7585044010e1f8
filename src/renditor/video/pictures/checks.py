"""Reading back the pictures that were made of a video: poster, storyboard, preview.

What they are is read from their bytes; that they decode is left to FFmpeg in the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renditor.errors import CorruptMedia, failed_check
from renditor.ffmpeg.run import Budget, Toolbox
from renditor.models import Output
from renditor.video.pictures import preview, storyboard
from renditor.video.pictures.storyboard import Cue

_FRAMES: Final = ("ANMF", "VP8 ", "VP8L")  # chunks of WebP that hold a frame
_CLOCK: Final = r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"
_CUE: Final = re.compile(rf"{_CLOCK} --> {_CLOCK}\n(storyboard-\d+\.jpg)#xywh=(\d+),(\d+),(\d+),(\d+)")


@dataclass(frozen=True, slots=True)
class Animation:
    """What a WebP file says of itself.

    Size in px, ms that each frame is shown, and how often all are (0: for ever). A still picture has one frame of 0 ms.
    """

    width: int
    height: int
    frames: tuple[int, ...]
    loops: int


async def check_poster(output: Output, folder: Path, toolbox: Toolbox) -> None:
    """Raise ProcessingFailed unless the poster is a JPEG of the size it should have, and decodes."""
    _expect_jpeg("the poster", output.path, (output.width, output.height))
    await _decode(toolbox, folder, output.path, "mjpeg")


async def check_storyboard(output: Output, folder: Path, toolbox: Toolbox) -> None:
    """Raise ProcessingFailed unless each moment has a tile, each tile lies on a sheet, and each sheet decodes."""
    facts = output.metadata
    try:
        cues = parse_cues((output.path / storyboard.CUES).read_text())
    except (OSError, ValueError) as error:
        raise failed_check("the cues of the storyboard cannot be read") from error
    borders = [0, *(cue.end for cue in cues)]
    if [cue.start for cue in cues] != borders[:-1] or borders[-1] != storyboard.milliseconds(output.duration or 0.0):
        raise failed_check("the cues of the storyboard do not cover the video")
    names = [storyboard.sheet_name(number) for number in range(facts["sheets"])]
    if {path.name for path in output.path.iterdir()} != {storyboard.CUES, *names}:
        raise failed_check("the storyboard has not the sheets that it should have")
    width, height = facts["columns"] * facts["tile_width"], facts["rows"] * facts["tile_height"]
    for cue in cues:
        inside = cue.x + cue.width <= width and cue.y + cue.height <= height and cue.name in names
        if not inside or (cue.width, cue.height) != (output.width, output.height):
            raise failed_check("a cue of the storyboard points beside its tile")
    for name in names:
        _expect_jpeg("a sheet of the storyboard", output.path / name, (width, height))
        await _decode(toolbox, folder, output.path / name, "mjpeg")


async def check_preview(output: Output, folder: Path, toolbox: Toolbox) -> None:
    """Raise ProcessingFailed unless the preview is a WebP as large and long as planned that repeats for ever."""
    try:
        found = read_webp(output.path.read_bytes())
    except (OSError, ValueError) as error:
        raise failed_check("the preview is not a WebP") from error
    if (found.width, found.height) != (output.width, output.height):
        raise failed_check("the preview has not the size that it should have")
    # Equal frames are written once: of a picture that never moves there is one, without a time.
    still = len(found.frames) == 1
    missing = abs(sum(found.frames) / 1000 - (output.duration or 0.0))
    if not found.frames or (not still and (found.loops or missing > preview.LONGEST_FRAME)):
        raise failed_check("the preview does not last as long as it should")
    demuxer = "webp_pipe" if still else "webp_anim"
    if demuxer in toolbox.binaries.require("ffmpeg").capabilities.demuxers:  # animations since FFmpeg 9
        await _decode(toolbox, folder, output.path, demuxer)


def parse_cues(text: str) -> list[Cue]:
    """The cues that ``storyboard.webvtt`` wrote. Raises: ValueError: anything else."""
    head, *blocks = text.removesuffix("\n").split("\n\n")
    if head != "WEBVTT" or not blocks:
        raise ValueError("no WebVTT")
    return [_cue(block) for block in blocks]


def read_webp(content: bytes) -> Animation:
    """Sizes and times from the chunks of a WebP file (RFC 9649, 2.7). Raises: ValueError: it is none."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or _number(content, 4, 4) + 8 != len(content):
        raise ValueError("no WebP")
    chunks = list(_chunks(content, 12))
    name, head = chunks[0] if chunks else ("", b"")
    if name == "VP8 ":  # a still picture: 3 bytes of flags, 3 of a start code, 14 bits of each side
        return Animation(_number(head, 6, 2) & 0x3FFF, _number(head, 8, 2) & 0x3FFF, frames=(0,), loops=0)
    if name != "VP8X" or len(head) < 10:
        raise ValueError("neither a still picture nor an animation")
    loops = next((_number(body, 4, 2) for kind, body in chunks if kind == "ANIM"), 0)
    frames = tuple(_number(body, 12, 3) if kind == "ANMF" else 0 for kind, body in chunks if kind in _FRAMES)
    return Animation(_number(head, 4, 3) + 1, _number(head, 7, 3) + 1, frames, loops)


def jpeg_size(content: bytes) -> tuple[int, int]:
    """Width and height in px from the frame header (ITU-T T.81, B.2.2). Raises ValueError for what is no JPEG."""
    if content[:2] != b"\xff\xd8":
        raise ValueError("no JPEG")
    position = 2
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker, length = content[position + 1], int.from_bytes(content[position + 2 : position + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(content[position + at : position + at + 2], "big") for at in (5, 7))
            return width, height
        position += 2 + length
    raise ValueError("no frame header")


def _cue(block: str) -> Cue:
    match = _CUE.fullmatch(block)
    if match is None:
        raise ValueError("no cue of a storyboard")
    *times, name, x, y, width, height = match.groups()
    return Cue(_milliseconds(times[:4]), _milliseconds(times[4:]), name, int(x), int(y), int(width), int(height))


def _milliseconds(clock: list[str]) -> int:
    hours, minutes, seconds, rest = map(int, clock)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def _chunks(content: bytes, position: int) -> Iterator[tuple[str, bytes]]:
    """Name and body of each chunk; bodies of odd length are followed by a byte that belongs to none."""
    while position < len(content):
        length = _number(content, position + 4, 4)
        if position + 8 + length > len(content):
            raise ValueError("a chunk does not fit into its file")
        yield content[position : position + 4].decode("latin-1"), content[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _number(content: bytes, position: int, count: int) -> int:
    return int.from_bytes(content[position : position + count], "little")


def _expect_jpeg(what: str, path: Path, size: tuple[int | None, int | None]) -> None:
    try:
        found = jpeg_size(path.read_bytes())
    except (ValueError, OSError):
        raise failed_check(f"{what} is not a JPEG") from None
    if found != size:
        raise failed_check(f"{what} has not the size that it should have")


async def _decode(toolbox: Toolbox, folder: Path, path: Path, demuxer: str) -> None:
    """Raise ProcessingFailed unless every frame decodes. The demuxer is one that sources are never opened with."""
    only = ("-f", demuxer, "-format_whitelist", demuxer, "-err_detect", "explode")
    arguments = [*toolbox.open(path.relative_to(folder), *only), "-map", "0:v:0", "-xerror", "-f", "null", "-"]
    budget = Budget(toolbox.settings.timeout_floor, file_size=0)
    try:
        await toolbox.ffmpeg(arguments, folder=folder, budget=budget)
    except CorruptMedia as error:
        raise failed_check("a picture of it cannot be decoded") from error

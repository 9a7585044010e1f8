"""Decoding the beginnings of inputs: every part is really decoded, however its neighbours are shaped."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from renditor.errors import CorruptMedia, ProcessingFailed
from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video import verify
from renditor.video.check.decoding import decode_beginnings
from tests.video.runs import Describe

LENGTH = 12  # seconds; key frames every 4


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "film.mp4"
    return media.video(path, "160x90", LENGTH, "-g", "100", "-sc_threshold", "0")


def damaged(whole: Path, path: Path, kind: str, at: float, describe: Describe) -> Path:
    """A copy in which the packet that is shown at ``at`` seconds is noise."""
    packets = describe(whole, "-select_streams", kind, "-show_entries", "packet=pts_time,pos,size")["packets"]
    packet = min(packets, key=lambda one: abs(float(one["pts_time"]) - at))
    data, start, size = bytearray(whole.read_bytes()), int(packet["pos"]), int(packet["size"])
    data[start : start + size] = random.Random(3).randbytes(size)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("kind", "at"), [("v", 0.0), ("v", 0.8), ("v", 4.6), ("v", 8.8), ("a", 0.3), ("a", 8.5)])
async def test_each_of_three_places_is_decoded(
    kind: str, at: float, whole: Path, tmp_path: Path, toolbox: Toolbox, describe: Describe
) -> None:
    path = damaged(whole, tmp_path / "damaged.mp4", kind, at, describe)
    with pytest.raises(ProcessingFailed, match="cannot be decoded"):
        await verify.decode_places(toolbox, tmp_path, path.name, LENGTH)


@pytest.mark.parametrize(("pictures", "sound"), [(LENGTH, 1), (1, LENGTH), (LENGTH, LENGTH)])
async def test_streams_of_different_length_are_whole(
    pictures: int, sound: int, tmp_path: Path, toolbox: Toolbox
) -> None:
    media.video(tmp_path / "in.mp4", "160x90", LENGTH)
    media.ffmpeg("-i", tmp_path / "in.mp4", "-t", str(pictures), "-an", "-c", "copy", tmp_path / "v.mp4")
    media.ffmpeg("-i", tmp_path / "in.mp4", "-t", str(sound), "-vn", "-c", "copy", tmp_path / "a.mp4")
    media.ffmpeg("-i", tmp_path / "v.mp4", "-i", tmp_path / "a.mp4", "-c", "copy", tmp_path / "film.mp4")
    await verify.decode_places(toolbox, tmp_path, "film.mp4", LENGTH)


async def test_pictures_of_which_nothing_comes_are_noticed(whole: Path, toolbox: Toolbox) -> None:
    """FFmpeg ends with 0: there was no error, because nothing was decoded."""
    with pytest.raises(CorruptMedia, match="nothing comes out"):
        await decode_beginnings(toolbox, [(whole, ()), (whole, ("-ss", str(LENGTH + 60)))], frames=5)


async def test_frames_far_apart_are_decoded_every_time(tmp_path: Path, toolbox: Toolbox) -> None:
    """What one place gives lies minutes from what another gives: neither ends the other."""
    few = ("-vf", "select='eq(n,0)+eq(n,3)+eq(n,700)'", "-fps_mode", "vfr")
    path = media.video(tmp_path / "film.mp4", "160x90", 31, *few, sound=False)
    for _ in range(10):
        await verify.decode_places(toolbox, tmp_path, path.name, 31)

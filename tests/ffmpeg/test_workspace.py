from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from renditor.errors import ProcessingFailed
from renditor.ffmpeg.workspace import stored_bytes, workspace


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_only_outputs_stay_after_success(folder: Path) -> None:
    async with workspace(folder, ("out.mp4",)):
        (folder / "work" / "part.mp4").write_text("x")
        (folder / "out.mp4").write_text("done")
    assert names(folder) == ["out.mp4"]


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError, KeyboardInterrupt])
async def test_nothing_stays_after_failure(folder: Path, error: type[BaseException]) -> None:
    (folder / "foreign.txt").write_text("x")

    async def fail() -> None:
        async with workspace(folder, ("out.mp4", "set", "never-made")):
            (folder / "out.mp4").write_text("half")
            (folder / "set").mkdir()
            (folder / "set" / "1.m4s").write_text("half")
            raise error

    with pytest.raises(error):
        await fail()
    assert names(folder) == ["foreign.txt"]


@pytest.mark.parametrize("name", ["out.mp4", "set"])
async def test_a_link_is_never_a_result(folder: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")

    async def link() -> None:
        async with workspace(folder, ("out.mp4", "set")):
            (folder / "set").mkdir()
            ((folder / "set" / "1.m4s") if name == "set" else folder / name).symlink_to(secret)

    with pytest.raises(ProcessingFailed):
        await link()
    assert names(folder) == []
    assert secret.read_text() == "x"


async def test_what_a_killed_run_left_is_cleared(folder: Path) -> None:
    (folder / "work").mkdir()
    (folder / "work" / "old.mp4").write_text("x")
    (folder / "out.mp4").write_text("half")
    async with workspace(folder, ("out.mp4",)):
        assert names(folder / "work") == []
        assert not (folder / "out.mp4").exists()


def test_sizes(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "b").write_bytes(b"123")
    assert (stored_bytes(folder), stored_bytes(folder / "a" / "b"), stored_bytes(folder / "none")) == (3, 3, 0)

"""Sources and targets: what is wrong is found out early, and results appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from renditor.cli import files
from renditor.cli.terminal import CommandError


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_sources_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        files.source(tmp_path / "missing")
    with pytest.raises(CommandError, match="Is a directory"):
        files.source(tmp_path)
    with pytest.raises(CommandError, match="not a plain file"):
        files.source(Path("/dev/null"))


def test_targets_that_cannot_be_written_are_found_before_work_begins(tmp_path: Path) -> None:
    given = tmp_path / "in.jpg"
    given.touch()
    (tmp_path / "link.jpg").symlink_to(given)
    for target, said in (
        (tmp_path, "is a folder"),
        (given, "is the input itself"),
        (tmp_path / "link.jpg", "is the input itself"),
        (tmp_path / "no" / "out.jpg", "There is no folder"),
    ):
        with pytest.raises(CommandError, match=said):
            files.target(target, given)
    assert files.target(tmp_path / "out.jpg", given) == tmp_path / "out.jpg"


def test_a_folder_for_a_stream_is_new_or_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="is a file"):
        files.target_folder(tmp_path / "file")
    with pytest.raises(CommandError, match="is not empty"):
        files.target_folder(tmp_path)


async def test_place_replaces_at_once_and_takes_the_users_permissions(tmp_path: Path) -> None:
    made, wanted = tmp_path / "made", tmp_path / "out" / "wanted"
    made.write_bytes(b"new")
    made.chmod(0o600)
    wanted.parent.mkdir()
    wanted.write_bytes(b"old")
    old_umask = os.umask(0o022)
    try:
        with wanted.open("rb") as reader:
            await files.place(made, wanted)
            assert reader.read() == b"old"  # who read the old file still does
    finally:
        os.umask(old_umask)
    assert wanted.read_bytes() == b"new"
    assert wanted.stat().st_mode & 0o777 == 0o644
    assert _names(wanted.parent) == ["wanted"]


@pytest.mark.parametrize("there", [False, True])
async def test_place_folder(tmp_path: Path, there: bool) -> None:
    made, wanted = tmp_path / "made", tmp_path / "wanted"
    (made / "720p").mkdir(parents=True)
    (made / "master.m3u8").write_text("#EXTM3U")
    (made / "720p" / "1.m4s").write_bytes(b"segment")
    if there:
        wanted.mkdir()
        inode = wanted.stat().st_ino
    await files.place_folder(made, wanted)
    if there:
        assert wanted.stat().st_ino == inode  # a shell that stands in it still does
    assert _names(wanted) == ["720p", "master.m3u8"]
    assert _names(wanted / "720p") == ["1.m4s"]
    assert _names(tmp_path) == ["made", "temporary", "wanted", "work"]


async def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(CommandError, match="cannot be written"):
        await files.place(tmp_path / "missing", out / "wanted")
    assert _names(out) == []


async def test_a_folder_that_refuses(tmp_path: Path) -> None:
    """Where even root cannot write: the kernel's own."""
    (tmp_path / "made").touch()
    with pytest.raises(CommandError, match="/proc/wanted cannot be written"):
        await files.place(tmp_path / "made", Path("/proc/wanted"))

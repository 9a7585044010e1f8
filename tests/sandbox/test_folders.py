from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from renditor.sandbox.folders import Held, Overfull, Watch, below, clear, held
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.policy import Limits

from .conftest import python, python_policy

LEVELS = 3000


def limits(total_size: int | None = None, files: int | None = None) -> Limits:
    return Limits(memory=1024**3, cpu_seconds=20, file_size=1024**2, total_size=total_size, files=files)


def dig(folder: Path, levels: int) -> None:
    """Folders in folders. No path is long enough to name the last."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)


def test_bytes_on_the_disk_and_names_are_counted(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "full").write_bytes(b"x" * 100_000)
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(10**9)
    (tmp_path / "link").symlink_to("/usr")
    found = held([str(tmp_path)])
    assert found.files == 4
    assert 100_000 <= found.bytes < 200_000
    assert held([str(tmp_path / "none")]) == Held(0, 0)


def test_a_deep_folder_is_not_followed_to_its_end(tmp_path: Path) -> None:
    dig(tmp_path, LEVELS)
    with pytest.raises(Overfull):
        list(below(tmp_path))
    clear(tmp_path / "d")


def test_whatever_was_made_can_be_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    dig(folder, LEVELS)
    kept = tmp_path / "kept"
    kept.write_text("x")
    (folder / "link").symlink_to(tmp_path)
    (folder / "closed").mkdir()
    (folder / "closed" / "file").write_text("x")
    (folder / "closed").chmod(0)
    os.mkfifo(folder / "pipe")
    clear(folder)
    assert list(tmp_path.iterdir()) == [kept]


def test_a_link_to_a_folder_is_removed_and_not_the_folder(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    clear(tmp_path / "link")
    clear(tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_only_what_is_added_counts(tmp_path: Path) -> None:
    (tmp_path / "before").write_bytes(bytes(50_000))
    watch = Watch([str(tmp_path)], limits(total_size=20_000, files=2))
    (tmp_path / "a").write_bytes(bytes(10_000))
    watch.look()
    (tmp_path / "b").write_bytes(bytes(10_000))
    with pytest.raises(Overfull) as caught:
        watch.look()
    assert caught.value.what == "bytes"
    (tmp_path / "b").write_bytes(b"")
    (tmp_path / "c").write_bytes(b"")
    with pytest.raises(Overfull) as caught:
        watch.look()
    assert caught.value.what == "files"


def test_files_that_are_in_no_folder_any_more_count(tmp_path: Path) -> None:
    """Of a program that holds nothing else: this one keeps what tests print in a file without a name."""
    watch = Watch([str(tmp_path)], limits(total_size=50_000))
    source = "f=open('gone','wb'); f.write(bytes(100000)); f.flush(); print(); input(); f.close(); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-uc", source], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        holder.stdout.readline()
        (tmp_path / "gone").unlink()
        with pytest.raises(Overfull):
            watch.look(holder.pid)
        print(file=holder.stdin, flush=True)
        holder.stdout.readline()
        watch.look(holder.pid)
        holder.stdin.close()


async def test_a_quick_program_is_looked_at_after_its_end(launcher: Launcher, tmp_path: Path) -> None:
    policy = python_policy(write=(tmp_path,), limits=limits(files=10))
    code = "for number in range({}): open(f'{{number}}', 'w').close()"
    done = await launcher.run(python(code.format(10)), policy=policy, cwd=tmp_path, timeout=20)
    assert done.returncode == 0
    (tmp_path / "0").unlink()
    code = code.replace("{{number}}", "more{{number}}")
    with pytest.raises(Overfull):
        await launcher.run(python(code.format(12)), policy=policy, cwd=tmp_path, timeout=20)

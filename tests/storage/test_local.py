from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from renditor.errors import NotFound, OutOfSpace, Unavailable
from renditor.storage.local import LocalStorage
from renditor.testing.storage import StorageConformance, content_of


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "storage")


class TestLocalStorage(StorageConformance):
    pass


async def test_files_are_private(storage: LocalStorage) -> None:
    await storage.write("a/b", b"x")
    assert (storage.root / "a/b").stat().st_mode & 0o777 == 0o600
    assert (storage.root / "a").stat().st_mode & 0o777 == 0o700


async def test_links_are_not_followed(storage: LocalStorage, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (storage.root / "link").symlink_to(secret)
    assert await storage.stat("link") is None
    with pytest.raises((NotFound, Unavailable)):
        await content_of(storage, "link")


async def test_delete_removes_empty_folders_and_stops_at_full_ones(storage: LocalStorage) -> None:
    await storage.write("a/b/c/one", b"1")
    await storage.write("a/two", b"2")
    await storage.delete("a/b/c/one")
    assert not (storage.root / "a/b").exists()
    assert (storage.root / "a/two").exists()


async def test_put_and_delete_in_one_folder_at_once(storage: LocalStorage) -> None:
    """A delete that removes the emptied folder must not make a concurrent put fail."""

    async def churn(name: str) -> None:
        for _ in range(60):
            await storage.write(f"shared/folder/{name}", b"x")
            await storage.delete(f"shared/folder/{name}")

    await asyncio.gather(*(churn(str(number)) for number in range(4)))


async def test_a_failed_write_leaves_nothing(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    source = storage.root.parent / "source"
    source.write_bytes(b"bytes")
    with pytest.raises(OutOfSpace):
        await storage.put("a/b", source)
    assert await storage.stat("a/b") is None


async def test_a_folder_where_a_file_should_be(storage: LocalStorage) -> None:
    await storage.write("a/b", b"x")
    assert await storage.stat("a") is None
    with pytest.raises(NotFound):
        await content_of(storage, "a")
    with pytest.raises(NotFound):
        await content_of(storage, "a/b/c")


async def test_names_that_no_file_can_have_are_names_of_nothing(storage: LocalStorage) -> None:
    name = "a/" + "x" * 300
    assert await storage.stat(name) is None
    with pytest.raises(NotFound):
        await content_of(storage, name)


async def test_nothing_half_written_stays(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of a copy from another disk that becomes full, nor of a process that was killed."""
    source = storage.root.parent / "source"
    source.write_bytes(b"bytes")
    incoming = storage.root / ".incoming"
    old, new = incoming / "killed-long-ago", incoming / "being-written"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    LocalStorage(storage.root)
    assert list(incoming.iterdir()) == [new]
    new.unlink()

    def other_disk(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "replace", other_disk)
    with pytest.raises(Unavailable):  # the rename of the copy fails too
        await storage.put("a/b", source)
    assert list(incoming.iterdir()) == []


async def test_trouble_with_the_disk_is_an_error_of_ours(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.write("a/b", b"x")

    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "lstat", broken)
    monkeypatch.setattr(Path, "unlink", broken)
    with pytest.raises(Unavailable):
        await storage.stat("a/b")
    with pytest.raises(Unavailable):
        await storage.delete("a/b")

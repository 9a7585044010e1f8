"""What every storage must do. Subclass, give it a fixture ``storage``, and run it with pytest (anyio mode ``auto``)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from renditor.errors import NotFound
from renditor.storage.base import Storage


async def content_of(storage: Storage, key: str, start: int = 0, end: int | None = None) -> bytes:
    """A byte range as one piece."""
    return b"".join([chunk async for chunk in storage.open(key, start, end)])


class StorageConformance:
    """The tests. ``storage`` is empty at the start of each."""

    async def test_put_takes_the_file_over(self, storage: Storage, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"original")
        await storage.put("originals/ab/one", source)
        assert not source.exists()
        assert await content_of(storage, "originals/ab/one") == b"original"

    async def test_write_then_read(self, storage: Storage) -> None:
        await storage.write("a/b", b"small")
        assert await content_of(storage, "a/b") == b"small"
        stat = await storage.stat("a/b")
        assert stat is not None
        assert (stat.key, stat.bytes) == ("a/b", 5)

    async def test_empty_object(self, storage: Storage) -> None:
        await storage.write("empty", b"")
        assert await content_of(storage, "empty") == b""

    async def test_a_second_put_replaces_the_first(self, storage: Storage) -> None:
        await storage.write("a/b", b"first, and longer")
        await storage.write("a/b", b"second")
        assert await content_of(storage, "a/b") == b"second"

    @pytest.mark.parametrize(("start", "end"), [(0, 1), (3, 7), (9, None), (0, 100), (10, None), (4, 4)])
    async def test_ranges(self, storage: Storage, start: int, end: int | None) -> None:
        await storage.write("ranges", b"0123456789")
        assert await content_of(storage, "ranges", start, end) == b"0123456789"[start:end]

    async def test_large_objects_come_whole_and_in_ranges(self, storage: Storage, tmp_path: Path) -> None:
        content = bytes(range(256)) * 20_000
        source = tmp_path / "large"
        source.write_bytes(content)
        await storage.put("large", source)
        assert await content_of(storage, "large") == content
        assert await content_of(storage, "large", 1_234_567, 3_456_789) == content[1_234_567:3_456_789]

    async def test_unknown_keys(self, storage: Storage, tmp_path: Path) -> None:
        assert await storage.stat("none/such") is None
        with pytest.raises(NotFound):
            await content_of(storage, "none/such")
        with pytest.raises(NotFound):
            await storage.checkout("none/such", tmp_path)
        await storage.delete("none/such")

    async def test_delete(self, storage: Storage) -> None:
        await storage.write("folder/a", b"1")
        await storage.write("folder/b", b"2")
        await storage.delete("folder/a")
        assert await storage.stat("folder/a") is None
        assert await content_of(storage, "folder/b") == b"2"

    async def test_list_is_by_folder(self, storage: Storage) -> None:
        for key in ("sets/1/a", "sets/1/deep/b", "sets/12/c", "other"):
            await storage.write(key, b"x")
        assert sorted([item.key async for item in storage.list("sets/1/")]) == ["sets/1/a", "sets/1/deep/b"]
        assert [item.key async for item in storage.list("nothing/")] == []

    async def test_checkout_gives_the_bytes(self, storage: Storage, tmp_path: Path) -> None:
        await storage.write("a/b", b"bytes")
        path = await storage.checkout("a/b", tmp_path / "copies")
        assert path.read_bytes() == b"bytes"

    @pytest.mark.parametrize(
        "key", ["../up", "/abs", "a/../b", "a//b", "", ".", "a/.hidden", "A", "a b", "a\x00b", "a/"]
    )
    async def test_keys_that_are_not_ours_do_not_exist(self, storage: Storage, key: str) -> None:
        with pytest.raises(NotFound):
            await content_of(storage, key)
        with pytest.raises(NotFound):
            await storage.write(key, b"x")

    async def test_writers_at_once_leave_one_whole_object(self, storage: Storage) -> None:
        contents = [bytes([number]) * 300_000 for number in range(8)]
        await asyncio.gather(*(storage.write("contested", content) for content in contents))
        assert await content_of(storage, "contested") in contents

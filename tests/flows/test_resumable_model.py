"""Resumable uploads against a model of them: real files and a real catalog, any order of pieces, breaks and kills."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from renditor.catalog import schema
from renditor.catalog.base import Catalog
from renditor.catalog.settings import CatalogSettings
from renditor.content.pieces import PieceFiles
from renditor.content.spool import Received
from renditor.errors import (
    BadRequest,
    ChecksumMismatch,
    Conflict,
    Gone,
    NotFound,
    OutOfSpace,
    RequestTimeout,
    TooLarge,
    TooManyRequests,
)
from renditor.ingest.quotas import Quotas
from renditor.ingest.resumable import Piece, Resumable
from renditor.models import Note, Principal, now_ms
from renditor.uploads.tus import BODY_TYPE, Checksum, Creation, check_append, read_checksum

OWNER = Principal("zoe", scopes=frozenset({"write"}))
STRANGER = Principal("max", scopes=frozenset({"write"}))


class Adopting:
    """Stands for the upload flow: takes whole files, and remembers their bytes."""

    def __init__(self) -> None:
        self.taken: dict[str, bytes] = {}
        self.limits = type("Limits", (), {"largest": 1000})
        self.quotas = Quotas()
        self.refusal: Exception | None = None

    def check_allowance(self, *_: Any) -> None:
        pass

    def check_beginning(self, *_: Any) -> None:
        pass

    async def note(self, *_: Any, **__: Any) -> Note:
        return lambda _: None

    async def adopt(self, _: Principal, received: Received, __: Any, asset_id: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        content = received.path.read_bytes()
        if not content:
            raise BadRequest("empty")
        assert hashlib.sha256(content).hexdigest() == received.sha256
        assert asset_id not in self.taken
        self.taken[asset_id] = content


@dataclass
class Known:
    """What the model knows of an upload."""

    length: int
    part: bool
    content: bytes = b""
    gone: bool = False


async def pieces(content: bytes, end: Exception | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 7):
        yield content[start : start + 7]
    if end:
        raise end


def checksum(content: bytes) -> Checksum:
    read = read_checksum("sha256 " + base64.b64encode(hashlib.sha256(content).digest()).decode())
    assert read is not None
    return read


@cache
def empty_catalog() -> bytes:
    """To make the tables takes longer than all that is done with them here."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.sqlite"
        catalog = Catalog(f"sqlite:///{path}", CatalogSettings())
        catalog.migrate()
        catalog.close()
        return path.read_bytes()


@dataclass
class Bench:
    """A flow with a folder and a catalog of its own."""

    folder: Path
    adopting: Adopting = field(default_factory=Adopting)

    def __post_init__(self) -> None:
        (self.folder / "catalog.sqlite").write_bytes(empty_catalog())
        self.catalog = Catalog(f"sqlite:///{self.folder / 'catalog.sqlite'}", CatalogSettings())
        files = PieceFiles(self.folder / "uploads")
        self.flow = Resumable(self.catalog, self.adopting, files, 3600, 100)  # type: ignore[arg-type]
        self.runner = asyncio.Runner()
        self.run = self.runner.run

    async def create(self, asked: Creation) -> str:
        return (await self.flow.create(OWNER, await self.flow.plan(OWNER, asked))).id

    async def append(self, upload_id: str, piece: Piece) -> int:
        upload = await self.flow.get(OWNER, upload_id)
        check_append(upload, BODY_TYPE, str(upload.offset), None, now_ms())
        return (await self.flow.append(OWNER, upload, piece)).offset

    def change(self, upload_id: str, **values: Any) -> None:
        table = schema.uploads
        self.catalog.write_now(lambda c: c.execute(sa.update(table).where(table.c.id == upload_id).values(**values)))

    def close(self) -> None:
        self.runner.close()
        self.catalog.close()


@contextmanager
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        made = Bench(Path(folder))
        try:
            yield made
        finally:
            made.close()


class Uploads(RuleBasedStateMachine):
    """Every rule does the same to the flow and to the model; the invariant compares all there is."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.bench = Bench(Path(self.folder))
        self.known: dict[str, Known] = {}
        self.assets: dict[str, bytes] = {}

    def teardown(self) -> None:
        self.bench.close()
        shutil.rmtree(self.folder)

    @rule(target=ids, length=st.integers(1, 60), part=st.booleans())
    def create(self, length: int, part: bool) -> str:
        made = self.bench.run(self.bench.create(Creation(length, "", "partial" if part else None)))
        self.known[made] = Known(length, part)
        return made

    @rule(upload=ids, content=st.binary(max_size=80), way=st.sampled_from(["plain", "right", "wrong", "promised"]))
    def append(self, upload: str, content: bytes, way: str) -> None:
        at = self.known[upload]
        broken = BadRequest("other", code="digest-mismatch") if way == "promised" else None
        proof = checksum(content if way == "right" else content + b"x") if way in ("right", "wrong") else None
        piece = Piece(pieces(content, broken), proof, promised=way == "promised")
        if at.gone:
            expected: type[Exception] | None = NotFound
        elif len(at.content) == at.length:
            expected = Conflict
        elif len(at.content) + len(content) > at.length:
            expected = TooLarge
        else:
            expected = {"wrong": ChecksumMismatch, "promised": BadRequest}.get(way)
        if expected:
            with pytest.raises(expected):
                self.bench.run(self.bench.append(upload, piece))
            return
        assert self.bench.run(self.bench.append(upload, piece)) == len(at.content) + len(content)
        self._arrived(upload, content)

    @rule(upload=ids, content=st.binary(max_size=80), error=st.sampled_from([BadRequest, RequestTimeout, OutOfSpace]))
    def break_off(self, upload: str, content: bytes, error: type[Exception]) -> None:
        at = self.known[upload]
        if at.gone or len(at.content) == at.length or len(at.content) + len(content) >= at.length:
            return
        with pytest.raises(error):
            self.bench.run(self.bench.append(upload, Piece(pieces(content, error()))))
        self._arrived(upload, content)

    @rule(upload=ids, junk=st.binary(max_size=80))
    def killed_while_writing(self, upload: str, junk: bytes) -> None:
        at, path = self.known[upload], self.bench.flow.files.path(upload)
        if not at.gone and len(at.content) < at.length:
            with path.open("r+b") as file:
                file.seek(len(at.content))
                file.write(junk)

    @rule(upload=ids)
    def killed_before_finishing(self, upload: str) -> None:
        """All bytes are counted, nothing more was done: the sweep makes the asset."""
        at = self.known[upload]
        if at.gone or at.part or len(at.content) == at.length:
            return
        rest = b"z" * (at.length - len(at.content))
        with self.bench.flow.files.path(upload).open("r+b") as file:
            file.seek(len(at.content))
            file.write(rest)
        (self.bench.flow.files.path(upload)).with_suffix(".whole").touch()
        self.bench.change(upload, offset=at.length, updated_at=0)
        self.bench.run(self.bench.flow.sweep())
        self._arrived(upload, rest)

    @rule(upload=ids)
    def terminate(self, upload: str) -> None:
        at = self.known[upload]
        if at.gone:
            with pytest.raises(NotFound):
                self.bench.run(self.bench.flow.terminate(OWNER, upload))
        else:
            self.bench.run(self.bench.flow.terminate(OWNER, upload))
            at.gone = True

    @rule(upload=ids)
    def expire(self, upload: str) -> None:
        if not self.known[upload].gone:
            self.bench.change(upload, expires_at=now_ms() - 1)
            with pytest.raises(Gone):
                self.bench.run(self.bench.flow.get(OWNER, upload))
            self.bench.run(self.bench.flow.sweep())
            self.known[upload].gone = True

    @rule(parts=st.lists(ids, min_size=1, max_size=3, unique=True))
    def join(self, parts: list[str]) -> None:
        of = [self.known[part] for part in parts]
        asked = Creation(None, "", "final", tuple(parts))
        if any(part.gone for part in of):
            expected: type[Exception] = NotFound
        elif not all(part.part and len(part.content) == part.length for part in of):
            expected = BadRequest
        else:
            made = self.bench.run(self.bench.create(asked))
            self.assets[made] = b"".join(part.content for part in of)
            self.known[made] = Known(len(self.assets[made]), part=False, content=self.assets[made])
            for part in of:
                part.gone = True
            return
        with pytest.raises(expected):
            self.bench.run(self.bench.create(asked))

    @rule(upload=ids)
    def strangers_see_nothing(self, upload: str) -> None:
        with pytest.raises(NotFound):
            self.bench.run(self.bench.flow.get(STRANGER, upload))
        with pytest.raises(NotFound):
            self.bench.run(self.bench.flow.terminate(STRANGER, upload))

    @invariant()
    def all_is_as_the_model_has_it(self) -> None:
        for upload, at in self.known.items():
            path = self.bench.flow.files.path(upload)
            if at.gone:
                assert not path.exists()
                with pytest.raises(NotFound):
                    self.bench.run(self.bench.flow.get(OWNER, upload))
                continue
            assert self.bench.run(self.bench.flow.get(OWNER, upload)).offset == len(at.content)
            finished = not at.part and len(at.content) == at.length
            assert path.exists() is not finished
            if not finished:
                assert path.read_bytes()[: len(at.content)] == at.content
        assert self.bench.adopting.taken == self.assets
        assert not list((Path(self.folder) / "uploads").glob("*.whole"))

    def _arrived(self, upload: str, content: bytes) -> None:
        at = self.known[upload]
        at.content += content
        if not at.part and len(at.content) == at.length:
            self.assets[upload] = at.content


Uploads.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestUploads = Uploads.TestCase


def test_whoever_waited_looks_again() -> None:
    """Two requests are let in at the same offset; the second waits for the first, and must not write over it."""

    async def both(made: Bench) -> list[Any]:
        upload = await made.flow.get(OWNER, await made.create(Creation(10, "")))
        sent = [made.flow.append(OWNER, upload, Piece(pieces(content))) for content in (b"aaaaa", b"bb")]
        await asyncio.gather(*sent, return_exceptions=True)
        after = await made.flow.get(OWNER, upload.id)
        return [after.offset, made.flow.files.path(upload.id).read_bytes()]

    with bench() as made:
        assert made.run(both(made)) in ([5, b"aaaaa"], [2, b"bb"])


def test_a_request_that_is_given_up_ends_before_the_next_begins() -> None:
    async def run(made: Bench) -> int:
        upload = await made.flow.get(OWNER, await made.create(Creation(100, "")))

        async def slow() -> AsyncIterator[bytes]:
            yield b"a" * 50
            await asyncio.sleep(60)

        first = asyncio.ensure_future(made.flow.append(OWNER, upload, Piece(slow())))
        await asyncio.sleep(0.2)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await made.append(upload.id, Piece(pieces(b"b" * 50)))

    with bench() as made:
        assert made.run(run(made)) == 100
        assert list(made.adopting.taken.values()) == [b"a" * 50 + b"b" * 50]


def test_files_that_nobody_knows_are_swept() -> None:
    with bench() as made:
        known = made.run(made.create(Creation(5, "")))
        for name, age in (("0" * 26, 1000), ("1" * 26, 0)):
            path = made.flow.files.path(name)
            path.write_bytes(b"left")
            os.utime(path, (path.stat().st_mtime - age,) * 2)
        made.run(made.flow.sweep())
        assert made.flow.files.names() == sorted(["1" * 26, known])


def test_whole_parts_are_open_uploads() -> None:
    """Parts that are never joined would fill the disk, one after the other."""
    with bench() as made:
        made.flow = Resumable(made.catalog, made.adopting, made.flow.files, 3600, 2)  # type: ignore[arg-type]
        for _ in range(2):
            made.run(made.append(made.run(made.create(Creation(3, "", "partial"))), Piece(pieces(b"abc"))))
        with pytest.raises(Exception, match="More than 2"):
            made.run(made.create(Creation(3, "", "partial")))


def test_an_upload_that_finds_no_place_waits_for_one() -> None:
    """It held room for its bytes since it began; a job for it is another matter, and a matter of time."""
    with bench() as made:
        known = made.run(made.create(Creation(3, "")))
        made.adopting.refusal = TooManyRequests("More than 1 job.", code="quota-jobs")
        with pytest.raises(TooManyRequests):
            made.run(made.append(known, Piece(pieces(b"abc"))))
        made.change(known, updated_at=0)
        made.run(made.flow.sweep())
        assert (made.flow.files.names(), made.adopting.taken) == ([known], {})
        made.adopting.refusal = None
        made.run(made.flow.sweep())
        assert made.adopting.taken == {known: b"abc"}
        assert made.flow.files.names() == []


def test_an_empty_part_waits_for_the_others() -> None:
    """It is whole from the beginning, and no file of its own that the sweep would look at."""
    with bench() as made:
        empty = made.run(made.create(Creation(0, "", "partial")))
        made.change(empty, updated_at=0)
        made.run(made.flow.sweep())
        other = made.run(made.create(Creation(3, "", "partial")))
        made.run(made.append(other, Piece(pieces(b"abc"))))
        final = made.run(made.create(Creation(None, "", "final", (empty, other))))
        assert made.adopting.taken == {final: b"abc"}


@pytest.mark.parametrize("there", [b"abc", b""])
def test_bytes_that_a_machine_lost_are_not_taken_for_zeros(there: bytes) -> None:
    with bench() as made:
        open_, whole = (made.run(made.create(Creation(10, ""))) for _ in range(2))
        made.run(made.append(open_, Piece(pieces(b"abcdefg"))))
        made.change(whole, offset=10, updated_at=0)
        for known in (open_, whole):
            made.flow.files.path(known).write_bytes(there)
        with pytest.raises(NotFound):
            made.run(made.append(open_, Piece(pieces(b"hij"))))
        made.run(made.flow.sweep())
        for known in (open_, whole):
            with pytest.raises(NotFound):
                made.run(made.flow.get(OWNER, known))
        assert (made.adopting.taken, made.flow.files.names()) == ({}, [])

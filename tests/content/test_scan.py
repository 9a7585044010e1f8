"""Scanners against a real socket and real programs; all that goes wrong is "cannot say", never "clean"."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from renditor.content.quarantine import Quarantine
from renditor.content.scan import ClamdScanner, CommandScanner
from renditor.content.settings import ContentSettings
from renditor.errors import Unavailable
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.process import _import_folders
from tests.content.clamd import EICAR, read_stream


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    made.start()
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(b"x" * 700_000)
    return path


@pytest.fixture
def infected(tmp_path: Path) -> Path:
    path = tmp_path / "infected"
    path.write_bytes(b"x" + EICAR)
    return path


@contextlib.asynccontextmanager
async def clamd(answer: bytes | None, path: Path) -> AsyncIterator[list[bytes]]:
    """Answers so to everything; None: says nothing. Yields what it got."""
    got: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await read_stream(reader))
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(take, path):
        yield got


async def test_clamd_gets_every_byte_and_its_word_is_understood(tmp_path: Path, file: Path) -> None:
    scanner = ClamdScanner(str(tmp_path / "clamd"), 5)
    async with clamd(b"stream: OK\0", tmp_path / "clamd") as got:
        assert await scanner.scan(file) is None
    assert got == [b"x" * 700_000]
    async with clamd(b"stream: Win.Test.EICAR_HDB-1 FOUND\0", tmp_path / "clamd"):
        assert await scanner.scan(file) == "Win.Test.EICAR_HDB-1"


@pytest.mark.parametrize(
    "answer",
    [b"", b"INSTREAM size limit exceeded. ERROR\0", b"stream: OK but not really\0", b"UNKNOWN COMMAND\0", b"\xff\xfe"],
)
async def test_what_clamd_says_that_is_no_verdict_is_no_verdict(tmp_path: Path, file: Path, answer: bytes) -> None:
    async with clamd(answer, tmp_path / "clamd"):
        with pytest.raises(Unavailable) as raised:
            await ClamdScanner(str(tmp_path / "clamd"), 5).scan(file)
    assert raised.value.error_code == "scan-unavailable"
    assert str(tmp_path) not in raised.value.detail


async def test_clamd_that_is_away_or_silent(tmp_path: Path, file: Path) -> None:
    for address in (str(tmp_path / "none"), "127.0.0.1:1"):
        with pytest.raises(Unavailable, match="does not answer"):
            await ClamdScanner(address, 5).scan(file)
    async with clamd(None, tmp_path / "clamd"):
        with pytest.raises(Unavailable, match="too long"):
            await ClamdScanner(str(tmp_path / "clamd"), 0.2).scan(file)


async def test_clamd_that_hangs_up_on_long_files_is_still_heard(tmp_path: Path, file: Path) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(b"zINSTREAM\0") + struct.calcsize(">I"))
        writer.write(b"INSTREAM size limit exceeded. ERROR\0")
        writer.close()

    async with await asyncio.start_unix_server(take, tmp_path / "clamd"):
        with pytest.raises(Unavailable):
            await ClamdScanner(str(tmp_path / "clamd"), 5).scan(file)


def command(launcher: Launcher, code: str, seconds: float = 10) -> CommandScanner:
    argv = [str(Path(sys.executable).resolve()), "-I", "-S", "-c", f"import sys\n{code}", "{file}"]
    return CommandScanner(launcher, argv, tuple(_import_folders()), seconds)


LOOK = (
    "data = open(sys.argv[1], 'rb').read()\n"
    "if b'EICAR' in data: print(f'{sys.argv[1]}: Eicar-Signature FOUND'); sys.exit(1)"
)


async def test_a_command_says_it_by_its_status(launcher: Launcher, file: Path, infected: Path) -> None:
    assert await command(launcher, LOOK).scan(file) is None
    assert await command(launcher, LOOK).scan(infected) == "Eicar-Signature"
    assert await command(launcher, "sys.exit(1)").scan(file) == "unnamed"


@pytest.mark.parametrize("code", ["sys.exit(2)", "import os; os.kill(os.getpid(), 9)", "while True: pass"])
async def test_a_command_that_fails_has_found_nothing_out(launcher: Launcher, file: Path, code: str) -> None:
    with pytest.raises(Unavailable):
        await command(launcher, code, seconds=1).scan(file)


async def test_a_command_that_is_not_there(launcher: Launcher, file: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be started"):
        await CommandScanner(launcher, ["/nonexistent/scan", "{file}"], (), 5).scan(file)


async def test_a_command_reads_the_file_and_nothing_beside_it(launcher: Launcher, file: Path, tmp_path: Path) -> None:
    """A scanner that the file has taken over."""
    other = tmp_path / "other"
    other.write_bytes(b"secret")
    for attempt in (
        f"open({str(other)!r})",
        "open(sys.argv[1], 'r+b')",
        f"open({str(tmp_path / 'new')!r}, 'w')",
        "import socket; socket.create_connection(('127.0.0.1', 1))",
    ):
        code = f"try:\n  {attempt}\nexcept PermissionError: sys.exit(0)\nexcept BaseException: sys.exit(3)\nsys.exit(4)"
        assert await command(launcher, code).scan(file) is None, attempt


def test_quarantine_keeps_each_content_once_and_not_too_much(tmp_path: Path, file: Path) -> None:
    place = Quarantine(tmp_path / "quarantine", 1_000_000)
    assert place.keep(file, 700_000, "a" * 64)
    assert place.keep(file, 700_000, "a" * 64)
    assert not place.keep(file, 700_000, "b" * 64)
    (kept,) = (tmp_path / "quarantine").iterdir()
    assert kept.read_bytes() == file.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o400
    assert not Quarantine(None, 1_000_000).keep(file, 700_000, "c" * 64)


@pytest.mark.parametrize(
    "wrong",
    [
        {"formats": ["exe"]},
        {"scan_socket": "clamd"},
        {"scan_socket": "127.0.0.1:0"},
        {"scan_command": ["clamscan", "{file}"]},
        {"scan_command": ["/usr/bin/clamscan"]},
        {"scan_command": []},
        {"scan_command": ["/bin/x", "{file}"], "scan_socket": "/run/clamd"},
    ],
)
def test_settings_that_could_not_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ContentSettings.model_validate(wrong)

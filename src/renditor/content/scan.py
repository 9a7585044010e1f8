"""Scanners: programs of others that say whether a file is known to be malicious.

Two kinds: clamd, by its own protocol (``INSTREAM`` of clamd(8)), and any command that keeps to the exit statuses of
clamscan(1). What a scanner says is passed on as a name; a scanner that says nothing clear has failed, never found
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from renditor.content.settings import PLACE, ContentSettings
from renditor.errors import LimitExceeded, Unavailable
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.policy import Limits, Policy

_CHUNK: Final = 256 * 1024
_ANSWER_BYTES: Final = 4096
_NAME_CHARACTERS: Final = 200
_CLEAN, _INFECTED = 0, 1
# What a scanner may use: engines with their signatures take 1 to 3 GB. Nothing that it writes is wanted.
_MEMORY: Final = 8 * 1024**3
_FILE_SIZE: Final = 0
_PRINTED_BYTES: Final = 256 * 1024
_FOUND: Final = re.compile(r"^(?:.*: )?(.+) FOUND$", re.MULTILINE)
# What doctor sends: clean to every scanner.
HARMLESS: Final = b"renditor asks whether you are there.\n"


class Scanner(Protocol):
    """Looks at files."""

    async def scan(self, path: Path) -> str | None:
        """What the file is infected with; None: nothing was found. Raises: Unavailable (code ``scan-unavailable``)."""


def scanner(settings: ContentSettings, launcher: Launcher) -> Scanner | None:
    """The scanner that is set up, if one is."""
    if settings.scan_socket is not None:
        return ClamdScanner(settings.scan_socket, settings.scan_seconds)
    if settings.scan_command is not None:
        reads = tuple(str(path) for path in settings.scan_reads)
        return CommandScanner(launcher, settings.scan_command, reads, settings.scan_seconds)
    return None


def unavailable(reason: str) -> Unavailable:
    """The error of a scan that came to no end. ``reason`` is for the operator: it never has a path of the server."""
    return Unavailable(f"The file could not be scanned: {reason}.", hint=_HINT, code="scan-unavailable")


_HINT: Final = "Try again later; `renditor doctor` tells the operator what is wrong with the scanner."


@dataclass(frozen=True, slots=True)
class ClamdScanner:
    """clamd at ``address``: the path of its socket, or host:port. A scan takes at most ``seconds``."""

    address: str
    seconds: float

    async def scan(self, path: Path) -> str | None:
        try:
            async with asyncio.timeout(self.seconds):
                answer = await self._ask(path)
        except TimeoutError:
            raise unavailable("the scanner took too long") from None
        except OSError:
            raise unavailable("the scanner does not answer") from None
        text = answer.rstrip(b"\0\n").decode(errors="replace")
        if text.endswith(": OK"):
            return None
        found = _FOUND.search(text)
        if found is None:  # such as "INSTREAM size limit exceeded. ERROR"
            raise unavailable("the scanner failed")
        return _name(found[1])

    async def _ask(self, path: Path) -> bytes:
        if self.address.startswith("/"):
            reader, writer = await asyncio.open_unix_connection(self.address)
        else:
            host, _, port = self.address.rpartition(":")
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        try:
            # clamd hangs up on what is longer than its limit, and says so before: its answer is read all the same.
            with contextlib.suppress(ConnectionError):
                await _send(writer, path)
            return await reader.read(_ANSWER_BYTES)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _send(writer: asyncio.StreamWriter, path: Path) -> None:
    """``zINSTREAM``, the file in chunks each with its length, and a chunk of no length."""
    file: BinaryIO = await asyncio.to_thread(path.open, "rb")
    try:
        writer.write(b"zINSTREAM\0")
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            writer.write(struct.pack(">I", len(chunk)) + chunk)
            await writer.drain()
        writer.write(struct.pack(">I", 0))
        await writer.drain()
    finally:
        file.close()


@dataclass(frozen=True, slots=True)
class CommandScanner:
    """A command in the sandbox: it reads the file and ``reads``, writes nothing, and reaches no network.

    The paths are absolute.
    """

    launcher: Launcher
    command: Sequence[str]
    reads: tuple[str, ...]
    seconds: float

    async def scan(self, path: Path) -> str | None:
        limits = Limits(memory=_MEMORY, cpu_seconds=max(1, round(self.seconds)), file_size=_FILE_SIZE)
        file = str(path)
        try:
            done = await self.launcher.run(
                [argument.replace(PLACE, file) for argument in self.command],
                policy=Policy(read=(file, *self.reads), limits=limits),
                timeout=self.seconds,
                max_output=_PRINTED_BYTES,
            )
        except TimeoutError:
            raise unavailable("the scanner took too long") from None
        except LimitExceeded:
            raise unavailable("the scanner says too much") from None
        except OSError:
            raise unavailable("the scanner cannot be started") from None
        if done.returncode == _CLEAN:
            return None
        if done.returncode != _INFECTED:
            raise unavailable("the scanner failed")
        found = _FOUND.search(done.stdout.decode(errors="replace"))
        return _name(found[1]) if found else "unnamed"


def _name(text: str) -> str:
    """For logs and the audit log: one line of bounded length. The scanner read a hostile file."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_NAME_CHARACTERS])

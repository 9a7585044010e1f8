"""A small server that speaks as much of clamd's protocol as a scan needs."""

from __future__ import annotations

import asyncio
import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

# The test file of all virus scanners (eicar.org), in two halves: else they would find it in this file.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


async def read_stream(reader: asyncio.StreamReader) -> bytes:
    """The file that is sent with ``zINSTREAM``."""
    assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
    data = b""
    while length := struct.unpack(">I", await reader.readexactly(4))[0]:
        data += await reader.readexactly(length)
    return data


class _Answer(socketserver.StreamRequestHandler):
    """One scan."""

    def handle(self) -> None:
        assert self.rfile.read(10) == b"zINSTREAM\0"
        data = b""
        while length := struct.unpack(">I", self.rfile.read(4))[0]:
            data += self.rfile.read(length)
        self.wfile.write(b"stream: Eicar-Test-Signature FOUND\0" if EICAR in data else b"stream: OK\0")


@contextlib.contextmanager
def listening(path: Path) -> Iterator[None]:
    """It answers at this socket as long as the block lasts."""
    with socketserver.ThreadingUnixStreamServer(str(path), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            path.unlink()

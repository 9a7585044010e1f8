"""A small server that speaks as much of clamd's protocol as a scan needs."""

from __future__ import annotations

import asyncio
import contextlib
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


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        found = EICAR in await read_stream(reader)
        writer.write(b"stream: Eicar-Test-Signature FOUND\0" if found else b"stream: OK\0")
        await writer.drain()
    writer.close()


@contextlib.contextmanager
def listening(path: Path) -> Iterator[None]:
    """It answers at this socket as long as the block lasts."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_unix_server(_answer, path))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.close()
        path.unlink(missing_ok=True)

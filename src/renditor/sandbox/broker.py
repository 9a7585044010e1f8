"""One decoder pool for all processes of a machine: the ``renderer`` process serves it on a Unix socket.

Each call is a connection of its own, so answers cannot be mixed up: a caller that leaves closes it, and either side
sees at once that the other has gone. Source and content travel as descriptors, never as bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from renditor.errors import Internal, Overloaded, RenditorError, Unavailable
from renditor.sandbox import descriptors as opened
from renditor.sandbox import frames
from renditor.sandbox.pool import Answer, DecoderPool

log = logging.getLogger(__name__)

_BACKLOG: Final = 512
_REQUEST_SECONDS: Final = 5.0  # for a client to say what it wants after it has connected
_ADDRESS_SIZE: Final = 107  # bytes of a path that fit into struct sockaddr_un

_CONNECT_SECONDS: Final = 5.0  # a restart of the renderer process takes about one
_RETRY_SECONDS: Final = 0.02
_SLACK_SECONDS: Final = 60.0  # beyond the job's own time: waiting in the queue, starting a decoder


async def serve_broker(pool: DecoderPool, path: Path) -> None:
    """Serve the pool to processes of the same user until cancelled.

    Args:
        pool: started; stays the caller's.
        path: of the socket, in a folder that only this user may enter. A socket that is there is replaced.
    """
    loop = asyncio.get_running_loop()
    listener, inode = _listen(path)
    calls: set[asyncio.Task[None]] = set()
    try:
        while True:
            connection, _ = await loop.sock_accept(listener)
            task = loop.create_task(_serve(pool, connection))
            calls.add(task)
            task.add_done_callback(calls.discard)
    finally:
        listener.close()
        _remove(path, inode)
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


def _listen(path: Path) -> tuple[socket.socket, int]:
    """The listening socket, and the inode of its file."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        # Bound beside its place and moved there: clients never find a socket that nobody listens on yet.
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        with _address(temporary) as address:
            listener.bind(address)
        temporary.chmod(0o600)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        inode = temporary.stat().st_ino
        temporary.rename(path)
    except BaseException:
        listener.close()
        raise
    return listener, inode


def _remove(path: Path, inode: int) -> None:
    """Clear our socket away, unless another broker has taken the place."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            path.unlink()


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """The path as a socket address, which holds 107 bytes: a longer one goes by way of its open folder."""
    if len(os.fsencode(path)) <= _ADDRESS_SIZE:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


async def _serve(pool: DecoderPool, connection: socket.socket) -> None:
    """Answer the one request of a connection. The client going away cancels it."""
    with connection:
        connection.setblocking(False)
        if not _same_user(connection):
            return
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                frame = await frames.receive_async(connection, descriptors=frames.REQUEST)
        except (TimeoutError, ValueError):
            return
        if frame is None:
            return
        message, descriptors = frame
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        loop.add_reader(connection.fileno(), task.cancel if task else connection.close)
        try:
            answer = await _exchange(pool, message, descriptors)
            with contextlib.suppress(OSError):
                frames.send(connection, answer)
        finally:
            loop.remove_reader(connection.fileno())
            opened.close(descriptors)


async def _exchange(pool: DecoderPool, message: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    source, output, *layers = descriptors
    try:
        meta = await pool.exchange(message["request"], source, output, timeout=message["timeout"], layers=layers)
        return {"meta": meta}
    except RenditorError as error:
        return {"error": frames.pack_error(error)}
    except (KeyError, TypeError, ValueError) as error:
        log.error("a client sent a request that cannot be passed on: %s", error)  # noqa: TRY400 - not our trace
        return {"error": frames.pack_error(Internal("The request does not fit the decoder."))}


def _same_user(connection: socket.socket) -> bool:
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return user in {os.geteuid(), 0}


class BrokerClient:
    """A ``Decoder`` that asks the machine's ``renderer`` process. Usable from any event loop and thread.

    Args:
        path: of the broker's socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def call(
        self,
        request: dict[str, Any],
        source: int,
        *,
        timeout: float,  # noqa: ASYNC109 - see Decoder
        layers: Sequence[int] = (),
    ) -> Answer:
        """See ``Decoder``. A broker that goes away in the middle is asked once more after its restart."""
        message = {"request": request, "timeout": timeout}
        for _ in range(2):
            with frames.memory_file() as output, await self._connect() as connection:
                try:
                    async with asyncio.timeout(timeout + _SLACK_SECONDS):
                        answer = await _ask(connection, message, (source, output, *layers))
                except TimeoutError:
                    raise Unavailable("The decoder service does not answer.") from None
                if answer is None:
                    continue
                meta = answer.get("meta")
                if not isinstance(meta, dict):
                    raise frames.unpack_error(answer.get("error"))
                return Answer(meta, frames.content_of(output))
        raise Overloaded("The decoder service stopped while it worked on this file.", hint="Try again.")

    async def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.setblocking(False)
        deadline = time.monotonic() + _CONNECT_SECONDS
        try:
            while True:
                try:
                    with _address(self._path) as address:
                        connection.connect(address)
                except OSError as error:  # restarting, or its backlog is full
                    if time.monotonic() > deadline:
                        raise Unavailable("The decoder service does not run.", hint="Run `renditor doctor`.") from error
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    return connection
        except BaseException:
            connection.close()
            raise


async def _ask(
    connection: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...]
) -> dict[str, Any] | None:
    """None: the broker went away."""
    try:
        frames.send(connection, message, descriptors)
        frame = await frames.receive_async(connection)
    except (BrokenPipeError, ConnectionResetError):
        return None
    return None if frame is None else frame[0]

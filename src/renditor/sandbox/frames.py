"""JSON messages with descriptors, one per packet of a Unix socket: the wire between decoders, broker and clients.

A request is ``{"request": ..., "timeout": seconds}`` with descriptors: the source (read only), an empty memory file for
the content of the answer, and the layers (files read along with the source, read only too). So no bytes cross and the
decoder opens nothing. An answer is ``{"meta": ...}`` or ``{"error": ...}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Iterator
from typing import Any, Final

from renditor import errors
from renditor.errors import Internal, RenditorError
from renditor.sandbox import descriptors as opened

# Bytes. Below the kernel's default for one packet (208 KiB); a decoder taken over by its input cannot send more.
MAX_FRAME: Final = 128 * 1024
# Files that one request may read beside its source. Each takes a descriptor in every process on the way, and decoders
# have few.
MAX_LAYERS: Final = 8
REQUEST: Final = range(2, 2 + MAX_LAYERS + 1)  # descriptors that a request may carry
_NONE: Final = range(1)
_TEXT: Final = 500  # characters of an error text that are passed on

Frame = tuple[dict[str, Any], list[int]]


def send(channel: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    """Send one frame.

    Raises:
        ValueError: the message is too large, or there are more descriptors than a request may carry.
        OSError: the other side has gone.
    """
    if len(descriptors) not in range(REQUEST.stop):
        raise ValueError("too many descriptors for one frame")
    payload = json.dumps(message, separators=(",", ":")).encode()
    if len(payload) > MAX_FRAME:
        raise ValueError("the message is too large for one frame")
    if descriptors:
        socket.send_fds(channel, [payload], descriptors)
    else:
        channel.send(payload)


def receive(channel: socket.socket, *, descriptors: range = _NONE) -> Frame | None:
    """Receive one frame; None at the end.

    Args:
        channel: connected.
        descriptors: how many may come with it. None that came with another frame stays open.

    Raises:
        ValueError: not a JSON object, or other descriptors than expected.
        BlockingIOError: nothing there (non-blocking sockets).
    """
    given: list[int] = []
    complete = True
    try:
        if descriptors == _NONE:
            payload = channel.recv(MAX_FRAME)
        else:
            payload, given, complete = opened.receive(channel, MAX_FRAME, descriptors[-1])
    except ConnectionResetError:
        return None
    if not payload:
        return None
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or not complete or len(given) not in descriptors:
        opened.close(given)
        raise ValueError("not a frame")
    return message, given


async def receive_async(channel: socket.socket, *, descriptors: range = _NONE) -> Frame | None:
    """``receive`` for a non-blocking socket and whatever event loop runs."""
    while True:
        try:
            return receive(channel, descriptors=descriptors)
        except BlockingIOError:
            await _readable(channel)


async def _readable(channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    number = channel.fileno()
    loop.add_reader(number, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(number)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


@contextlib.contextmanager
def memory_file() -> Iterator[int]:
    """An empty file that exists in memory only, for the content of one answer."""
    descriptor = os.memfd_create("answer", os.MFD_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def content_of(descriptor: int) -> bytes:
    """All bytes of a memory file. Its size is bounded by the file size limit of the decoder that wrote it."""
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def pack_error(error: RenditorError) -> dict[str, Any]:
    """An error as JSON. ``kind`` is the code of its class, ``code`` its own."""
    return {"kind": error.code, "code": error.error_code, "detail": error.detail, "hint": error.hint}


def unpack_error(fields: object) -> RenditorError:
    """The error that ``pack_error`` packed. The sender may be hostile: anything odd becomes ``Internal``."""
    if not isinstance(fields, dict):
        return Internal()
    kind = _KINDS.get(str(fields.get("kind")), Internal)
    hint = fields.get("hint")
    return kind(
        str(fields.get("detail", ""))[:_TEXT],
        hint=None if hint is None else str(hint)[:_TEXT],
        code=str(fields.get("code") or kind.code)[:_TEXT],
    )


_KINDS: Final = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RenditorError) and kind is not RenditorError
}

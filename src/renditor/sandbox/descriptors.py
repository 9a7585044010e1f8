"""Open files received over a Unix socket. Standard library only: the launcher process uses it too."""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Iterable
from typing import Final

_INT: Final = array.array("i").itemsize


def receive(channel: socket.socket, size: int, count: int) -> tuple[bytes, list[int], bool]:
    """One message with up to ``count`` descriptors, none of which a program started later inherits.

    ``socket.recv_fds`` cannot do that: up to Python 3.12 it ignores its flags.

    Returns:
        The bytes, the descriptors, and whether both arrived whole. The kernel closes descriptors beyond ``count``.
    """
    space = socket.CMSG_LEN(count * _INT)
    payload, ancillary, flags, _ = channel.recvmsg(size, space, socket.MSG_CMSG_CLOEXEC)
    numbers = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(data[: len(data) - len(data) % _INT])
    return payload, list(numbers), not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)


def close(numbers: Iterable[int]) -> None:
    """Close each of them."""
    for number in numbers:
        os.close(number)

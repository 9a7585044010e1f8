"""Bytes on a connection, for requests that no HTTP client would send."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Any

_SILENCE = 2.0  # seconds without a byte after which the server is taken to have said all


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. Names of headers are in lower case; of several equal ones the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes


def connect(port: int, context: ssl.SSLContext | None = None) -> Any:
    connection = socket.create_connection(("127.0.0.1", port), timeout=_SILENCE)
    return connection if context is None else context.wrap_socket(connection, server_hostname="localhost")


def ask(port: int, request: bytes, context: ssl.SSLContext | None = None) -> tuple[list[Answer], bool]:
    """Send it as it stands. Returns all responses, and whether the server closed the connection after them."""
    with connect(port, context) as connection:
        # It may close before it has read all.
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        received, closed = read(connection)
    return split(received), closed


def one(port: int, request: bytes, context: ssl.SSLContext | None = None) -> Answer:
    """As ``ask``, for a request that is answered once."""
    answers, _ = ask(port, request, context)
    assert len(answers) == 1, answers
    return answers[0]


def read(connection: Any) -> tuple[bytes, bool]:
    """All that comes until the end or until nothing more comes, and whether it was the end."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except TimeoutError:
        return received, False
    except (ConnectionError, ssl.SSLError):
        pass
    return received, True


def split(received: bytes) -> list[Answer]:
    """Responses one after the other, each with a length."""
    answers = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        status = re.fullmatch(r"HTTP/1\.[01] (\d{3}) .*", first)
        assert status, received[:200]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        answers.append(Answer(int(status[1]), headers, rest[:length]))
        received = rest[length:]
    return answers

"""Forms of any shape, in pieces of any size: the file in them, or a refusal that says why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from renditor.api import bodies
from renditor.api.bodies import upload_body
from renditor.errors import BadRequest, RequestTimeout

PARTS = (
    b"--b",
    b"--b--",
    b"\r\n",
    b"\n",
    b'Content-Disposition: form-data; name="file"; filename="a"',
    b'name="tags"',
    b":",
)


def received(content: bytes, cuts: Sequence[int], content_type: str) -> bytes:
    """What is taken for the file of a body that comes cut like this."""
    ends = sorted({min(cut, len(content)) for cut in cuts} | {len(content)})
    messages = [
        {"type": "http.request", "body": content[start:end], "more_body": True}
        for start, end in zip([0, *ends], ends, strict=False)
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    waiting = iter(messages)

    async def receive() -> Any:
        return next(waiting)

    headers = [(b"content-type", content_type.encode())]
    body = upload_body(Request({"type": "http", "headers": headers, "query_string": b""}, receive))

    async def read() -> bytes:
        return b"".join([bytes(chunk) async for chunk in body.chunks()])

    return asyncio.run(read())


def form(content: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    tags = b'--b\r\nContent-Disposition: form-data; name="tags"\r\n\r\nx\r\n'
    return tags + head + content + b"\r\n--b--\r\n"


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20) | st.sampled_from(PARTS[2:]), max_size=8), st.lists(st.integers(0, 300)))
def test_the_file_of_a_form_whatever_its_bytes_and_pieces(parts: list[bytes], cuts: list[int]) -> None:
    content = b"".join(parts)
    if b"\r\n--b" not in b"\r\n" + content:
        assert received(form(content), cuts, "multipart/form-data; boundary=b") == content


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS) | st.binary(max_size=10), max_size=15), st.lists(st.integers(0, 200)))
def test_any_form_is_read_or_refused(parts: list[bytes], cuts: list[int]) -> None:
    try:
        received(b"".join(parts), cuts, "multipart/form-data; boundary=b")
    except BadRequest as refusal:
        assert refusal.error_code in ("bad-form", "no-file", "bad-request")


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_any_boundary_is_taken_or_refused(text: str) -> None:
    try:
        received(form(b"x"), [], f"multipart/form-data; boundary={text}")
    except BadRequest as refusal:
        assert refusal.error_code in ("bad-form", "no-file", "bad-request")


def dripping(pieces: int, size: int, pause: float, handling: float = 0) -> int:
    """How many bytes are taken of a body whose pieces come so far apart, each handled for so long."""
    sent = 0

    async def receive() -> Any:
        nonlocal sent
        sent += 1
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"x" * size, "more_body": sent < pieces}

    async def read() -> int:
        taken = 0
        async for chunk in upload_body(Request({"type": "http", "headers": [], "query_string": b""}, receive)).chunks():
            taken += len(chunk)
            await asyncio.sleep(handling)
        return taken

    return asyncio.run(read())


def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_SLOW_BYTES", 1000)
    monkeypatch.setattr(bodies, "_SLOW_SECONDS", 0.5)
    with pytest.raises(RequestTimeout, match=r"less than 1000 bytes in 0\.5 s"):
        dripping(100, 10, 0.1)
    with pytest.raises(RequestTimeout):
        dripping(2, 0, 60)


def test_a_slow_line_and_a_slow_disk_are_no_fault_of_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_SLOW_BYTES", 1000)
    monkeypatch.setattr(bodies, "_SLOW_SECONDS", 0.5)
    assert dripping(12, 1000, 0.1) == 12_000  # longer than the limit, and fast enough all the time
    assert dripping(4, 10, 0.01, handling=0.3) == 40

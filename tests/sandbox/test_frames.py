from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renditor import errors
from renditor.errors import CorruptMedia, Internal, RenditorError, Unavailable
from renditor.sandbox import descriptors, frames

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        yield left, right


def test_a_frame_carries_json_and_descriptors(pair: Pair) -> None:
    with frames.memory_file() as file:
        frames.send(pair[0], {"a": ["ä", 1, None]}, (file,))
        os.write(file, b"content")
        received = frames.receive(pair[1], descriptors=range(1, 2))
        assert received is not None
        message, (copy,) = received
        assert message == {"a": ["ä", 1, None]}
        assert frames.content_of(copy) == b"content"
        assert not os.get_inheritable(copy)
        os.close(copy)


def test_the_end_is_none(pair: Pair) -> None:
    pair[0].close()
    assert frames.receive(pair[1]) is None


def test_a_message_that_is_too_large_is_not_sent(pair: Pair) -> None:
    with pytest.raises(ValueError, match="too large"):
        frames.send(pair[0], {"a": "x" * frames.MAX_FRAME})


@pytest.mark.parametrize("payload", [b"[]", b"{", b"\xff", b"1", b"[" * 100_000, b'"text"'])
def test_nonsense_is_an_error_of_one_kind(pair: Pair, payload: bytes) -> None:
    pair[0].send(payload)
    with pytest.raises(ValueError, match="not a frame"):
        frames.receive(pair[1])


def test_descriptors_nobody_asked_for_do_not_stay_open(pair: Pair) -> None:
    before = psutil.Process().num_fds()
    frames.send(pair[0], {}, (0,))
    assert frames.receive(pair[1]) == ({}, [])
    for sent, expected in ((1, range(2, 3)), (1, frames.REQUEST), (3, range(1, 3))):
        frames.send(pair[0], {}, (0,) * sent)
        with pytest.raises(ValueError, match="not a frame"):
            frames.receive(pair[1], descriptors=expected)
    assert psutil.Process().num_fds() == before


def test_a_request_carries_a_source_an_answer_and_layers(pair: Pair) -> None:
    for layers in (0, 1, frames.MAX_LAYERS):
        frames.send(pair[0], {}, (0,) * (2 + layers))
        received = frames.receive(pair[1], descriptors=frames.REQUEST)
        assert received is not None
        assert len(received[1]) == 2 + layers
        descriptors.close(received[1])
    with pytest.raises(ValueError, match="too many"):
        frames.send(pair[0], {}, (0,) * (3 + frames.MAX_LAYERS))


async def test_waiting_for_a_frame_can_be_cancelled_without_losing_it(pair: Pair) -> None:
    pair[1].setblocking(False)
    waiting = asyncio.create_task(frames.receive_async(pair[1]))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    frames.send(pair[0], {"n": 1})
    assert await frames.receive_async(pair[1]) == ({"n": 1}, [])


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RenditorError)]
)
def test_errors_arrive_as_what_they_were(kind: type[RenditorError]) -> None:
    sent = kind("What happened.", hint="Do this.", code="special")
    got = frames.unpack_error(frames.pack_error(sent))
    assert (got.status, got.detail, got.hint, got.error_code) == (kind.status, "What happened.", "Do this.", "special")
    assert kind is RenditorError or type(got) is kind


def test_similar_errors_are_told_apart() -> None:
    assert type(frames.unpack_error(frames.pack_error(Unavailable()))) is Unavailable
    assert type(frames.unpack_error(frames.pack_error(CorruptMedia()))) is CorruptMedia


@settings(deadline=None)  # a busy machine is no failure
@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_a_hostile_error_is_still_an_error(fields: object) -> None:
    assert isinstance(frames.unpack_error(fields), RenditorError)


def test_error_texts_from_a_decoder_are_cut() -> None:
    got = frames.unpack_error({"kind": ["x"], "code": 5, "detail": "x" * 10_000, "hint": "y" * 10_000})
    assert type(got) is Internal
    assert len(got.detail) == len(got.hint or "") == 500

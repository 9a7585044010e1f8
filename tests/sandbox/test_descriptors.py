from __future__ import annotations

import os
import socket

import psutil
import pytest

from renditor.sandbox import descriptors


def test_what_arrives_is_not_inherited_by_programs() -> None:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        socket.send_fds(left, [b"hello"], [0, 1])
        payload, numbers, complete = descriptors.receive(right, 100, 2)
    assert (payload, len(numbers), complete) == (b"hello", 2, True)
    assert not any(os.get_inheritable(number) for number in numbers)
    descriptors.close(numbers)


@pytest.mark.parametrize(("size", "count"), [(2, 3), (100, 1)])
def test_more_than_expected_is_cut_and_said(size: int, count: int) -> None:
    us = psutil.Process()
    before = us.num_fds()
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        socket.send_fds(left, [b"hello"], [0, 1, 2])
        payload, numbers, complete = descriptors.receive(right, size, count)
    assert payload == b"hello"[:size]
    assert not complete
    descriptors.close(numbers)
    assert us.num_fds() == before

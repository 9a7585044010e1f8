"""The loop of a decoder child: seal the process, then answer one request after the other.

A decoder is a module that imports all it will ever need, warms it up, and ends in ``serve(handler)``. After that it
opens nothing: each source comes as an open descriptor, each result goes into a memory file it was handed.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import os
import select
import signal
import socket
import traceback
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Final, NoReturn

from renditor.errors import Internal, LimitExceeded, RenditorError
from renditor.sandbox import descriptors as opened
from renditor.sandbox import frames
from renditor.sandbox.policy import SEALED, Policy, lockdown, protections

CHANNEL: Final = 3  # the descriptor number under which the pool hands over the socket
_IDLE_MS: Final = 1000

# (request, descriptor of the source, file for the content of the answer, descriptors of layers) -> meta of the answer
Handler = Callable[[dict[str, Any], int, BinaryIO, Sequence[int]], dict[str, Any]]


def serve(handler: Handler, *, policy: Policy = SEALED) -> NoReturn:
    """Answer requests until the pool closes the channel. Everything must have been imported before.

    The handler raises errors of ``renditor.errors`` for what is wrong with a file; they reach the caller as they are.

    Args:
        handler: called with the request, the source's descriptor, a writable file for the answer's content, and the
            descriptors of the layers. All are closed after it.
        policy: what the handler may still open by name; by default nothing.
    """
    # The loop's own needs, while files can still be opened: without this the first traceback would import.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    channel = socket.socket(fileno=CHANNEL)
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    lockdown(policy)
    frames.send(channel, {"hello": protections().to_json()})
    while True:
        if not poll.poll(_IDLE_MS):
            gc.collect()
            if trim is not None:
                trim(0)  # glibc keeps the memory of the last big picture otherwise
            poll.poll()
        frame = frames.receive(channel, descriptors=frames.REQUEST)
        if frame is None:
            os._exit(0)
        answer = _work(handler, *frame)
        try:
            frames.send(channel, answer)
        except ValueError:
            error = frames.pack_error(Internal("The decoder's answer is too large."))
            frames.send(channel, {"id": answer["id"], "error": error})


def _work(handler: Handler, message: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": message["id"]}
    source, output, *layers = descriptors
    try:
        with open(output, "wb") as content, cpu_budget(message["timeout"]):
            answer["meta"] = handler(message["request"], source, content, layers)
            content.flush()
    except RenditorError as error:
        answer["error"] = frames.pack_error(error)
    except MemoryError:
        answer["error"] = frames.pack_error(LimitExceeded("The file needs more memory than this server allows."))
    except Exception as error:  # noqa: BLE001 - one file must not end the service for the next; the log has the trace
        traceback.print_exc()
        large = isinstance(error, OSError) and error.errno == errno.EFBIG
        reason = LimitExceeded("The result is too large.") if large else Internal("The decoder failed on this file.")
        answer["error"] = frames.pack_error(reason)
    finally:
        opened.close([source, *layers])
    return answer


@contextlib.contextmanager
def cpu_budget(seconds: float) -> Any:
    """End the process (SIGPROF) once this one job has used its processor time. A handler may set a smaller budget for
    the worst of its files; the job's own is then restored.

    For the job as a whole, the pool's own timer kills first; this one counts when the pool's process hangs. RLIMIT_CPU
    would not do: it counts whole seconds over all jobs, and a sealed process cannot move it.
    """
    outer = signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, *outer)

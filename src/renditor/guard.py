"""Die with the parent: the very first act of every process that another of our processes started.

The kernel does it on Linux (PR_SET_PDEATHSIG); elsewhere a pipe whose other end only the parent holds. Standard library
only: this runs before anything else is imported.

Call from the main thread of the process, and let the parent start it from a thread that lives on: Linux ties the signal
to the *thread* that forked, not to its process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Final

PARENT_PID: Final = "RENDITOR_PARENT_PID"
"""Set by the parent to its own process id."""
LIFE_PIPE: Final = "RENDITOR_LIFE_FD"
"""Set by the parent to the number of an inherited descriptor that reads end of file once the parent is gone."""

_PR_SET_PDEATHSIG: Final = 1


def die_with_parent(signum: int = signal.SIGTERM) -> None:
    """Have this process sent ``signum`` when its parent is gone, however the parent ends; end now if it already is.

    SIGTERM for processes that have something to stop in order, SIGKILL for the others. Without effect where no parent
    announced itself in the environment (a command typed by a person). The announcement is removed: it does not hold
    for children of this process.
    """
    expected = os.environ.pop(PARENT_PID, None)
    pipe = os.environ.pop(LIFE_PIPE, None)
    if expected is None:
        return
    if _asked_the_kernel(signum):
        if pipe is not None:
            os.close(int(pipe))
    elif pipe is not None:
        threading.Thread(target=_signal_at_end, args=(int(pipe), signum), name="guard", daemon=True).start()
    if os.getppid() != int(expected):
        # The parent died before the kernel was asked: nobody would ever tell.
        os._exit(1)


def announce_parent() -> None:
    """For a process that starts guarded children of its own by means it does not control: it is their parent."""
    os.environ[PARENT_PID] = str(os.getpid())


def _asked_the_kernel(signum: int) -> bool:
    if sys.platform != "linux":
        return False
    import ctypes  # noqa: PLC0415 - only where it is of use

    return bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0) == 0)


def _signal_at_end(pipe: int, signum: int) -> None:
    while os.read(pipe, 1):
        pass
    os.kill(os.getpid(), signum)

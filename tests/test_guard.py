"""Dying with the parent, and only with the parent that announced itself."""

from __future__ import annotations

import os
import subprocess
import sys

from renditor.guard import PARENT_PID

REPORT = (
    "import os; from renditor.guard import *; die_with_parent(); print('lives', 'RENDITOR_PARENT_PID' in os.environ)"
)


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


def test_a_command_typed_by_a_person_is_not_tied_to_its_parent() -> None:
    done = run(
        "import ctypes; from renditor.guard import die_with_parent; die_with_parent()\n"
        "number = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(number)); print(number.value)"
    )
    assert done.stdout == "0\n"


def test_the_announcement_holds_for_one_generation() -> None:
    done = run(REPORT, **{PARENT_PID: str(os.getpid())})
    assert (done.returncode, done.stdout) == (0, "lives False\n")


def test_a_parent_that_died_first_ends_the_child() -> None:
    done = run(REPORT, **{PARENT_PID: "1"})
    assert (done.returncode, done.stdout) == (1, "")


def test_a_process_can_announce_itself_to_children_it_does_not_start_itself() -> None:
    program = (
        "import os, subprocess, sys; from renditor.guard import announce_parent; announce_parent()\n"
        f"print(subprocess.run([sys.executable, '-c', {REPORT!r}], capture_output=True, text=True).stdout, end='')"
    )
    assert run(program).stdout == "lives False\n"


def test_the_kernel_is_asked_where_it_can_be() -> None:
    done = run(
        "import ctypes, signal; from renditor.guard import die_with_parent; die_with_parent(signal.SIGKILL)\n"
        "number = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(number)); print(number.value)",
        **{PARENT_PID: str(os.getpid())},
    )
    assert done.stdout == "9\n"

"""What is written, and how it looks on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from renditor.cli import terminal


def test_escape_sequences_of_others_are_taken_out() -> None:
    assert terminal.printable("a\x1b]0;owned\x07b\x9b31m") == "a\ufffd]0;owned\ufffdb\ufffd31m"
    assert (
        terminal.printable("two\nlines\tand \x1b[31mour colours\x1b[0m") == "two\nlines\tand \x1b[31mour colours\x1b[0m"
    )


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (34_200, "34.2 kB"), (999_960, "1.0 MB"), (7 * 10**15, "7000.0 TB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert terminal.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.0"), (3.04, "0:03.0"), (59.97, "1:00.0"), (3723.5, "1:02:03.5")]
)
def test_clock(seconds: float, shown: str) -> None:
    assert terminal.clock(seconds) == shown


def _on_a_terminal(code: str, **env: str) -> str:
    """What a program writes when stdout and stderr are a terminal."""
    master, slave = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=slave,
        stderr=slave,
        stdin=subprocess.DEVNULL,
        env={**clean, "TERM": "xterm", **env},
    )
    os.close(slave)
    written = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(master)
    process.wait()
    return written.decode()


_FAIL = "from renditor.cli import terminal; terminal.complain('it broke', 'mend it')"
_WORK = """
import time
from renditor.cli import terminal
with terminal.progress("Working") as report:
    for step in range(5):
        report(step / 5, "encoding")
        time.sleep(0.15)
"""


def test_errors_are_coloured_on_a_terminal_unless_no_colour_is_wanted() -> None:
    assert "\x1b[31merror:\x1b[0m it broke" in _on_a_terminal(_FAIL)
    assert _on_a_terminal(_FAIL, NO_COLOR="1") == "error: it broke\r\nhint: mend it\r\n"
    assert "\x1b" not in _on_a_terminal(_FAIL, TERM="dumb")


def test_a_progress_bar_on_a_terminal_only() -> None:
    shown = _on_a_terminal(_WORK)
    assert "Working" in shown
    assert "encoding" in shown
    assert "%" in shown
    done = subprocess.run([sys.executable, "-c", _WORK], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")

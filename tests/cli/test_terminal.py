"""What is written, and how it looks on a terminal."""

from __future__ import annotations

import sys

import pytest

from renditor.cli import terminal

from .pseudoterminal import watch


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


_FAIL = [sys.executable, "-c", "from renditor.cli import terminal; terminal.complain('it broke', 'mend it')"]


def test_errors_are_coloured_on_a_terminal_unless_no_colour_is_wanted() -> None:
    assert "\x1b[31merror:\x1b[0m it broke" in watch(_FAIL, both=True).written
    assert watch(_FAIL, both=True, NO_COLOR="1").written == "error: it broke\r\nhint: mend it\r\n"
    assert "\x1b" not in watch(_FAIL, both=True, TERM="dumb").written

"""The line that shows how far a command is: what stands in it, that it only goes forward, and that it goes away."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.cli.progress import Progress
from renditor.testing import media

from .conftest import Run
from .pseudoterminal import Seen, watch

RENDITOR = (sys.executable, "-m", "renditor.cli")


class Clock:
    """Time that passes when the test says so."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def shown(
    columns: int, *reports: tuple[float, float, str], lasts: float | None = None, title: str = "Work"
) -> list[str]:
    """The lines after reports of (seconds since the one before, fraction, stage)."""
    lines: list[str] = []
    clock = Clock()
    line = Progress(title, lines.append, lambda: columns, clock)
    line.lasts(lasts)
    for passed, fraction, stage in reports:
        clock.seconds += passed
        line(fraction, stage)
    return lines


def percent(line: str) -> int:
    found = re.search(r"(\d+)%", line)
    assert found, line
    return int(found[1])


def test_all_that_stands_in_it() -> None:
    *_, last = shown(100, (0, 0, "probing"), (10, 0.25, "encoding"), lasts=600)
    assert last == "Work  ━━━━━───────────────   25%  2:30/10:00  15.0x  ETA 0:30  encoding"


def test_without_a_length_there_is_no_speed() -> None:
    *_, last = shown(100, (0, 0, "sending"), (10, 0.5, "sending"))
    assert last == "Work  ━━━━━━━━━━──────────   50%  ETA 0:10  sending"


def test_a_speed_is_told_once_there_is_one() -> None:
    (first,) = shown(100, (0, 0.1, "encoding"), lasts=7200)
    assert first == "Work  ━━──────────────────   10%  12:00/2:00:00  encoding"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (90, "Work  ━━────────   25%  2:30/10:00  15.0x  ETA 0:30  encoding"),
        (63, "Work  ━━────────   25%  2:30/10:00  ETA 0:30  encoding"),
        (55, "Work  ━━────────   25%  ETA 0:30  encoding"),
        (40, "━━────────   25%  ETA 0:30  encoding"),
        (32, "━━────────   25%  ETA 0:30"),
        (22, " 25%  ETA 0:30"),
        (12, " 25%"),
        (5, " …"),
        (3, ""),
        (0, ""),
    ],
)
def test_in_a_narrow_window_the_less_important_goes(columns: int, expected: str) -> None:
    assert shown(columns, (0, 0, "encoding"), (10, 0.25, "encoding"), lasts=600)[-1] == expected


def test_a_window_of_80_shows_all_and_cuts_long_names() -> None:
    line = shown(80, (0, 0, "encoding"), (10, 0.25, "encoding"), lasts=600, title="Converting holiday-at-sea.mp4")[-1]
    assert line == "Converting holiday-…  ━━────────   25%  2:30/10:00  15.0x  ETA 0:30  encoding"


@given(
    columns=st.integers(0, 300),
    reports=st.lists(st.tuples(st.floats(0, 50), st.floats(-1, 2), st.text(max_size=12)), max_size=12),
    title=st.text(max_size=60),
    lasts=st.none() | st.floats(0, 10**5),
)
def test_it_fits_and_never_goes_back(
    columns: int, reports: list[tuple[float, float, str]], title: str, lasts: float | None
) -> None:
    lines = shown(columns, *reports, lasts=lasts, title=title)
    assert all(len(line) <= max(columns - 3, 0) for line in lines)
    assert all(line.isprintable() for line in lines)
    if columns > 70:
        done = [percent(line.replace(title, "")) for line in lines]
        assert done == sorted(done)


def test_wide_letters_take_two_cells() -> None:
    (line,) = shown(79, (0, 0.5, "encoding"), title="動画" * 20)
    assert line.startswith("動画" * 7 + "動…  ━")


def test_it_is_not_drawn_for_each_report() -> None:
    lines = shown(100, *[(0.001, number / 1000, "encoding") for number in range(1000)])
    assert 9 <= len(lines) <= 11


# --- on a terminal ---


def test_a_conversion(samples: Path, tmp_path: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "320x180", 8)
    seen = watch([*RENDITOR, "video", source, "out.webm", "--preset", "medium", "--json"])
    assert seen.status == 0
    assert json.loads(seen.out)["path"].endswith("out.webm")
    assert seen.left == ""
    assert len(seen.lines) >= 2
    done = [percent(line) for line in seen.lines]
    assert done == sorted(done)
    assert all(line.startswith("Converting in.mp4  ") for line in seen.lines)
    assert "/0:08" in seen.lines[-1]


def test_the_text_stands_alone_at_the_end(samples: Path) -> None:
    seen = watch([*RENDITOR, "waveform", samples / "song.mp3", "song.svg"], both=True)
    assert seen.status == 0
    assert seen.left.startswith("song.svg: 1800 x 280 px")
    assert len(seen.left.splitlines()) == 1


def test_an_error_stands_alone(samples: Path) -> None:
    seen = watch([*RENDITOR, "hls", samples / "fake.jpg", "out"], both=True)
    assert seen.status == 1
    assert seen.left.startswith("\x1b[31merror:")


def test_after_an_interruption_the_line_is_gone(tmp_path: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "320x180", 8)

    pressed: list[str] = []

    def stop(seen: Seen, _resize: Callable[[int], None], process: subprocess.Popen[bytes]) -> None:
        if not pressed and re.search(r"[1-9]\d%", seen.written):
            pressed.append("^C")  # once: a second one would fall into the end of the interpreter
            process.send_signal(signal.SIGINT)

    seen = watch([*RENDITOR, "video", source, "out.mp4", "--preset", "veryslow", "--crf", "1"], each=stop)
    assert (seen.status, seen.out) == (130, "")
    assert seen.written.endswith("\r\x1b[K")
    assert seen.left == ""


_WORK = """
import time
from renditor.cli.progress import progress
with progress("Working") as report:
    report.lasts(60)
    for step in range(20):
        report(step / 20, "encoding")
        time.sleep(0.06)
"""


def test_a_window_that_gets_narrower() -> None:
    def narrow(seen: Seen, resize: Callable[[int], None], _process: object) -> None:
        if len(seen.lines) > 3 and len(seen.resized) == 1:
            resize(30)

    seen = watch([sys.executable, "-c", _WORK], each=narrow)
    assert seen.resized == [100, 30]
    assert any(len(line) > 50 for line in seen.lines)
    assert all(len(line) <= 27 for line in seen.lines[-2:])


def test_a_terminal_that_knows_ascii_only() -> None:
    seen = watch([sys.executable, "-c", _WORK], PYTHONIOENCODING="ascii")
    assert "#---" in seen.written
    assert seen.written.isascii()


def test_no_terminal_no_line(samples: Path, process: Run) -> None:
    done = process("waveform", samples / "song.mp3", "song.json")
    assert (done.status, done.err) == (0, "")
    assert watch([sys.executable, "-c", _WORK], TERM="dumb").written == ""

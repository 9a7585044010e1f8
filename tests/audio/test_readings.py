from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.audio.commands import LOUDNESS_FILE, SILENCE_ENDS, SILENCE_STARTS
from renditor.audio.readings import forget, heard_loudness, heard_sound, sounding


def events(name: str, *times: float) -> tuple[list[str], list[str]]:
    lines = [line for time in times for line in ("frame:1 pts:0 pts_time:0", f"lavfi.silence_{name}={time}")]
    return lines, lines


@pytest.mark.parametrize(
    ("starts", "ends", "found"),
    [
        ((), (), (0.0, None)),
        ((0.0,), (1.5,), (1.5, None)),
        ((0.0, 3.25), (1.5,), (1.5, 3.25)),
        ((2.0, 4.0), (3.0, 5.0), (0.0, None)),
        ((2.0, 4.0), (3.0,), (0.0, 4.0)),
        ((0.0,), (), None),
        ((1.0,), (), (0.0, 1.0)),
    ],
)
def test_where_there_is_sound(
    starts: tuple[float, ...], ends: tuple[float, ...], found: tuple[float, float | None] | None
) -> None:
    assert sounding(events("start", *starts), events("end", *ends)) == found


@given(*[st.tuples(*[st.lists(st.text(max_size=30)) for _ in "ab"]) for _ in "ab"])
def test_any_text_can_be_read(starts: tuple[list[str], list[str]], ends: tuple[list[str], list[str]]) -> None:
    assert sounding(starts, ends) == (0.0, None)


def test_the_ends_of_long_files(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    assert heard_sound(tmp_path) == (0.0, None)
    middle = "frame:7 pts:7 pts_time:7\nlavfi.silence_start=7\n" * 1000
    (tmp_path / SILENCE_STARTS).write_text(f"frame:1\nlavfi.silence_start=0\n{middle}lavfi.silence_start=99.5\n")
    (tmp_path / SILENCE_ENDS).write_text("frame:1\nlavfi.silence_end=1.25\n" + middle.replace("start", "end"))
    (tmp_path / LOUDNESS_FILE).write_text("lavfi.r128.I=-70\n" * 1000 + "lavfi.r128.I=-9\nlavfi.r128.sample_peak=0.5\n")
    assert heard_sound(tmp_path) == (1.25, 99.5)
    assert heard_loudness(tmp_path).integrated == -9
    forget(tmp_path)
    assert heard_loudness(tmp_path).integrated is None

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.testing import media
from renditor.video.poster import Look, choose, jpeg_size, measures, read_look, times

PRINTED = """frame:0    pts:0       pts_time:0
lavfi.signalstats.YMIN=15
lavfi.signalstats.YAVG=117.716
lavfi.entropy.entropy.normal.Y=7.506573
lavfi.entropy.normalized_entropy.normal.Y=0.938322
"""


def test_measures_are_read() -> None:
    assert read_look(PRINTED) == Look(117.716, 0.938322)
    assert read_look("") is None


def test_black_and_white_lose_to_a_plain_picture() -> None:
    plain = Look(120, 0.4).score
    assert Look(17, 0.9).score < plain
    assert Look(234, 0.9).score < plain
    assert Look(120, 0.9).score > plain


@given(st.floats(0, 255), st.floats(0, 1))
def test_scores_lie_between_0_and_1(brightness: float, entropy: float) -> None:
    assert 0 <= Look(brightness, entropy).score <= 1


@given(st.floats(0.001, 20_000))
def test_moments_lie_within_the_video(duration: float) -> None:
    moments = times(duration)
    assert len(moments) == 8
    assert all(0 <= moment <= duration for moment in moments)


def test_the_best_is_chosen_and_the_first_of_equals(folder: Path) -> None:
    (folder / "work").mkdir()
    for number, brightness in enumerate((16, 120, 120)):
        text = PRINTED.replace("117.716", str(brightness))
        (folder / measures(number)).write_text(text)
    assert choose(folder, [1.0, 2.0, 3.0, 4.0]) == 2.0


def test_without_any_measure_it_is_the_beginning(folder: Path) -> None:
    assert choose(folder, [1.0, 2.0]) == 0.0


def test_sizes_of_pictures(tmp_path: Path) -> None:
    assert jpeg_size(media.photo(tmp_path / "a.jpg", 70, 30).read_bytes()) == (70, 30)


@given(st.binary(max_size=60), st.booleans())
def test_what_is_no_picture(content: bytes, start: bool) -> None:
    if b"\xff\xc0" in content or b"\xff\xc1" in content or b"\xff\xc2" in content:
        return
    with pytest.raises(ValueError, match="no "):
        jpeg_size((b"\xff\xd8" if start else b"") + content.replace(b"\xff", b""))

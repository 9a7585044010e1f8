from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.budget import Budget, BudgetName, beyond, encoding_budget
from renditor.ffmpeg.settings import FFmpegSettings

SETTINGS = FFmpegSettings()


@given(st.floats(0, 1e9), st.integers(0, 10**10))
def test_budgets_lie_between_floor_and_ceiling(duration: float, bitrate: int) -> None:
    made = encoding_budget(SETTINGS, duration, bitrate)
    assert made.cpu_seconds is not None
    assert made.frames is not None
    assert SETTINGS.timeout_floor <= made.seconds <= SETTINGS.timeout_ceiling
    assert SETTINGS.cpu_floor <= made.cpu_seconds <= SETTINGS.cpu_ceiling
    assert SETTINGS.frame_floor <= made.frames <= SETTINGS.frame_ceiling
    assert SETTINGS.output_floor <= made.file_size <= SETTINGS.output_ceiling


def test_the_longest_video_that_is_taken_has_room() -> None:
    """Six hours at 60 frames a second, of 8 Mbit/s."""
    made = encoding_budget(SETTINGS, SETTINGS.max_duration, 8_000_000)
    assert made.frames is not None
    assert made.frames > 6 * 3600 * 60 * 1.5
    assert made.file_size > 6 * 3600 * 1_000_000
    assert made == encoding_budget(SETTINGS, None, 8_000_000)


def test_processor_time_in_whole_seconds() -> None:
    assert Budget(10, 0, cpu_seconds=0.2).most_cpu_seconds == 1
    assert Budget(10, 0, cpu_seconds=7.1).most_cpu_seconds == 8
    assert Budget(10, 0).most_cpu_seconds >= 10


@pytest.mark.parametrize("name", get_args(BudgetName))
def test_errors_name_budget_and_settings(name: BudgetName) -> None:
    error = beyond(name)
    assert error.error_code == "limit-exceeded"
    assert name in error.detail
    assert error.hint is not None
    named = [word.strip(",.") for word in error.hint.split() if word.startswith("ffmpeg.")]
    assert named
    assert all(one.removeprefix("ffmpeg.") in FFmpegSettings.model_fields for one in named)

"""Settings of the job engine."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from renditor.jobs.base import JobSettings


def test_every_setting_says_what_it_does() -> None:
    assert all(field.description for field in JobSettings.model_fields.values())


def test_one_late_beat_is_no_death() -> None:
    with pytest.raises(ValidationError, match="four times beat_seconds"):
        JobSettings(beat_seconds=2, dead_after_seconds=7)
    assert JobSettings(beat_seconds=2, dead_after_seconds=8).dead_after_seconds == 8


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"poll_seconds": 0}, {"max_attempts": 0}, {"no_such": 1}])
def test_nonsense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        JobSettings.model_validate(wrong)

from __future__ import annotations

import pytest

from renditor.audio.treatment import Treatment, parse_loudness
from renditor.errors import BadRequest


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": -1.0},
        {"start": float("nan")},
        {"start": float("inf")},
        {"end": 0.0},
        {"start": 3.0, "end": 3.0},
        {"end": float("nan")},
        {"fade_in": -0.1},
        {"fade_out": float("inf")},
        {"loudness": 0.0},
        {"loudness": -80.0},
        {"loudness": float("nan")},
        {"loudness": -16.0, "tag_loudness": True},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRequest):
        Treatment(**wrong)  # type: ignore[arg-type]  # the cases are of many types


def test_what_changes_the_sound_and_what_has_to_hear_it() -> None:
    assert not Treatment().changes
    assert not Treatment(tag_loudness=True).changes
    assert Treatment(tag_loudness=True).measures
    assert Treatment(start=1).changes
    assert not Treatment(start=1, end=2, fade_in=1).measures
    assert Treatment(fade_out=1).measures
    assert not Treatment(fade_out=1).listens
    assert Treatment(loudness=-16).listens


def test_loudness_as_it_is_typed() -> None:
    assert parse_loudness("-16") == -16
    assert parse_loudness(" TAG ") == "tag"
    for wrong in ("", "loud", "-16 LUFS"):
        with pytest.raises(BadRequest, match="not a loudness"):
            parse_loudness(wrong)

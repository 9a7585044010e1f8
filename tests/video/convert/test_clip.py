from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import BadRequest
from renditor.ffmpeg.probe import Chapter
from renditor.video.convert.clip import Clip
from renditor.video.plan import plan
from renditor.video.subtitles.cues import Cue, Track
from tests.video.probes import audio, probe, video

TEN_SECONDS = plan(
    probe(video(), audio(duration=4.0), chapters=(Chapter(0, 4, "a"), Chapter(4, 10, "b"))), outputs=("mp4", "chapters")
)


@pytest.mark.parametrize(
    ("start", "end"), [(-1, None), (2, 2), (3, 2), (math.inf, None), (math.nan, None), (0, math.inf)]
)
def test_nothing_between_two_moments(start: float, end: float | None) -> None:
    with pytest.raises(BadRequest):
        Clip(start, end)


def test_a_part_of_a_plan() -> None:
    part = Clip(3, 6).plan(TEN_SECONDS)
    assert (part.length, part.moving.duration) == (3, 3)
    assert [track.duration for track in part.audio] == [1]
    assert part.chapters == (Chapter(0, 1, "a"), Chapter(1, 3, "b"))


def test_the_end_may_lie_behind_that_of_the_source() -> None:
    assert Clip(8, 600).plan(TEN_SECONDS).length == 2


def test_what_has_ended_by_then_is_left_out() -> None:
    part = Clip(5).plan(TEN_SECONDS)
    assert part.audio == ()
    assert part.length == 5
    with pytest.raises(BadRequest, match="no pictures"):
        Clip(10).plan(TEN_SECONDS)


def test_the_whole_is_the_plan_itself() -> None:
    assert Clip().plan(TEN_SECONDS) is TEN_SECONDS


def test_cues_are_cut() -> None:
    cues = Track((Cue(0, 1000, "before"), Cue(500, 2500, "into"), Cue(3000, 9000, "out of"), Cue(7000, 8000, "after")))
    assert Clip(1, 4).captions(cues).cues == (Cue(0, 1500, "into"), Cue(2000, 3000, "out of"))
    assert Clip().captions(cues) == cues


@given(st.floats(0, 9.9), st.sampled_from(["mp4", "mpegts", "mpeg", "avi"]))
def test_reading_begins_whole_frames_before_the_moment(start: float, container: str) -> None:
    part = Clip(start, start + 1).plan(TEN_SECONDS)
    options, early = Clip(start, start + 1).seeking(part, container)
    begin = float(options[-1]) if options else 0.0
    assert begin + early == pytest.approx(start, abs=0.00001)
    assert early * 25 == pytest.approx(round(early * 25))
    assert (early > 0) == (container in ("mpegts", "mpeg") and start >= 0.04)

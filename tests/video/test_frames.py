from __future__ import annotations

import pytest

from renditor.errors import BadRequest, NoSuchStream
from renditor.video.frames import FrameOptions, parse_time, starts
from tests.video.probes import audio, probe, video


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 1),
        ("0", 0),
        ("1.5", 1.5),
        ("00:00:01", 1),
        ("01:02", 62),
        ("1:00:00.25", 3600.25),
        ("100:00:00", 360000),
        ("90", 90),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1:2:3:4", "abc", "00:00:60", "1e3", "nan", "1,5", "::1"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_time(text)


@pytest.mark.parametrize("wrong", [{"format": "gif"}, {"at": -1}, {"width": 0}, {"height": -5}])
def test_what_cannot_be_asked_for(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        FrameOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (None, None, (1280, 720)),
        (320, None, (320, 180)),
        (None, 180, (320, 180)),
        (320, 320, (320, 180)),
        (5000, 5000, (1280, 720)),
    ],
)
def test_the_shape_is_kept(width: int | None, height: int | None, size: tuple[int, int]) -> None:
    assert FrameOptions(width=width, height=height).size(video()) == size


def test_reading_begins_at_the_moment() -> None:
    assert starts(FrameOptions(at=3), probe())[0] == (3, False)


def test_past_the_end_the_last_frame_is_looked_for_from_near_to_far() -> None:
    assert starts(FrameOptions(at=10), probe()) == [(9.5, True), (5.0, True), (0.0, True)]
    assert starts(FrameOptions(at=99), probe(video(duration=0.1))) == [(0.0, True)]


def test_the_end_of_a_late_picture() -> None:
    assert starts(FrameOptions(at=11), probe(video(start=2.0), start=0.0))[0] == (11, False)


def test_sound_has_no_frames() -> None:
    with pytest.raises(NoSuchStream):
        starts(FrameOptions(), probe(audio=(audio(),), video=None))

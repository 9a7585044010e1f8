"""Which sources are copied, and the reasons against."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.probe import KeyFrames, MediaProbe
from renditor.video.compliance import copy_fault, described_fault, shared_key_frames
from renditor.video.ladder import ladder
from tests.video.probes import FIT_FOR_COPYING, probe, video

RATE = Fraction(25)
KEY_FRAMES = KeyFrames(rate=RATE, times=(0.0, 2.0, 4.0, 6.0, 8.0), length=10.0, peak=2_900_000, average=2_000_000)


def source(*, key_frames: KeyFrames | None = KEY_FRAMES, container: str = "mp4", **changes: Any) -> MediaProbe:
    picture = video(**{**FIT_FOR_COPYING, **changes})
    return replace(probe(picture), key_frames=key_frames, format=container)


def fault_of(described: MediaProbe) -> str | None:
    assert described.video
    return copy_fault(described, ladder(described.video.width, described.video.height, RATE)[0], RATE)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"width": 720, "height": 1280},
        {"width": 1920, "height": 1080, "level": 42},
        {"matrix": "bt709", "primaries": "bt709", "transfer": "bt709", "width": 640, "height": 360},
        {"profile": "Constrained Baseline"},
        {"container": "mov"},
        {"container": "matroska"},
    ],
)
def test_what_is_copied(changes: dict[str, Any]) -> None:
    described = source(**changes)
    if described.video and described.video.height == 360:  # its rung has a lower cap
        described = replace(described, key_frames=replace(KEY_FRAMES, peak=900_000))
    assert fault_of(described) is None


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"codec": "hevc"}, "codec hevc"),
        ({"profile": "High 10", "pixel_format": "yuv420p10le", "bit_depth": 10}, "profile High 10"),
        ({"profile": "Extended"}, "profile Extended"),
        ({"profile": None}, "profile None"),
        ({"pixel_format": "yuvj420p", "full_range": True}, "pixel format yuvj420p"),
        ({"container": "mpegts"}, "container mpegts"),
        ({"interlaced": True}, "interlaced"),
        ({"rotation": 90, "as_stored": False}, "rotated"),
        ({"width": 1281}, "odd size"),
        ({"full_range": True}, "colours"),
        ({"matrix": "smpte170m"}, "colours"),
        ({"matrix": "bt709", "transfer": "smpte2084"}, "colours"),
        ({"primaries": "bt2020"}, "colours"),
        ({"dolby_vision": 9}, "colours"),
        ({"width": 640, "height": 360}, "colours"),  # says nothing: BT.601 is assumed
        ({"key_frames": replace(KEY_FRAMES, rate=Fraction(30))}, "another frame rate"),
        ({"level": 50}, "level 50"),
        ({"level": None}, "level None"),
        ({"width": 1440, "height": 960}, "another size"),
        ({"key_frames": None}, "not read"),
        ({"key_frames": KeyFrames(fault="it has two frames at 3.00 s")}, "it has two frames at 3.00 s"),
        ({"key_frames": replace(KEY_FRAMES, times=(0.0, 2.0))}, "key frames 8.0 s apart"),
        ({"key_frames": replace(KEY_FRAMES, length=11.1)}, "key frames 3.1 s apart"),
        ({"key_frames": replace(KEY_FRAMES, peak=3_600_000)}, "peak of 3.6 Mbit/s over 3.5"),
    ],
)
def test_what_is_not(changes: dict[str, Any], fault: str) -> None:
    described = source(**changes)
    assert fault in (fault_of(described) or "")
    if changes.keys() & {"codec", "profile", "level", "full_range"}:
        assert described_fault(described)  # the header is enough: nothing more is read


def test_larger_rungs_may_need_a_higher_level() -> None:
    assert described_fault(source(width=3840, height=2160, level=51)) is None
    assert described_fault(source(width=1920, height=1080, level=51)) == "level 51"


def test_sound_alone_has_nothing_to_copy() -> None:
    assert described_fault(replace(source(), video=None))


@pytest.mark.parametrize(
    ("times", "shared"),
    [
        ((0, 2, 4, 6, 8), (0, 2, 4, 6, 8)),
        ((0, 1, 2, 3, 4, 5, 6, 7), (0, 2, 4, 6)),
        ((0, 2.5, 5, 7.5, 10, 12.5), (0, 2.5, 5, 7.5, 10, 12.5)),
        ((0, 5.5, 5.9, 6.5, 8.4, 8.6), (0, 5.5, 6.5, 8.6)),
        ((0,), (0,)),
        ((), ()),
    ],
)
def test_key_frames_that_all_rungs_share(times: tuple[float, ...], shared: tuple[float, ...]) -> None:
    assert shared_key_frames(times, 6, 2) == shared


@given(st.lists(st.floats(0.02, 3), max_size=60), st.sampled_from([(6.0, 2.0), (4.0, 2.0), (6.0, 3.0)]))
def test_segments_begin_at_the_same_times_with_all_key_frames_and_with_the_shared_ones(
    gaps: list[float], lengths: tuple[float, float]
) -> None:
    times = (0.0, *(round(time, 6) for time in itertools.accumulate(gaps)))
    shared = shared_key_frames(times, *lengths)
    assert set(shared) <= set(times)
    assert _segments(shared, lengths[0]) == _segments(times, lengths[0])
    assert len(shared) <= 2 + times[-1] / lengths[1] * 2


def _segments(times: tuple[float, ...], length: float) -> list[float]:
    """Where the packager begins segments: at the first key frame in each ``length`` seconds."""
    begun: dict[int, float] = {}
    for time in times:
        begun.setdefault(int(time // length), time)
    return list(begun.values())

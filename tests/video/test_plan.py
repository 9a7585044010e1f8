from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import NoSuchStream, UnsupportedMedia
from renditor.ffmpeg.probe import MediaProbe
from renditor.video.plan import OUTPUTS, PRESETS, OutputKind, Tier, VideoPlan, plan
from tests.video.probes import PROBES, audio, probe, video


def test_an_ordinary_video() -> None:
    made = plan(probe(video(), audio(language="eng")))
    assert [rung.name for rung in made.rungs] == ["720p", "480p", "360p"]
    picture = made.moving
    assert (picture.frame_rate, picture.variable, picture.deinterlace, made.preset) == ("25", False, False, "faster")
    (track,) = made.audio
    assert (track.name, track.sample_rate, track.channels, track.language) == ("audio", 48_000, 2, "en")
    assert picture.colour.matrix == "bt709"
    assert made.outputs == ("hls", "mp4", "poster")


@pytest.mark.parametrize(("tier", "preset"), PRESETS.items())
def test_tiers(tier: Tier, preset: str) -> None:
    assert plan(probe(), tier).preset == preset


@pytest.mark.parametrize(
    ("rate", "frames", "expected"),
    [
        (Fraction(30000, 1001), 300, "30000/1001"),
        (Fraction(120), 1200, "60"),
        (Fraction(240), 2400, "60"),
        (Fraction(90), 900, "45"),
        (Fraction(120000, 1001), 1199, "60000/1001"),
        (Fraction(60), 301, "30"),  # 30 frames a second on a clock of milliseconds
        (Fraction(60), 450, "60"),
        (Fraction(1, 200), 2, "25"),
        (Fraction(0), 250, "25"),
    ],
)
def test_frame_rates(rate: Fraction, frames: int, expected: str) -> None:
    assert plan(probe(video(frame_rate=rate, average_rate=rate, frames=frames))).moving.frame_rate == expected


@pytest.mark.parametrize(
    ("frames", "duration", "variable"), [(250, 10.0, False), (63, 10.0, False), (62, 10.0, True), (10, 20_000.0, True)]
)
def test_few_frames_over_a_long_time_are_not_repeated(frames: int, duration: float, variable: bool) -> None:
    assert plan(probe(video(frames=frames, duration=duration))).moving.variable is variable


def test_unknown_counts_are_not_trusted() -> None:
    assert plan(probe(video(frames=None))).moving.variable


@pytest.mark.parametrize(
    ("changes", "dynamic", "matrix"),
    [
        ({}, "sdr", "bt709"),
        ({"width": 720, "height": 576}, "sdr", "smpte170m"),
        ({"matrix": "bt470bg"}, "sdr", "bt470bg"),
        ({"matrix": "x,movie=/etc/passwd"}, "sdr", "bt709"),
        ({"transfer": "smpte2084", "primaries": "bt2020"}, "pq", "bt2020nc"),
        ({"transfer": "arib-std-b67", "matrix": "bt2020nc"}, "hlg", "bt2020nc"),
        ({"primaries": "bt2020"}, "wide", "bt2020nc"),
    ],
)
def test_colours(changes: dict[str, object], dynamic: str, matrix: str) -> None:
    colour = plan(probe(video(**changes))).moving.colour
    assert (colour.dynamic, colour.matrix) == (dynamic, matrix)


@pytest.mark.parametrize(
    ("given_rate", "rate"), [(44_100, 44_100), (11_025, 44_100), (8_000, 48_000), (96_000, 48_000)]
)
def test_sample_rates(given_rate: int, rate: int) -> None:
    (made,) = plan(probe(video(), audio(sample_rate=given_rate, channels=6))).audio
    assert (made.sample_rate, made.channels) == (rate, 2)


def test_no_sound_no_track() -> None:
    assert plan(probe()).audio == ()


def test_a_late_stream_counts_from_the_beginning_of_the_file() -> None:
    made = plan(probe(video(duration=8.5, start=3.0), audio(duration=10.0, start=1.5), start=1.5))
    assert made.audio
    assert (made.moving.duration, made.audio[0].duration, made.length) == (10.0, 10.0, 10.0)


def test_one_rung_if_no_stream_is_wanted() -> None:
    made = plan(probe(), outputs=("poster", "mp4"))
    assert [rung.name for rung in made.rungs] == ["720p"]
    assert made.outputs == ("mp4", "poster")


def test_what_cannot_be_planned() -> None:
    with pytest.raises(NoSuchStream):
        plan(replace(probe(), video=None))
    with pytest.raises(UnsupportedMedia, match="Dolby Vision"):
        plan(probe(video(dolby_vision=5)))
    plan(probe(video(dolby_vision=8, transfer="arib-std-b67")))


@given(PROBES, st.sampled_from(list(PRESETS)), st.permutations(OUTPUTS))
def test_every_plan(described: MediaProbe, tier: Tier, outputs: list[OutputKind]) -> None:
    made = plan(described, tier, tuple(outputs))
    assert made.moving.duration > 0
    assert made.length >= made.moving.duration
    assert 0 < made.moving.rate <= 60
    assert made.moving.colour.matrix.isalnum()
    again = VideoPlan.from_json(json.loads(json.dumps(made.to_json(), allow_nan=False)))
    assert again == made
    assert again.digest == made.digest
    if not made.moving.variable:
        # What is encoded stays in proportion to what was sent.
        assert described.video
        assert described.video.frames
        assert made.moving.duration * made.moving.rate <= described.video.frames * 4


def test_the_digest_tells_plans_apart() -> None:
    digests = {plan(probe(), tier, outputs).digest for tier in PRESETS for outputs in (OUTPUTS, ("mp4",))}
    assert len(digests) == 6
    assert all(len(digest) == 64 for digest in digests)


def test_other_json_is_no_plan() -> None:
    damaged: list[dict[str, object]] = [{}, {"colour": {}}, {**plan(probe()).to_json(), "extra": 1}]
    for data in damaged:
        with pytest.raises((KeyError, TypeError)):
            VideoPlan.from_json(data)

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import NoSuchStream, UnsupportedMedia
from renditor.ffmpeg.probe import Chapter, KeyFrames, MediaProbe, SubtitleStream
from renditor.video.plan import OUTPUTS, PRESETS, OutputKind, Tier, VideoPlan, plan
from renditor.video.steps import Step
from tests.video.probes import FIT_FOR_COPYING, PROBES, SOUNDS, audio, probe, video


def test_an_ordinary_video() -> None:
    made = plan(probe(video(), audio(language="eng")))
    assert [rung.name for rung in made.rungs] == ["720p", "480p", "360p"]
    picture = made.moving
    assert (picture.frame_rate, picture.variable, picture.deinterlace, made.preset) == ("25", False, False, "faster")
    (track,) = made.audio
    assert (track.name, track.sample_rate, track.channels, track.language) == ("audio", 48_000, 2, "en")
    assert picture.colour.matrix == "bt709"
    assert made.outputs == ("hls", "mp4", "poster", "storyboard", "preview")


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
        plan(probe(video(dolby_vision=5, dolby_vision_alone=True)))
    plan(probe(video(dolby_vision=8, transfer="arib-std-b67")))


def test_what_was_decided_is_noted() -> None:
    strange = video(
        transfer="smpte2084",
        bit_depth=10,
        dolby_vision=8,
        interlaced=True,
        rotation=90,
        frame_rate=Fraction(120),
        average_rate=Fraction(120),
        frames=1200,
        variable=True,
    )
    assert plan(probe(strange, audio(channels=6))).notes == (
        "Dolby Vision profile 8: its base layer is taken",
        "tone-mapped from PQ",
        "10 bit brought to 8",
        "deinterlaced",
        "turned by 90 degrees",
        "frame rate brought from 120 to 60",
        "uneven frames brought to 60 a second",
        "audio stream 1: 6 channels mixed down to stereo",
    )
    assert plan(probe(video(primaries="bt2020"))).notes == ("colours brought from BT.2020 to BT.709",)
    assert plan(probe(video(frames=10))).notes == ("frames keep their uneven times",)
    assert plan(probe(video(), audio())).notes == ()


STEPS = (Step(short_side=540, crf=22, maxrate=2_000_000), Step(short_side=270, crf=26, maxrate=500_000))


def test_a_ladder_of_ones_own() -> None:
    made = plan(probe(), steps=STEPS)
    assert [(rung.name, rung.crf, rung.maxrate) for rung in made.rungs] == [
        ("540p", 22, 2_000_000),
        ("270p", 26, 500_000),
    ]
    (small,) = plan(probe(video(width=160, height=90)), steps=STEPS).rungs
    assert (small.name, small.crf) == ("90p", 26)


FIT = probe(
    video(**FIT_FOR_COPYING),
    key_frames=KeyFrames(
        rate=Fraction(25), times=(0.0, 1.0, 2.0, 3.0, 5.5, 8.0), length=10.0, peak=2_000_000, average=1_000_000
    ),
)


def test_a_source_that_complies_is_copied() -> None:
    made = plan(FIT)
    assert [(rung.name, rung.copied) for rung in made.rungs] == [("720p", True), ("480p", False), ("360p", False)]
    assert made.key_frames == (0.0, 2.0, 5.5, 8.0)
    assert made.notes == ("rung 720p copied",)
    assert plan(FIT, outputs=("mp4",)).rungs[0].copied


def test_a_copy_may_be_too_long() -> None:
    def film(count: int) -> MediaProbe:
        return replace(
            FIT, key_frames=KeyFrames(rate=Fraction(25), times=tuple(2.0 * n for n in range(count)), length=2.0 * count)
        )

    assert plan(film(13_000)).rungs[0].copied
    assert plan(film(13_001)).notes == ("copy refused: more than 13,000 key frames",)


def test_a_source_that_does_not_says_why() -> None:
    made = plan(replace(FIT, key_frames=KeyFrames(fault="it has two frames at 3.00 s")))
    assert not any(rung.copied for rung in made.rungs)
    assert (made.key_frames, made.notes) == ((), ("copy refused: it has two frames at 3.00 s",))
    assert plan(probe()).notes == ()  # nobody asked


@pytest.mark.parametrize(
    ("duration", "height", "outputs", "asked", "early"),
    [
        (30.0, 720, OUTPUTS, True, True),
        (29.0, 720, OUTPUTS, True, False),
        (30.0, 720, OUTPUTS, False, False),
        (30.0, 360, OUTPUTS, True, False),
        (30.0, 720, ("mp4", "poster"), True, False),
    ],
)
def test_the_smallest_rung_comes_first_where_that_helps(
    duration: float, height: int, outputs: tuple[OutputKind, ...], asked: bool, early: bool
) -> None:
    described = probe(video(height=height, duration=duration, frames=int(duration * 25)), duration=duration)
    assert plan(described, outputs=outputs, first_playable=asked).first_playable is early


def test_captions_belong_to_streams() -> None:
    described = probe(subtitles=(SubtitleStream(2, "subrip", "eng"), SubtitleStream(3, "hdmv_pgs_subtitle")))
    made = plan(described)
    assert [(track.name, track.stream) for track in made.captions] == [("text-en", 2)]
    assert made.notes == ("subtitle stream 3 (hdmv_pgs_subtitle) left out: pictures, not text",)
    assert plan(described, outputs=("mp4",)).captions == ()


def test_chapters_lie_within_the_video_one_after_the_other() -> None:
    chapters = (
        Chapter(1.0, 4.0, "Opening"),
        Chapter(3.0, 6.0),
        Chapter(6.0, 6.5, "In & out"),
        Chapter(9.0, 99.0),
        Chapter(20.0, 21.0),
    )
    made = plan(probe(chapters=chapters, start=1.0))
    assert made.chapters == (
        Chapter(0.0, 2.0, "Opening"),
        Chapter(2.0, 5.0, "Chapter 2"),
        Chapter(5.0, 5.5, "In & out"),
        Chapter(8.0, 10.0, "Chapter 4"),
    )
    assert plan(probe(chapters=chapters), outputs=("hls",)).chapters == ()
    assert "chapters" not in plan(probe()).outputs


def test_sound_alone() -> None:
    described = replace(probe(None, audio(language="deu"), audio(index=2, language="eng")), video=None)
    made = plan(described, "best")
    assert [(track.name, track.bitrate, track.default) for track in made.audio] == [
        ("audio", 128_000, True),
        ("audio-64k", 64_000, False),
    ]
    assert (made.rungs, made.outputs, made.length) == ((), ("hls",), 10.0)
    assert made.notes == ("audio stream 2 left out: sound alone has one track",)
    assert VideoPlan.from_json(made.to_json()) == made
    with pytest.raises(NoSuchStream):
        plan(described, outputs=("mp4", "poster"))
    with pytest.raises(NoSuchStream):
        made.moving  # noqa: B018 - the property raises


@pytest.mark.parametrize(
    ("changes", "length"),
    [
        ({"frames": 1, "duration": None}, 0.1),
        ({"frames": 3, "duration": 0.1}, 0.1),
        ({"frames": 1, "duration": 0.04}, 0.1),
        ({"frames": 2_160_000, "duration": 86_400.0}, 86_400.0),
    ],
)
def test_very_short_and_very_long(changes: dict[str, Any], length: float) -> None:
    made = plan(probe(video(**changes), duration=0.1), first_playable=True)
    assert made.length == length
    assert made.first_playable is (length > 1)


@given(PROBES | SOUNDS, st.sampled_from(list(PRESETS)), st.lists(st.sampled_from(OUTPUTS), max_size=6).map(tuple))
def test_every_plan(described: MediaProbe, tier: Tier, outputs: tuple[OutputKind, ...]) -> None:
    if described.video is None and not (described.audio and "hls" in outputs):
        with pytest.raises(NoSuchStream):
            plan(described, tier, outputs)
        return
    made = plan(described, tier, outputs, first_playable=True)
    again = VideoPlan.from_json(json.loads(json.dumps(made.to_json(), allow_nan=False)))
    assert again == made
    assert again.digest == made.digest
    assert replace(made, notes=("other",)).digest == made.digest
    assert made.length >= 0
    assert len({track.name for track in made.audio}) == len(made.audio) <= 8
    assert bool(made.audio) == bool(described.audio)
    assert set(made.outputs) <= set(outputs)
    check_rungs(made, described)
    if made.picture is not None:
        check_picture(made, described)
    assert made.bitrate <= 10_000_000 + 8 * 128_000
    for before, after in itertools.pairwise(made.chapters):
        assert before.start < before.end <= after.start < after.end <= made.length + 0.001


def check_picture(made: VideoPlan, described: MediaProbe) -> None:
    picture = made.moving
    assert made.length >= picture.duration > 0
    assert 0 < picture.rate <= 60
    assert picture.colour.matrix.isalnum()
    assert described.video
    if not picture.variable:
        # What is encoded stays in proportion to what was sent.
        assert described.video.frames
        assert picture.duration * picture.rate <= described.video.frames * 4


def check_rungs(made: VideoPlan, described: MediaProbe) -> None:
    assert bool(made.rungs) == (described.video is not None)
    if described.video is None:
        return
    for rung in made.rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= max(2, described.video.width)
        assert rung.height <= max(2, described.video.height)
    for upper, lower in itertools.pairwise(made.rungs):
        assert upper.width * upper.height > lower.width * lower.height
        assert upper.maxrate > lower.maxrate
    assert len({rung.name for rung in made.rungs}) == len(made.rungs)
    assert [rung.copied for rung in made.rungs[1:]] == [False] * (len(made.rungs) - 1)
    assert bool(made.key_frames) == made.rungs[0].copied
    if "hls" not in made.outputs:
        assert len(made.rungs) == 1
    if made.first_playable:
        assert len(made.rungs) > 1


def test_the_digest_tells_plans_apart() -> None:
    digests = {plan(probe(), tier, outputs).digest for tier in PRESETS for outputs in (OUTPUTS, ("mp4",))}
    assert len(digests) == 6
    assert all(len(digest) == 64 for digest in digests)


def test_other_json_is_no_plan() -> None:
    damaged: list[dict[str, object]] = [{}, {"colour": {}}, {**plan(probe()).to_json(), "extra": 1}]
    for data in damaged:
        with pytest.raises((KeyError, TypeError)):
            VideoPlan.from_json(data)

"""The one scale of quality."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.images.insight import NOTHING_KNOWN, Insight
from renditor.images.quality import avif_quality
from renditor.images.settings import ImageSettings
from renditor.transformation import parse


def test_avif_quality_rises_with_quality_and_keeps_the_ends() -> None:
    scale = [avif_quality(quality) for quality in range(1, 101)]
    assert scale == sorted(scale)
    assert (scale[0], scale[49], scale[79], scale[99]) == (1, 42, 58, 100)


@pytest.mark.parametrize(
    ("text", "quality"),
    [
        ("", 80),
        ("q_33", 33),
        ("q_33/q_44", 44),
        ("q_auto", 80),
        ("q_auto:best", 90),
        ("q_auto:good", 80),
        ("q_auto:eco", 65),
        ("q_auto:low", 50),
    ],
)
def test_quality_of_a_transformation(text: str, quality: int) -> None:
    assert ImageSettings().encoding().quality_of(parse(text)) == quality


# A curve of a picture that needs more quality when it is small; likeness rises by 1 dB for 10 of quality.
CURVE = [
    {"pixels": 100_000, "points": [[30, 15.0], [90, 21.0]]},
    {"pixels": 1_000_000, "points": [[30, 17.0], [90, 23.0]]},
]
ENCODING = ImageSettings().encoding()


@pytest.mark.parametrize("fmt", ["jpg", "webp", "avif"])
def test_better_levels_take_more_quality(fmt: str) -> None:
    insight = Insight(curves={fmt: CURVE})
    found = [ENCODING.quality_for(insight, level, fmt, 300_000) for level in ("low", "eco", "good", "best")]
    assert found == sorted(set(found))


def test_sizes_between_the_measured_ones() -> None:
    found = [ENCODING.quality_for(Insight(curves={"jpg": CURVE}), "good", "jpg", px) for px in (10, 100_000, 316_228)]
    found += [ENCODING.quality_for(Insight(curves={"jpg": CURVE}), "good", "jpg", px) for px in (10**6, 10**8)]
    small, measured, between, large, larger = found
    assert small == measured
    assert large == larger
    assert measured - large == 20
    assert between == pytest.approx((measured + large) / 2, abs=1)


@pytest.mark.parametrize("insight", [NOTHING_KNOWN, Insight(curves={"webp": CURVE}), Insight(curves={"jpg": []})])
def test_without_a_curve_the_settings_decide(insight: Insight) -> None:
    assert ENCODING.quality_for(insight, "good", "jpg", 1000) == 80
    assert ENCODING.quality_for(insight, "eco", "png", 1000) == 65


@pytest.mark.parametrize("likeness", [0.0, 40.0])
def test_never_beyond_what_is_sane(likeness: float) -> None:
    flat = [{"pixels": 1000, "points": [[1, likeness], [100, likeness]]}]
    for level in ("best", "good", "eco", "low"):
        assert 25 <= ENCODING.quality_for(Insight(curves={"jpg": flat}), level, "jpg", 1000) <= 95


def test_what_a_jpeg_has_lost_is_not_paid_for() -> None:
    insight = Insight(curves={"jpg": CURVE, "origin": {"quality": 35, "pixels": 1_000_000}})
    assert ENCODING.quality_for(insight, "best", "jpg", 1_000_000) == 40
    assert ENCODING.quality_for(insight, "best", "jpg", 400_000) > 60, "scaled down its damage is hard to see"


def test_an_encoder_that_gets_worse_in_between() -> None:
    curve = [{"pixels": 1000, "points": [[30, 12.0], [60, 20.0], [80, 19.0], [93, 25.0]]}]
    assert 50 <= ENCODING.quality_for(Insight(curves={"jpg": curve}), "good", "jpg", 1000) <= 60


def test_the_curve_answers_for_q_auto_alone() -> None:
    encoding = ENCODING.for_picture(Insight(curves={"jpg": CURVE}), "jpg", 1_000_000)
    assert encoding.quality_of(parse("q_auto")) == ENCODING.quality_for(
        Insight(curves={"jpg": CURVE}), "good", "jpg", 1_000_000
    )
    assert encoding.quality_of(parse("q_44")) == 44
    assert encoding.quality_of(parse("w_10")) == 80


@given(
    st.lists(
        st.tuples(st.integers(1, 10**8), st.lists(st.floats(0, 40), min_size=1, max_size=6)), min_size=1, max_size=4
    ),
    st.sampled_from(["best", "good", "eco", "low"]),
    st.integers(1, 10**9),
)
def test_any_curve_gives_a_quality(sizes: list[tuple[int, list[float]]], level: str, pixels: int) -> None:
    curve = [
        {"pixels": count, "points": [[10 + 15 * place, value] for place, value in enumerate(values)]}
        for count, values in sorted(sizes)
    ]
    assert 25 <= ENCODING.quality_for(Insight(curves={"jpg": curve}), level, "jpg", pixels) <= 95


def test_settings_decide_the_qualities() -> None:
    settings = ImageSettings.model_validate({"quality": 70, "unmeasured_quality": {"eco": 40}})
    assert settings.encoding().quality_of(parse("w_1")) == 70
    assert settings.encoding().quality_of(parse("q_auto:eco")) == 40
    assert settings.encoding().quality_of(parse("q_auto:low")) == 50

"""The one scale of quality."""

from __future__ import annotations

import pytest

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


def test_settings_decide_the_qualities() -> None:
    settings = ImageSettings.model_validate({"quality": 70, "unmeasured_quality": {"eco": 40}})
    assert settings.encoding().quality_of(parse("w_1")) == 70
    assert settings.encoding().quality_of(parse("q_auto:eco")) == 40
    assert settings.encoding().quality_of(parse("q_auto:low")) == 50

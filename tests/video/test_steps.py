from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from renditor.video.base import VideoSettings
from renditor.video.steps import DEFAULT_STEPS


def step(short_side: int = 720, crf: int = 23, maxrate: int = 2_000_000) -> dict[str, int]:
    return {"short_side": short_side, "crf": crf, "maxrate": maxrate}


def test_the_default_ladder_is_always_there() -> None:
    assert VideoSettings().ladders == {"default": DEFAULT_STEPS}
    own = VideoSettings.model_validate({"ladders": {"small": [step(360)]}}).ladders
    assert set(own) == {"default", "small"}
    replaced = VideoSettings.model_validate({"ladders": {"default": [step(480)]}}).ladders
    assert [each.short_side for each in replaced["default"]] == [480]


def test_the_default_ladder_keeps_its_own_rules() -> None:
    given = [each.model_dump() for each in DEFAULT_STEPS]
    assert VideoSettings.model_validate({"ladders": {"same": given}}).ladders["same"] == DEFAULT_STEPS


def test_steps_are_put_in_order() -> None:
    given = [step(360, maxrate=500_000), step(1080, maxrate=5_000_000), step()]
    ladder = VideoSettings.model_validate({"ladders": {"any": given}}).ladders["any"]
    assert [each.short_side for each in ladder] == [1080, 720, 360]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "at least 1"),
        ([step(64 + 2 * n, maxrate=100_000 + n) for n in range(13)], "at most 12"),
        ([step(), step(crf=30)], "two steps have the short side 720"),
        ([step(), step(360)], "the step 720 needs a higher maxrate than the step 360"),
        ([step(721)], "multiple of 2"),
        ([step(62)], "greater than or equal to 64"),
        ([step(2162)], "less than or equal to 2160"),
        ([step(crf=5)], "greater than or equal to 10"),
        ([step(maxrate=10)], "greater than or equal to 50000"),
        ([{**step(), "width": 5}], "not permitted"),
    ],
)
def test_ladders_that_cannot_be(steps: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        VideoSettings.model_validate({"ladders": {"bad": steps}})

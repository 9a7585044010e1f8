"""The steps of a ladder as settings declare them: the sizes that adaptive streams have, and what each may cost."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field

DEFAULT_LADDER: Final = "default"
# Each rung is one more encoder that runs beside the others, with its own frames in memory.
_MOST_STEPS: Final = 12


class Step(BaseModel, extra="forbid", frozen=True):
    """One step: the short side of the picture, the quality, and the most it may cost."""

    # H.264 level 5.2 ends at 4096 x 2304 px; below 64 px x264's analysis has nothing to look at.
    short_side: int = Field(ge=64, le=2160, multiple_of=2, description="Short side of the picture, in px; even.")
    crf: int = Field(ge=10, le=40, description="Quality of x264: lower is better, 6 less is about twice the size.")
    maxrate: int = Field(
        ge=50_000, le=100_000_000, description="Cap in bit/s at up to 30 frames a second; half as much more above."
    )


def _largest_first(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Players choose by bit rate and expect that more bits mean a larger picture."""
    ordered = tuple(sorted(steps, key=lambda step: step.short_side, reverse=True))
    for upper, lower in itertools.pairwise(ordered):
        if upper.short_side == lower.short_side:
            raise ValueError(f"two steps have the short side {upper.short_side}")
        if upper.maxrate <= lower.maxrate:
            raise ValueError(f"the step {upper.short_side} needs a higher maxrate than the step {lower.short_side}")
    return ordered


Steps = Annotated[tuple[Step, ...], Field(min_length=1, max_length=_MOST_STEPS), AfterValidator(_largest_first)]

# The caps are the usual rungs for H.264 (Apple's HLS authoring specification gives 4.5 to 6 Mbit/s for 1080p); CRF 23
# keeps 720p near VMAF 94 at preset `faster`.
DEFAULT_STEPS: Final[tuple[Step, ...]] = (
    Step(short_side=1080, crf=23, maxrate=5_000_000),
    Step(short_side=720, crf=23, maxrate=2_800_000),
    Step(short_side=480, crf=23, maxrate=1_400_000),
    Step(short_side=360, crf=24, maxrate=800_000),
)


def with_default(own: Mapping[str, tuple[Step, ...]]) -> dict[str, tuple[Step, ...]]:
    """The ladders of the settings beside the one that is always there, which they may replace."""
    return {DEFAULT_LADDER: DEFAULT_STEPS, **own}

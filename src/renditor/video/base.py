"""The video seam: look at a source, carry out a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, Field, field_validator

from renditor.ffmpeg.probe import MediaProbe
from renditor.models import OnPlayable, OnProgress, Output
from renditor.video.plan import Tier, VideoPlan
from renditor.video.steps import Step, Steps, with_default


class VideoSettings(BaseModel, extra="forbid"):
    """What is made of a video unless a recipe says otherwise."""

    tier: Tier = Field(
        "standard", description="instant (soonest), standard, or best (smallest files): the preset of the encoder."
    )
    ladders: dict[str, Steps] = Field(
        default_factory=dict,
        validate_default=True,
        description="Sizes of adaptive streams by name, chosen by recipes: lists of steps of `short_side` (px), `crf`"
        " (quality, lower is better) and `maxrate` (bit/s). The ladder `default` is there beside them.",
    )

    @field_validator("ladders")
    @classmethod
    def _with_default(cls, own: dict[str, tuple[Step, ...]]) -> dict[str, tuple[Step, ...]]:
        return with_default(own)


class VideoProvider(Protocol):
    """Turns one video into everything its plan names. Cancelling the task that awaits ``run`` kills the work."""

    async def probe(self, source: Path, *, key_frames: bool = False) -> MediaProbe:
        """Read streams and container in the sandbox and apply the size and duration limits.

        Args:
            source: the file.
            key_frames: whether to read all packets of pictures that might be copied instead of encoded.

        Raises: CorruptMedia, LimitExceeded, UnsupportedMedia (a playlist or another reference to other files).
        """
        ...

    async def run(
        self,
        plan: VideoPlan,
        source: Path,
        folder: Path,
        on_progress: OnProgress,
        on_playable: OnPlayable | None = None,
    ) -> tuple[Output, ...]:
        """Carry out ``plan`` inside ``folder`` (private, empty at first) and verify every output by reading it back.

        ``on_playable`` is awaited where the plan is ``first_playable``: with the set of the smallest rung, checked,
        while the others are still to be encoded. The files of that rung stay as they are.

        Raises: ProcessingFailed, CorruptMedia, LimitExceeded, NoSuchStream.
        """
        ...

    async def frame(self, source: Path, folder: Path, at: float) -> Path:
        """One frame at ``at`` seconds as a full-size, upright PNG or JPEG; past the end: the last frame."""
        ...

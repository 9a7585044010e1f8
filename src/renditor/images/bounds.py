"""How much a decoder may take in and give out: every refusal here comes before a pixel is decoded. Pure.

A plain dataclass that travels as JSON with each request: a decoder starts in 50 ms because it imports no settings
library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from renditor.errors import InvalidTransformation, LimitExceeded, UnsupportedMedia
from renditor.images.base import ImageInfo
from renditor.images.codecs.formats import is_animated
from renditor.images.pipeline.geometry import Size

SVG_HINT = "Set images.svg=true on the server to accept them; they are delivered as pixels."


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of ``ImageSettings``, where each is explained. Units: px, frames, and seconds of CPU.

    ``svg_seconds`` is None where SVG is not accepted.
    """

    max_pixels: Mapping[str, int]
    max_frames: int
    max_animation_pixels: int
    max_output_pixels: int
    svg_seconds: float | None = None

    def check_format(self, fmt: str) -> None:
        """Refuse what is switched off.

        Raises:
            UnsupportedMedia: SVG, without the setting.
        """
        if fmt == "svg" and self.svg_seconds is None:
            raise UnsupportedMedia("SVG pictures are not accepted here", hint=SVG_HINT)

    def check_source(self, info: ImageInfo) -> None:
        """Refuse a picture by its header.

        Raises:
            LimitExceeded: too many pixels or frames.
        """
        pixels = info.width * info.height
        limit = self.max_pixels[info.format]
        if pixels > limit:
            raise LimitExceeded(
                f"The picture has {info.width} x {info.height} px; {limit:,} px in all is the limit for {info.format}",
                hint="Scale the picture down before uploading it",
            )
        if info.pages > self.max_frames:
            raise LimitExceeded(f"The picture has {info.pages:,} frames; at most {self.max_frames:,} are accepted")
        if is_animated(info) and pixels * info.pages > self.max_animation_pixels:
            raise LimitExceeded(
                f"The animation has {info.pages:,} frames of {info.width} x {info.height} px;"
                f" at most {self.max_animation_pixels:,} px in all are accepted"
            )

    def check_results(self, sizes: Sequence[Size], frames: int, once: Sequence[Size] = ()) -> None:
        """Refuse a chain by the sizes of the results of its components.

        Args:
            sizes: of all results.
            frames: how often they are made.
            once: those of them that are made for the first frame only.

        Raises:
            InvalidTransformation: too many px, all results and frames added up.
        """
        alone = _pixels(once)
        pixels = (_pixels(sizes) - alone) * frames + alone
        if pixels > self.max_output_pixels:
            raise InvalidTransformation(
                f"The transformation makes {pixels:,} px; at most {self.max_output_pixels:,} px are made",
                hint="Ask for a smaller width and height",
            )


def _pixels(sizes: Sequence[Size]) -> int:
    return sum(size.width * size.height for size in sizes)

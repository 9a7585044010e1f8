"""Moving pictures without sound that a web page shows as an image: animated WebP and GIF. Pure.

Both are slow and large beside a video of the same pictures, so they are small and short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from renditor.video.pictures.sampling import WEBP_PIXELS

# GIF has 256 colours. They are chosen for what changes from frame to frame (`diff`), and dots of a fixed pattern stand
# for those between: where a picture rests, its dots do, and only the part that moved is written (`rectangle`).
_PALETTE: Final = (
    "split[whole][sample];[sample]palettegen=stats_mode=diff[palette];"
    "[whole][palette]paletteuse=dither=bayer:bayer_scale=4:diff_mode=rectangle"
)


@dataclass(frozen=True, slots=True)
class AnimatedFormat:
    """How an animation is written.

    ``filters`` end a chain of filters whose frames are BT.709; they hold labels and stand for themselves in a graph.
    GIF keeps all frames in memory until its palette is known: what comes in has to be short. Both repeat for ever.
    """

    name: str
    content_type: str
    encoder: str
    muxer: str
    filters: str
    # None: it has no scale of quality.
    quality: int | None = None

    def arguments(self, quality: int | None = None) -> list[str]:
        """Encoder and container; ``quality`` from 0 to 100 (best) where the format has one."""
        chosen = self.quality if quality is None else quality
        scale = [] if self.quality is None else ["-quality", str(chosen)]
        return ["-c:v", self.encoder, *scale, "-loop", "0", "-f", self.muxer]


ANIMATED: Final[Mapping[str, AnimatedFormat]] = {
    "webp": AnimatedFormat("WebP", "image/webp", "libwebp_anim", "webp", ",".join(WEBP_PIXELS), quality=60),
    "gif": AnimatedFormat("GIF", "image/gif", "gif", "gif", _PALETTE),
}

"""Settings of the images room."""

from __future__ import annotations

from pydantic import BaseModel, Field

from renditor.images.bounds import Bounds
from renditor.images.quality import Encoding

_MOST_WEBP_EFFORT = 6
# How much longer a render in the background may take: AVIF at effort 4 takes 15 times the CPU of 1.
_PATIENCE = 10


class PixelLimits(BaseModel, extra="forbid"):
    """Largest picture accepted per format, in px (width x height), read from the header before decoding.

    The same number of pixels costs very different memory (measured): a baseline JPEG next to nothing, a progressive one
    7 bytes/px, HEIC 12, AVIF and WebP up to 20, since they are not decoded in strips. An AVIF of 2 KB can say
    12000 x 12000. No limit is above what the encoder of the same format manages (``formats``): whatever is accepted can
    also be delivered as it is. An SVG has the size its first line says; results are drawn at their own size.
    """

    jpg: int = Field(default=100_000_000, ge=1, description="Most px of a JPG source.")
    png: int = Field(default=50_000_000, ge=1, description="Most px of a PNG source.")
    tiff: int = Field(default=50_000_000, ge=1, description="Most px of a TIFF source.")
    webp: int = Field(default=40_000_000, ge=1, description="Most px of a WebP source.")
    gif: int = Field(default=40_000_000, ge=1, description="Most px of a GIF source.")
    avif: int = Field(default=24_500_000, ge=1, description="Most px of an AVIF source.")
    # The largest phone cameras make 48 000 000 px, which take 0.9 s and 590 MB to decode.
    heic: int = Field(default=50_000_000, ge=1, description="Most px of a HEIC or HEIF source.")
    bmp: int = Field(default=50_000_000, ge=1, description="Most px of a BMP source.")
    ico: int = Field(default=4_000_000, ge=1, description="Most px of the largest picture in an ICO source.")
    svg: int = Field(default=25_000_000, ge=1, description="Most px of an SVG source, at the size it gives itself.")


class AutoQuality(BaseModel, extra="forbid"):
    """How good pictures are that ``q_auto`` makes, in points of SSIMULACRA2, about: 90 cannot be told from the original
    side by side, 70 is high quality, 50 medium, 30 low."""

    best: float = Field(default=80, ge=10, le=95, description="Points of q_auto:best.")
    good: float = Field(default=64, ge=10, le=95, description="Points of q_auto:good, which is plain q_auto.")
    eco: float = Field(default=54, ge=10, le=95, description="Points of q_auto:eco.")
    low: float = Field(default=45, ge=10, le=95, description="Points of q_auto:low.")


class UnmeasuredQuality(BaseModel, extra="forbid"):
    """What ``q_auto`` means, on the scale of JPEG, for a picture that has not been analysed."""

    best: int = Field(default=90, ge=1, le=100, description="Quality of q_auto:best.")
    good: int = Field(default=80, ge=1, le=100, description="Quality of q_auto:good.")
    eco: int = Field(default=65, ge=1, le=100, description="Quality of q_auto:eco.")
    low: int = Field(default=50, ge=1, le=100, description="Quality of q_auto:low.")


class ImageSettings(BaseModel, extra="forbid"):
    """Limits, qualities and timeouts of the libvips provider. The defaults fit decoders of 1 GiB."""

    max_pixels: PixelLimits = PixelLimits()
    # A GIF of 100 000 frames is 2 MB and takes a minute to decode.
    max_frames: int = Field(default=1000, ge=1, description="Most frames of an animation, or pages of a file.")
    # Frames of a large picture: 1000 frames of 7000x7000 px fit a small file too.
    max_animation_pixels: int = Field(
        default=40_000_000,
        ge=1,
        description="Most px of all frames of an animation added up (width x height x frames).",
    )
    # 20 components of 10000x10000 px each would be 2 000 000 000 px of work for one short URL.
    max_output_pixels: int = Field(
        default=100_000_000,
        ge=1,
        description="Most px one transformation may make: the results of all its components, times frames.",
    )
    quality: int = Field(default=80, ge=1, le=100, description="Quality when the URL has no q_, on the scale of JPEG.")
    auto_quality: AutoQuality = AutoQuality()
    unmeasured_quality: UnmeasuredQuality = UnmeasuredQuality()
    webp_effort: int = Field(
        default=2,
        ge=0,
        le=6,
        description="CPU spent on WebP: 0 least, 6 most. 4 costs twice the CPU of 2 for 3 to 10 % fewer bytes.",
    )
    avif_effort: int = Field(
        default=1,
        ge=0,
        le=9,
        description="CPU spent on AVIF: 0 least; one less for large pictures. 0 takes a third of the CPU of 1 for 15 %"
        " more bytes; 4 takes 15 times that of 1 for 18 % fewer.",
    )
    avif_effort_background: int = Field(
        default=4, ge=0, le=9, description="CPU spent on an AVIF that many ask for, when it is encoded again."
    )
    # SVG is a language, with links to files and a picture that can take for ever: only for who needs it.
    svg: bool = Field(default=False, description="Accept SVG. It is turned into pixels, never delivered as it is.")
    # A few hundred bytes of nested <use> draw 100 000 000 shapes.
    svg_seconds: float = Field(default=3.0, gt=0, description="Seconds of CPU for one SVG, then it is refused.")
    probe_timeout: float = Field(default=20.0, gt=0, description="Seconds after which a probe is killed.")
    render_timeout: float = Field(default=30.0, gt=0, description="Seconds after which a render is killed.")

    def patient(self) -> ImageSettings:
        """The settings for encoding again in the background, where nobody waits."""
        more = {"avif_effort": self.avif_effort_background, "webp_effort": _MOST_WEBP_EFFORT}
        return self.model_copy(update=more | {"render_timeout": self.render_timeout * _PATIENCE})

    def bounds(self) -> Bounds:
        """What a decoder needs to know to refuse."""
        return Bounds(
            max_pixels=self.max_pixels.model_dump(),
            max_frames=self.max_frames,
            max_animation_pixels=self.max_animation_pixels,
            max_output_pixels=self.max_output_pixels,
            svg_seconds=self.svg_seconds if self.svg else None,
        )

    def encoding(self) -> Encoding:
        """What a decoder needs to know to encode."""
        return Encoding(
            quality=self.quality,
            auto_quality=self.unmeasured_quality.model_dump(),
            auto_points=self.auto_quality.model_dump(),
            webp_effort=self.webp_effort,
            avif_effort=self.avif_effort,
        )

"""One frame of a video as a picture: upright, square pixels, ordinary colours. Pure but for the reading of options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from renditor.errors import BadRequest, NoSuchStream
from renditor.ffmpeg.probe import MediaProbe, VideoStream
from renditor.ffmpeg.run import MJPEG, NO_METADATA
from renditor.video.colour import source_colour
from renditor.video.commands import colours
from renditor.video.pictures.sampling import JPEG_PIXELS, WEBP_PIXELS

# Picture format -> the filters that give the pixels it takes, and its encoder.
_FORMATS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "jpg": (",".join(JPEG_PIXELS), (*MJPEG, "-q:v", "2")),
    "png": ("format=rgb24", ("-c:v", "png")),
    "webp": (",".join(WEBP_PIXELS), ("-c:v", "libwebp", "-quality", "85")),
}
# Containers without an index of key frames: a seek lands between two, and the first frame that can be decoded may be
# far behind the moment. Reading begins earlier by the longest distance of key frames that encoders use by default.
_NO_INDEX: Final = frozenset({"mpegts", "mpeg"})
_EARLIER_SECONDS: Final = 12.0
# How far before the end the last frame is looked for: near first, then as far as it takes.
_LAST_SECONDS: Final = (0.5, 5.0)


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """What is wanted: the moment in seconds, and a box in px that the picture must fit into (None: as large as it is).

    ``format``: jpg, png or webp. The shape is kept, and nothing is enlarged.
    """

    at: float = 0.0
    width: int | None = None
    height: int | None = None
    format: str = "png"

    def __post_init__(self) -> None:
        if self.format not in _FORMATS:
            raise BadRequest(f"A frame cannot be written as {self.format}.", hint="Use .jpg, .png or .webp.")
        if self.at < 0 or any(side is not None and side < 1 for side in (self.width, self.height)):
            raise BadRequest("The moment must not be negative, and width and height at least 1.")

    @property
    def encoder(self) -> str:
        """The encoder of FFmpeg that is needed."""
        return _FORMATS[self.format][1][1]

    @property
    def content_type(self) -> str:
        """The media type of the picture."""
        return f"image/{'jpeg' if self.format == 'jpg' else self.format}"

    def to_json(self, probe: MediaProbe) -> dict[str, Any]:
        """What ``--dry-run`` shows: the moment in seconds, format and size in px of the picture."""
        width, height = self.size(moving_pictures(probe))
        return {"at": self.at, "format": self.format, "width": width, "height": height}

    def size(self, video: VideoStream) -> tuple[int, int]:
        """Width and height in px of the picture."""
        scale = min(1.0, (self.width or video.width) / video.width, (self.height or video.height) / video.height)
        return max(1, round(video.width * scale)), max(1, round(video.height * scale))


def parse_time(text: str) -> float:
    """Seconds of ``1``, ``1.5``, ``01:02`` or ``00:00:01.5``. Raises BadRequest for anything else."""
    found = re.fullmatch(r"(?:(?:(\d{1,3}):)?(\d{1,2}):)?(\d{1,7}(?:\.\d{1,6})?)", text.strip())
    if not found or (found[2] is not None and float(found[3]) >= 60):
        raise BadRequest(f"{text!r} is not a moment.", hint="Write seconds (1.5) or hours:minutes:seconds (00:00:01).")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def seeking(options: FrameOptions, probe: MediaProbe, start: float, *, last: bool) -> tuple[str, ...]:
    """Input options that begin reading at ``start`` seconds, or at the key frame before if what is shown is wanted."""
    begin = start if last else _begin(options, probe)
    if begin == 0:
        return ()  # where nothing lies before the first frame (AVI), a seek to 0 fails and leads to the end
    return ("-ss", str(begin)) if last else ("-noaccurate_seek", "-ss", str(begin))


def _begin(options: FrameOptions, probe: MediaProbe) -> float:
    return max(0.0, options.at - _EARLIER_SECONDS) if probe.format in _NO_INDEX else options.at


def _shown(options: FrameOptions, probe: MediaProbe) -> str:
    """The last frame that began before the moment, to the millisecond. No more are let out: pictures that come late
    would be copied for every millisecond before them, all of which wait for the encoder."""
    return f"fps=1000:start_time={options.at - _begin(options, probe):.6f},trim=end_frame=1"


def starts(options: FrameOptions, probe: MediaProbe) -> list[tuple[float, bool]]:
    """Where to begin reading, in order of trial, and whether the last frame from there is wanted (else the one
    shown at that moment).

    A moment past the end means the last frame.
    """
    video = moving_pictures(probe)
    end = (video.duration or probe.duration or 0.0) + max(0.0, video.start - probe.start)
    trials = [(options.at, False)] if options.at < end else []
    trials += [(round(max(0.0, end - back), 6), True) for back in (*_LAST_SECONDS, end)]
    return list(dict.fromkeys(trials))


def arguments(
    options: FrameOptions, probe: MediaProbe, opened: list[str], output: str, *, last: bool, tone_mapping: bool
) -> list[str]:
    """Arguments of FFmpeg.

    Args:
        options: what is wanted.
        probe: the source.
        opened: the arguments that open the source where reading begins (``seeking``).
        output: name of the picture.
        last: write every frame to the same picture, so that the last one stays; else the one shown at that moment.
        tone_mapping: whether this FFmpeg can bring HDR to SDR.
    """
    video = moving_pictures(probe)
    width, height = options.size(video)
    pixels, encoder = _FORMATS[options.format]
    deinterlace = ["bwdif=mode=send_frame:deint=interlaced"] if video.interlaced else []
    chain = [
        *deinterlace,
        *(() if last else (_shown(options, probe),)),
        *colours(source_colour(video), f"w={width}:h={height}", tone_mapping=tone_mapping),
        "setsar=1",
        pixels,
    ]
    return [
        *opened,
        *("-map", f"0:{video.index}", "-vf", ",".join(chain), *encoder),
        *(() if last else ("-frames:v", "1")),
        *NO_METADATA,
        *("-f", "image2", "-update", "1", output),
    ]


def moving_pictures(probe: MediaProbe) -> VideoStream:
    """The video stream of a source. Raises: NoSuchStream."""
    if probe.video is None:
        raise NoSuchStream("The file has no moving pictures.")
    return probe.video

"""What is wanted of a waveform, and the run of FFmpeg that yields its samples. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from renditor.errors import BadRequest
from renditor.ffmpeg.probe import AudioStream
from renditor.ffmpeg.run import PIPE

FOLDER: Final = "waveform"  # below the job folder
SAMPLES_PER_PIXEL: Final = (2, 65_536)  # 2 is the least that audiowaveform reads; 65 536 are 1.4 s at 48 000 Hz
WIDTHS: Final = (16, 8192)  # px; a row is some arrays of numbers
HEIGHTS: Final = (16, 2048)  # px
BITS: Final = (8, 16)
VERSIONS: Final = (1, 2)
DEFAULT_COLOUR: Final = "4a5568"  # of a PNG: reads on light and on dark pages

_COLOUR: Final = re.compile(r"#?[0-9a-fA-F]{6}")
_COLUMN_POINTS: Final = 2  # points of data for each column of a picture, at least, where the sound has them
_FINEST: Final = 16  # samples; below this a picture of a short sound shows single waves, not how loud it is


@dataclass(frozen=True, slots=True)
class DataFile:
    """Minima and maxima, as JSON or binary by the ending of ``name`` (``.json`` or ``.dat``).

    ``samples_per_pixel``: samples that one pair stands for. It is doubled for as long as the sound would have more
    pairs than are kept; the file says what it holds, and so does ``name`` where it has ``{zoom}`` in it. ``bits``: of
    each number. ``format_version`` of the binary format: 1 knows one
    channel only.

    Raises: BadRequest: a number out of range.
    """

    name: str
    samples_per_pixel: int = 256
    bits: int = 8
    format_version: int = 2

    def __post_init__(self) -> None:
        least, most = SAMPLES_PER_PIXEL
        if not least <= self.samples_per_pixel <= most:
            raise BadRequest(f"The samples per pixel must lie between {least} and {most}.")
        if self.bits not in BITS:
            raise BadRequest("A waveform has 8 or 16 bits.")
        if self.format_version not in VERSIONS:
            raise BadRequest("The binary format has the versions 1 and 2.")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture, SVG or PNG by the ending of ``name``. Sizes in px. ``colour``: ``rrggbb``; None: for SVG the colour
    of the text around it, for PNG a grey.

    Raises: BadRequest: a size out of range, a colour that is none.
    """

    name: str
    width: int = 1800
    height: int = 280
    colour: str | None = None

    def __post_init__(self) -> None:
        for name, value, (least, most) in (("width", self.width, WIDTHS), ("height", self.height, HEIGHTS)):
            if not least <= value <= most:
                raise BadRequest(f"The {name} must lie between {least} and {most} px.")
        if self.colour is not None and not _COLOUR.fullmatch(self.colour):
            raise BadRequest("The colour is not understood.", hint="Write it as rrggbb, such as 1f6feb.")


@dataclass(frozen=True, slots=True)
class WaveformPlan:
    """Files to make from one decode. ``split``: left and right on their own instead of one channel of both.

    Raises: BadRequest: version 1 of the binary format with split channels.
    """

    files: tuple[DataFile | PictureFile, ...]
    split: bool = False

    def __post_init__(self) -> None:
        if self.split and any(isinstance(file, DataFile) and file.format_version == 1 for file in self.files):
            raise BadRequest(
                "Version 1 of the format knows one channel only.", hint="Use version 2 for split channels."
            )

    def to_json(self) -> dict[str, Any]:
        """For ``--dry-run``."""
        return {"files": [asdict(file) for file in self.files], "split": self.split}

    def finest(self, samples: float) -> int:
        """Samples that one point stands for while reading: all zooms are multiples of it, and a sound of so many
        ``samples`` gives a picture enough points for its width."""
        zooms = [file.samples_per_pixel for file in self.files if isinstance(file, DataFile)]
        finest = math.gcd(*zooms) if zooms else 256
        columns = max((file.width for file in self.files if isinstance(file, PictureFile)), default=0)
        while finest % 2 == 0 and finest > _FINEST and samples / finest < columns * _COLUMN_POINTS:
            finest //= 2
        return finest


# What an uploaded sound gets.
SET: Final = WaveformPlan(
    (
        DataFile("waveform.json", 1024),
        *(DataFile("waveform-{zoom}.dat", zoom) for zoom in (256, 1024, 4096)),
        PictureFile("waveform.svg"),
        PictureFile("waveform.png"),
    )
)


def channels(stream: AudioStream) -> int:
    """Channels of the samples: surround is mixed down to stereo by FFmpeg, as for all that is made of it."""
    return 1 if stream.channels == 1 else 2


def arguments(stream: AudioStream, duration: float | None, source: list[str]) -> list[str]:
    """The run that sends all samples of a stream to ``PIPE``: signed 16 bit, little-endian, channels interleaved.

    Args:
        stream: the sound.
        duration: of the file, in seconds.
        source: the arguments that open it (``Toolbox.open``).
    """
    layout = "mono" if channels(stream) == 1 else "stereo"
    # Gaps and a late start become silence, so that a point lies at its time. Left and right are made one by ourselves:
    # FFmpeg's own sum differs by 1 from what the format says.
    graph = (
        f"[0:{stream.index}]aresample=async=1:first_pts=0,"
        f"aformat=sample_fmts=s16:sample_rates={stream.sample_rate}:channel_layouts={layout}[a]"
    )
    # Nothing is longer than the probe said: a file whose packets lie about time stops here.
    limit = ("-t", f"{duration * 1.02 + 2:.3f}") if duration else ()
    return [*source, "-filter_complex", graph, "-map", "[a]", *limit, "-c:a", "pcm_s16le", "-f", "s16le", PIPE]

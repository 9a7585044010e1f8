"""The poster: the best of a few key frames of the largest rung, which is upright, in SDR and cheap to seek.

A frame is good when it is neither black nor white and shows much: FFmpeg measures average brightness and entropy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from renditor.errors import ProcessingFailed
from renditor.ffmpeg.run import NO_METADATA
from renditor.ffmpeg.workspace import WORK
from renditor.video.plan import GOP_SECONDS

_MOST_CANDIDATES: Final = 8
# JPEG (JFIF) holds BT.601 colours in full range; the encoder converts neither by itself.
JPEG_COLOURS: Final = "out_color_matrix=bt601:out_range=pc"
# Decodes the key frame at or before the wanted moment, and no other frame.
SEEK: Final = ("-skip_frame", "nokey", "-noaccurate_seek")
# Video luma runs from 16 to 235. Below 40 a frame looks black, above 215 white.
_DARK, _BRIGHT = 40.0, 215.0


@dataclass(frozen=True, slots=True)
class Look:
    """What was measured of a frame: mean luma (16 to 235), and entropy of the luma (0 flat to 1)."""

    brightness: float
    entropy: float

    @property
    def score(self) -> float:
        """Higher is better. A black frame with some noise in it still loses to a plain one."""
        dark = min(1.0, max(0.0, (self.brightness - 16) / (_DARK - 16)))
        bright = min(1.0, max(0.0, (235 - self.brightness) / (235 - _BRIGHT)))
        return self.entropy * dark**2 * bright**2


def times(duration: float) -> list[float]:
    """Moments to look at, in seconds: up to 8, spread over the middle of the video, at most one for each GOP."""
    count = max(1, min(_MOST_CANDIDATES, int(duration / GOP_SECONDS)))
    return [round(duration * (number + 0.5) / count, 3) for number in range(count)]


def candidate(number: int) -> PurePosixPath:
    """The picture of a candidate."""
    return WORK / f"poster-{number}.jpg"


def measures(number: int) -> PurePosixPath:
    """Where FFmpeg writes what it measured of a candidate."""
    return WORK / f"poster-{number}.txt"


def arguments(opened: list[list[str]]) -> list[str]:
    """One run that seeks to every candidate, measures it and writes it as JPEG.

    Args:
        opened: the arguments that open the largest rung at each of ``times``, with ``SEEK``.
    """
    inputs = [argument for source in opened for argument in source]
    chains = [
        f"[{number}:v:0]trim=end_frame=1,setpts=0,signalstats,entropy,metadata=mode=print:file={measures(number)},"
        f"scale=in_color_matrix=bt709:{JPEG_COLOURS},format=yuvj420p[c{number}]"
        for number in range(len(opened))
    ]
    outputs = [
        argument
        for number in range(len(opened))
        for argument in (
            *("-map", f"[c{number}]", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "2"),
            *NO_METADATA,
            *("-f", "image2", "-update", "1", str(candidate(number))),
        )
    ]
    return [*inputs, "-filter_complex", ";".join(chains), *outputs]


def choose(folder: Path, count: int) -> Path:
    """The picture with the best score; the earliest of equals.

    Raises:
        ProcessingFailed: not one was written.
    """
    found = [(_look(folder / measures(number)).score, -number) for number in range(count) if _exists(folder, number)]
    if not found:
        raise ProcessingFailed("No frame of the encoded video could be read for the poster.")
    return folder / candidate(-max(found)[1])


def read_look(text: str) -> Look:
    """Read lines such as ``lavfi.signalstats.YAVG=52.3``."""
    values = dict(re.findall(r"^(lavfi\.[\w.]+)=([0-9.]+)$", text, re.MULTILINE))
    return Look(
        brightness=float(values.get("lavfi.signalstats.YAVG", 0)),
        entropy=float(values.get("lavfi.entropy.normalized_entropy.normal.Y", 0)),
    )


def _look(path: Path) -> Look:
    return read_look(path.read_text()) if path.is_file() else Look(0.0, 0.0)


def _exists(folder: Path, number: int) -> bool:
    path = folder / candidate(number)
    return path.is_file() and path.stat().st_size > 0


def jpeg_size(content: bytes) -> tuple[int, int]:
    """Width and height in px from the frame header (ITU-T T.81, B.2.2). Raises ValueError for what is no JPEG."""
    if content[:2] != b"\xff\xd8":
        raise ValueError("no JPEG")
    position = 2
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker, length = content[position + 1], int.from_bytes(content[position + 2 : position + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(content[position + at : position + at + 2], "big") for at in (5, 7))
            return width, height
        position += 2 + length
    raise ValueError("no frame header")

"""The poster: the best of a few frames, taken from the encoded rungs, which are upright, in SDR and quick to seek.

A frame is good when it is neither black nor white and shows much: FFmpeg measures average brightness and entropy, on
the smallest rung because that costs least. The chosen moment is then taken from the largest one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from renditor.ffmpeg.run import NO_METADATA
from renditor.ffmpeg.workspace import WORK

_CANDIDATES: Final = 8
_ENTROPY: Final = "entropy.normalized_entropy.normal.Y"
# JPEG (JFIF) holds BT.601 colours in full range; the encoder converts neither by itself.
JPEG_COLOURS: Final = "out_color_matrix=bt601:out_range=pc"
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
    """Moments to look at, in seconds: eight, spread over the middle of the video."""
    return [round(duration * (number + 0.5) / _CANDIDATES, 3) for number in range(_CANDIDATES)]


def measures(number: int) -> PurePosixPath:
    """Where FFmpeg writes what it measured of a candidate."""
    return WORK / f"look-{number}.txt"


def measuring(opened: list[list[str]]) -> list[str]:
    """One run that measures one frame at each of ``times``.

    Args:
        opened: the arguments that open the smallest rung at each moment.
    """
    arguments = [argument for source in opened for argument in source]
    for number in range(len(opened)):
        look = f"trim=end_frame=1,signalstats,entropy,metadata=mode=print:file={measures(number)}"
        arguments += ["-map", f"{number}:v:0", "-vf", look]
        arguments += ["-f", "null", "-"]
    return arguments


def picture(opened: list[str], output: str) -> list[str]:
    """Write the first frame of what was opened as JPEG."""
    return [
        *opened,
        *("-map", "0:v:0", "-frames:v", "1"),
        *("-vf", f"scale=in_color_matrix=bt709:{JPEG_COLOURS},format=yuvj420p", "-c:v", "mjpeg", "-q:v", "2"),
        *NO_METADATA,
        *("-f", "image2", "-update", "1", output),
    ]


def choose(folder: Path, moments: list[float]) -> float:
    """The moment with the best frame, the earliest of equals; 0 if there is no frame at any."""
    scores = {moment: _look(folder / measures(number)) for number, moment in enumerate(moments)}
    found = [(look.score, -moment) for moment, look in scores.items() if look]
    return -max(found, default=(0.0, 0.0))[1]


def read_look(text: str) -> Look | None:
    """Read lines such as ``lavfi.signalstats.YAVG=52.3``; None if there was no frame."""
    values = dict(re.findall(r"^(lavfi\.[\w.]+)=([0-9.]+)$", text, re.MULTILINE))
    brightness, entropy = (values.get(f"lavfi.{name}") for name in ("signalstats.YAVG", _ENTROPY))
    return Look(float(brightness), float(entropy)) if brightness and entropy else None


def _look(path: Path) -> Look | None:
    return read_look(path.read_text()) if path.is_file() else None


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

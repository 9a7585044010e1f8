"""Films of a few seconds that show what became of them: frames that can be told apart, sounds at known times, texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from renditor.testing import media

SECONDS: Final = 7
SUBTITLES = "1\n00:00:01,000 --> 00:00:03,000\n<b>Good</b> evening\n\n2\n00:00:04,000 --> 00:00:06,000\nGood night\n"
CHAPTERS = (
    ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=3000\ntitle=Dusk\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=3000\nEND=7000\ntitle=Dawn\n"
)


def film(place: Path, *coding: str) -> Path:
    """7 s with two languages, captions and two chapters; scenes change, and key frames come at uneven times."""
    (place / "words.srt").write_text(SUBTITLES)
    (place / "parts.txt").write_text(CHAPTERS)
    media.ffmpeg(
        "-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d={SECONDS}",
        "-f", "lavfi", "-i", f"sine=440:d={SECONDS}", "-f", "lavfi", "-i", f"sine=880:d={SECONDS}",
        "-i", place / "words.srt", "-f", "ffmetadata", "-i", place / "parts.txt",
        "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_chapters", "4",
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
        "-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", "-color_primaries", "bt709",
        "-color_trc", "bt709", "-color_range", "tv", "-force_key_frames", "0,1.4,3.2,5.08", *coding,
        "-c:a", "aac", "-b:a", "64k", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger",
        "-c:s", "srt", "-metadata:s:s:0", "language=eng", place / "film.mkv",
    )  # fmt: skip
    return place / "film.mkv"


def frames(path: Path, *more: str) -> NDArray[np.uint8]:
    """Every frame as it is decoded, 64 x 36 px, grey."""
    raw = path.with_suffix(".raw")
    media.ffmpeg("-i", path, *more, "-map", "0:v:0", "-vf", "scale=64:36", "-pix_fmt", "gray", "-f", "rawvideo", raw)
    return np.frombuffer(raw.read_bytes(), np.uint8).reshape(-1, 36, 64)


def blinks(place: Path, *coding: str) -> Path:
    """White and a tone together at 1, 3 and 5 s, for half a second; black and silence in between."""
    on = "+".join(f"between(t,{second},{second}.5)" for second in (1, 3, 5))
    media.ffmpeg(
        "-f", "lavfi", "-i", f"color=black:s=320x180:r=25:d={SECONDS}",
        "-f", "lavfi", "-i", f"sine=1000:d={SECONDS}:r=48000",
        "-vf", f"drawbox=w=iw:h=ih:color=white:t=fill:enable='{on}',scale=out_color_matrix=bt709,format=yuv420p",
        "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
        "-af", f"volume='{on}':eval=frame", "-c:v", "libx264", "-g", "50", *coding, place / "blinks.mp4",
    )  # fmt: skip
    return place / "blinks.mp4"


def beginnings(signal: NDArray[Any], rate: float) -> list[float]:
    """When it rises above half of its height, in seconds."""
    loud = signal > signal.max() / 2
    return [round(float(place / rate), 2) for place in np.flatnonzero(loud[1:] & ~loud[:-1]) + 1]


def loudness(path: Path) -> NDArray[np.float32]:
    """How loud the first sound is, 8000 times a second, from 0 to 1."""
    raw = path.with_suffix(".f32")
    media.ffmpeg("-i", path, "-vn", "-map", "0:a:0", "-ac", "1", "-ar", "8000", "-f", "f32le", raw)
    sound = np.abs(np.frombuffer(raw.read_bytes(), np.float32))
    return np.convolve(sound, np.ones(80) / 80, "same").astype(np.float32)

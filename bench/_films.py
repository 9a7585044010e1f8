"""Films to measure with: real ones where they are, else moving test pictures. Made once and kept in the cache."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import imageio_ffmpeg

from bench._measure import cache

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
_SAMPLE = Path(__file__).resolve().parents[2] / "shared" / "media" / "bigbuckbunny.mp4"


def ffmpeg(*arguments: str | Path) -> None:
    """Run FFmpeg as it is, outside of the sandbox."""
    subprocess.run([FFMPEG, "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


def made(name: str, *arguments: str | Path) -> Path:
    """A file that FFmpeg makes once."""
    path = cache() / name
    if not path.exists():
        temporary = path.with_stem(f"{path.stem}.{os.getpid()}")
        ffmpeg(*arguments, temporary)
        temporary.rename(path)
    return path


def source_film(seconds: int) -> Path:
    """720p at 25 frames a second, with sound, and key frames as encoders set them by default.

    `bigbuckbunny.mp4` of the folder of samples, repeated by copying its packets; else a moving test picture with grain.
    """
    if _SAMPLE.is_file():
        return made(f"film-{seconds}.mp4", "-stream_loop", "100", "-i", _SAMPLE, "-t", str(seconds), "-c", "copy")
    picture = f"testsrc2=size=1280x720:rate=25:duration={seconds},noise=alls=8:allf=t"
    tone = ("-f", "lavfi", "-i", f"sine=440:duration={seconds}", "-ac", "6")
    return made(f"test-{seconds}.mp4", "-f", "lavfi", "-i", picture, *tone, "-preset", "veryfast")

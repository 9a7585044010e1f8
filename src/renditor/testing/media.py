"""Small real media, made on the spot: for the tests of providers and of everything that uses them.

Made by FFmpeg and libvips directly, outside any sandbox: this is media of our own.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pyvips

# Four colours that survive lossy coding and tell the corners apart: top left, top right, bottom left, bottom right.
QUADRANTS = ((220, 40, 40), (40, 200, 60), (50, 70, 220), (230, 210, 50))


def ffmpeg(*arguments: str | Path) -> None:
    """Run FFmpeg on files of our own. Raises: RuntimeError with what it printed."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", "-v", "error", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)


def quadrants(width: int, height: int, *, alpha: bool = False) -> pyvips.Image:
    """A picture of four coloured quarters; with ``alpha`` the right half is transparent."""
    left, top = width // 2, height // 2
    rows = []
    for row, tall in ((0, top), (1, height - top)):
        cells = [
            pyvips.Image.black(wide, tall, bands=3).linear(1, QUADRANTS[row * 2 + column]).cast("uchar")
            for column, wide in ((0, left), (1, width - left))
        ]
        rows.append(cells[0].join(cells[1], "horizontal"))
    picture = rows[0].join(rows[1], "vertical").copy(interpretation="srgb")
    if alpha:
        opaque = pyvips.Image.black(left, height).linear(1, 255).cast("uchar")
        picture = picture.bandjoin(opaque.join(pyvips.Image.black(width - left, height), "horizontal"))
    return picture


def photo(path: Path, width: int = 640, height: int = 480, *, orientation: int = 1) -> Path:
    """A JPEG with camera data, a GPS position and an EXIF orientation."""
    picture = quadrants(width, height)
    picture.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    for name, value in {
        "exif-ifd0-Make": "Example Camera",
        "exif-ifd3-GPSLatitude": "52/1 31/1 12/1",
        "exif-ifd3-GPSLatitudeRef": "N",
    }.items():
        picture.set_type(pyvips.GValue.gstr_type, name, value)
    picture.write_to_file(str(path), Q=90)
    return path


def video(
    path: Path, size: str = "640x360", seconds: float = 3, *extra: str, rate: str = "25", sound: bool = True
) -> Path:
    """A moving test picture, not black at the start, with a tone. ``extra``: FFmpeg's output options."""
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"]
    tone = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"] if sound else []
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *(["-c:a", "aac"] if sound else [])]
    ffmpeg(*source, *tone, *coding, *extra, path)
    return path


def long_video(path: Path, size: str = "1280x720", seconds: float = 60) -> Path:
    """What takes long to encode, for tests that interrupt it; itself made at once, of one second again and again."""
    once = video(path.with_name(f"once-{path.name}"), size, 1)
    ffmpeg("-stream_loop", "-1", "-i", once, "-t", str(seconds), "-c", "copy", path)
    once.unlink()
    return path


def song(path: Path, seconds: float = 3, *extra: str) -> Path:
    """A stereo tone; the codec follows from the name."""
    ffmpeg("-f", "lavfi", "-i", f"sine=frequency=330:duration={seconds}", "-ac", "2", *extra, path)
    return path

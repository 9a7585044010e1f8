"""Sources made for a test, run through the provider, and what came out as one sees and hears it."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import m3u8
import numpy as np
from numpy.typing import NDArray

from renditor.models import Output
from renditor.testing import media
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.plan import OutputKind, VideoPlan
from renditor.video.plan import plan as make_plan
from tests.video.runs import Describe
from tests.video.similarity import ssim

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "12", "-pix_fmt", "yuv420p")
NAMED = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
LABELLED = f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{NAMED}"
Result = tuple[VideoPlan, dict[str, Output]]


async def run(
    provider: FFmpegVideo, source: Path, folder: Path, outputs: tuple[OutputKind, ...] = ("hls", "mp4")
) -> Result:
    """As a recipe would have it: key frames are read, so that what complies is copied."""
    plan = make_plan(await provider.probe(source, key_frames=True), "instant", outputs)
    made = await provider.run(plan, source, folder, lambda *_: None)
    return plan, {output.kind: output for output in made}


def moving(path: Path, *options: str, size: str = "320x180", rate: str = "25", seconds: float = 1) -> Path:
    """A test picture that moves, in colours that are named."""
    return media.video(path, size, seconds, "-vf", LABELLED, *X264, *options, rate=rate, sound=False)


def still(source: Path, at: float, path: Path, *options: str) -> Path:
    """One frame as FFmpeg itself shows it: upright; ``options`` of the output."""
    media.ffmpeg("-i", source, "-ss", str(at), *options, "-frames:v", "1", path)
    return path


def alike(made: Path, source: Path, *options: str, at: tuple[float, ...] = (0.0, 0.5, 0.9)) -> float:
    """The lowest similarity of frames at the same times; ``options`` for those of the source."""
    found = []
    for time in at:
        with tempfile.TemporaryDirectory() as name:  # libvips remembers pictures by their path
            folder = Path(name)
            found.append(ssim(still(made, time, folder / "a.png"), still(source, time, folder / "b.png", *options)))
    return min(found)


def samples(source: Path, stream: int = 0) -> NDArray[np.float32]:
    """Decoded sound, one row for each moment, full scale 1; not clipped."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(source), "-map", f"0:a:{stream}"]
    raw = subprocess.run([*command, "-f", "f32le", "-ac", "2", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, 2)


def pitch(sound: NDArray[np.float32], rate: int) -> float:
    """The loudest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(sound[:, 0]))
    return float(spectrum.argmax() * rate / len(sound))


def times(describe: Describe, path: Path) -> list[float]:
    """When frames are shown, in seconds, in their order."""
    packets: list[dict[str, Any]] = describe(path, "-select_streams", "v", "-show_packets")["packets"]
    return sorted(float(packet["pts_time"]) for packet in packets)


def joined(folder: Path, path: Path) -> Path:
    """The segments of a track behind their header, as a player puts them together."""
    playlist = m3u8.load(str(folder / "index.m3u8"))
    names = [playlist.segment_map[0].uri, *(segment.uri for segment in playlist.segments)]
    path.write_bytes(b"".join((folder / name).read_bytes() for name in names))
    return path

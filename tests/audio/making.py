"""Making sound with the provider, and looking at what came out with FFmpeg outside of the sandbox."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from renditor.audio.base import AudioProvider
from renditor.audio.formats import FORMATS, AudioFormat
from renditor.audio.plan import plan_audio
from renditor.audio.treatment import Treatment
from renditor.ffmpeg.binaries import Binaries
from renditor.models import Output
from renditor.testing import media

Wanted = Sequence[str | AudioFormat]


async def make(
    provider: AudioProvider,
    source: Path,
    folder: Path,
    wanted: Wanted = tuple(FORMATS),
    treatment: Treatment | None = None,
    track: str | None = None,
) -> dict[str, Output]:
    """The outputs by container. Progress must not go back, and nothing but the outputs may stay."""
    formats = [AudioFormat(one) if isinstance(one, str) else one for one in wanted]
    plan = plan_audio(await provider.probe(source), formats, treatment, track)
    seen: list[float] = []
    outputs = await provider.run(plan, source, folder, lambda done, _: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert names(folder) == sorted(output.name for output in outputs)
    return {output.path.suffix[1:]: output for output in outputs}


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def describe(binaries: Binaries, path: Path) -> dict[str, Any]:
    """What ffprobe says of streams and container."""
    command = [str(binaries.require("ffprobe").path), "-v", "error", "-print_format", "json", "-show_streams"]
    done = subprocess.run([*command, "-show_format", str(path)], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def samples(path: Path, *options: str) -> NDArray[np.float32]:
    """All decoded samples, a row for each moment; ``options``: of the output."""
    raw = path.with_name(f"{path.name}.raw")
    media.ffmpeg("-i", path, "-map", "0:a", "-c:a", "pcm_f32le", *options, "-f", "f32le", raw)
    listed = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path), "-map", "0:a", "-t", "0", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    found = re.search(r"Output.*Audio: pcm_s16le, \d+ Hz, ([^,]+),", listed, re.DOTALL)
    channels = {"mono": 1, "stereo": 2, "5.1": 6, "5.1(side)": 6, "7.1": 8}[found[1]] if found else 0
    decoded = np.fromfile(raw, dtype="<f4").reshape(-1, channels)
    raw.unlink()
    return decoded


def loudness(path: Path) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dBTP, from the summary that FFmpeg's meter prints."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-i", str(path), "-map", "0:a"]
    done = subprocess.run(
        [*command, "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    summary = done.stderr.rpartition("Summary:")[2]
    integrated, peak = re.search(r"I:\s+(\S+) LUFS", summary), re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert integrated
    assert peak
    return float(integrated[1]), float(peak[1])


def write_wav(path: Path, sound: NDArray[np.float64], rate: int = 48_000) -> Path:
    """Samples between -1 and 1, a row for each moment, as 16 bit."""
    raw = path.with_suffix(".raw")
    (np.clip(sound, -1, 1) * 32_767).astype("<i2").tofile(raw)
    media.ffmpeg("-f", "s16le", "-ar", str(rate), "-ac", str(sound.shape[1]), "-i", raw, path)
    raw.unlink()
    return path

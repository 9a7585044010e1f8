"""A set of waveforms (three zooms, JSON, SVG, PNG) against the bare decode of the same sound, and its memory.

    python -m bench.waveform [--rounds 7]

The bare decode is FFmpeg alone, outside of the sandbox, writing 16 bit samples to the null device. Both take turns;
what counts is CPU (user + system) of this process and all that it started. Memory is what this process grows by at its
peak, numpy included, over a process that has made no waveform yet. Targets: at most 1.4 x and 60 MB.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

from bench._measure import asked, cache, cpu, ratio, table, verdict
from renditor.audio.ffmpeg import FFmpegAudio
from renditor.audio.waveform.plan import SET
from renditor.ffmpeg.binaries import resolve
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.sandbox.launcher import Launcher

CPU_TARGET, MEMORY_TARGET = 1.4, 60  # x; MB
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
# Two kinds of noise whose loudness goes up and down, as music does: silence would decode too fast.
_PARTS = (
    "anoisesrc=d={0}:c=pink:r=44100:seed=1,volume='0.15+0.75*abs(sin(t/7))':eval=frame[a]",
    "anoisesrc=d={0}:c=brown:r=44100:seed=2,volume='0.1+0.8*abs(sin(t/11))':eval=frame[b]",
    "[a][b]join=inputs=2:channel_layout=stereo",
)


def sound(minutes: int) -> Path:
    """A stereo MP3 at 192 kbit/s. Made once and kept in the cache."""
    path = cache() / f"sound-{minutes}.mp3"
    if not path.exists():
        graph = ";".join(_PARTS).format(minutes * 60)
        temporary = path.with_suffix(f".{os.getpid()}.mp3")
        made = ["-v", "error", "-y", "-filter_complex", graph, "-b:a", "192k", str(temporary)]
        subprocess.run([FFMPEG, "-nostdin", *made], check=True)
        temporary.rename(path)
    return path


def decode(path: Path) -> float:
    """CPU seconds of the bare decode."""
    before = cpu(os.getpid())
    made = ["-nostdin", "-v", "error", "-threads", "1", "-i", str(path), "-f", "s16le", "-y", os.devnull]
    subprocess.run([FFMPEG, *made], check=True)
    return cpu(os.getpid()) - before


async def waveform(audio: FFmpegAudio, path: Path) -> float:
    """CPU seconds of a set."""
    before = cpu(os.getpid())
    with tempfile.TemporaryDirectory() as folder:
        await audio.waveform(SET, path, Path(folder), lambda *_: None)
    return cpu(os.getpid()) - before


def resident(field: str) -> int:
    """Bytes of this process: ``VmRSS`` now, ``VmHWM`` at its peak."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) * 1024


async def run(rounds: int) -> None:
    launcher = Launcher()
    launcher.start()
    audio = FFmpegAudio(Toolbox(launcher, resolve(FFmpegSettings(), cache() / "tools.json"), FFmpegSettings()))
    try:
        path, long = sound(10), sound(60)
        await audio.probe(path)
        idle = resident("VmRSS")
        await waveform(audio, path)
        grown = [(resident("VmHWM") - idle) / 1e6]
        pairs = [(await waveform(audio, path), decode(path)) for _ in range(rounds)]
        await waveform(audio, long)
        grown.append((resident("VmHWM") - idle) / 1e6)
    finally:
        launcher.close()
    mine, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    share = ratio(mine, theirs)
    seconds = [f"{statistics.median(each):.2f}" for each in (mine, theirs)]
    head = ["10 min of stereo MP3", "set of waveforms", "bare decode", "ratio", "target", ""]
    table(head, [["CPU s", *seconds, f"{share:.2f}", f"{CPU_TARGET}", verdict(share, CPU_TARGET)]])
    print()
    rows = [
        [name, f"{size:.0f}", f"{MEMORY_TARGET}", verdict(size, MEMORY_TARGET)]
        for name, size in zip(("10 min", "60 min"), grown, strict=True)
    ]
    table(["sound", "memory grows by, MB", "target", ""], rows)


if __name__ == "__main__":
    asyncio.run(run(**asked(__doc__, rounds=7)))

"""Loudness to -16 LUFS against FFmpeg's two-pass ``loudnorm``, and every format against FFmpeg alone.

    python -m bench.loudness [--rounds 3]

Ten minutes of stereo: the sound of two films, looped from the samples where they are there, of which one leaves room
for the gain and the other, quiet with loud moments, does not; and speech with clicks, where a limiter has to hold every
one of them. ``loudnorm`` measures, then applies what it
measured (``linear=true``), then goes back to the source's sample rate, as its documentation says. Both write WAV. What
counts is CPU (user + system) of this process and all that it started: up to the end of the encode for the ratio, and
with the check of the result, which decodes and measures all of it, beside it. Target: at most 0.2 x of loudnorm.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import imageio_ffmpeg

from bench._measure import asked, cache, cpu, ratio, table, verdict
from renditor.audio.ffmpeg import FFmpegAudio
from renditor.audio.formats import FORMATS, AudioFormat
from renditor.audio.plan import plan_audio
from renditor.audio.treatment import Treatment
from renditor.ffmpeg.binaries import resolve
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.sandbox.launcher import Launcher

TARGET: Final = 0.2
FFMPEG: Final = imageio_ffmpeg.get_ffmpeg_exe()
_SAMPLES: Final = Path(__file__).resolve().parents[2] / "shared" / "media"
_SECONDS: Final = 600
_STREET: Final = f"anoisesrc=d={_SECONDS}:c=pink:r=44100:seed=1,volume='0.05+0.1*abs(sin(t/7))':eval=frame"
_SPEECH: Final = (
    f"anoisesrc=d={_SECONDS}:c=pink:r=44100:seed=2,volume='0.02+0.2*lt(mod(t,7),2)':eval=frame[a];"
    f"aevalsrc='0.9*exp(-mod(t,0.73)*900)*sin(2*PI*1300*t)':s=44100:d={_SECONDS}[b];[a][b]amix=normalize=0"
)
# What FFmpeg alone is told for each format, at our own bit rates.
_PLAIN: Final = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "192k"),
    "m4a": ("-c:a", "aac", "-b:a", "160k"),
    "opus": ("-c:a", "libopus", "-b:a", "128k", "-ar", "48000"),
    "ogg": ("-c:a", "libvorbis", "-q:a", "5"),
    "flac": ("-c:a", "flac"),
    "wav": ("-c:a", "pcm_s16le"),
}


def sources() -> dict[str, Path]:
    """The sounds as MP3 at 192 kbit/s. Made once and kept in the cache."""
    made = {
        "film, no limiter": _film("exo_video_big_buck_bunny.mp4") or ["-filter_complex", _STREET],
        "speech with clicks": ["-filter_complex", _SPEECH],
    }
    if quiet := _film("bigbuckbunny.mp4"):
        made["quiet film, limiter"] = quiet
    found = {}
    for name, arguments in made.items():
        key = hashlib.sha256(" ".join(arguments).encode()).hexdigest()[:12]
        found[name] = path = cache() / f"loudness-{key}.mp3"
        if not path.exists():
            temporary = path.with_suffix(f".{os.getpid()}.mp3")
            ffmpeg(*arguments, "-ac", "2", "-ar", "44100", "-b:a", "192k", str(temporary))
            temporary.rename(path)
    return found


def _film(name: str) -> list[str]:
    """How its sound is looped; nothing where it is not there."""
    path = _SAMPLES / name
    return ["-stream_loop", "-1", "-i", str(path), "-vn", "-t", str(_SECONDS)] if path.is_file() else []


def ffmpeg(*arguments: str) -> str:
    """Run FFmpeg alone. Returns: what it said."""
    command = [FFMPEG, "-hide_banner", "-nostdin", "-y", "-nostats", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def loudnorm(source: Path, folder: Path) -> float:
    """CPU seconds of both passes."""
    before = cpu(os.getpid())
    wanted = "loudnorm=I=-16:TP=-1:LRA=20"
    said = ffmpeg("-i", str(source), "-af", f"{wanted}:print_format=json", "-f", "null", "-")
    heard = json.loads(said[said.rindex("{") : said.rindex("}") + 1])
    measured = ":".join(f"measured_{key}={heard[f'input_{key.lower()}']}" for key in ("I", "LRA", "TP", "thresh"))
    apply = f"{wanted}:{measured}:linear=true,aresample=44100"
    ffmpeg("-i", str(source), "-af", apply, str(folder / "loudnorm.wav"))
    return cpu(os.getpid()) - before


def plain(container: str, source: Path, folder: Path) -> float:
    """CPU seconds of FFmpeg alone."""
    before = cpu(os.getpid())
    ffmpeg("-i", str(source), "-vn", *_PLAIN[container], str(folder / f"plain.{container}"))
    return cpu(os.getpid()) - before


async def ours(audio: FFmpegAudio, source: Path, wanted: AudioFormat, treatment: Treatment) -> tuple[float, float]:
    """CPU seconds to the end of the encode, and with the check."""
    before = cpu(os.getpid())
    encoded = 0.0

    def on_progress(_done: float, stage: str) -> None:
        nonlocal encoded
        if stage == "verifying":
            encoded = cpu(os.getpid()) - before

    with tempfile.TemporaryDirectory() as folder:
        plan = plan_audio(await audio.probe(source), [wanted], treatment)
        (output,) = await audio.run(plan, source, Path(folder), on_progress)
    loudness = output.metadata.get("loudness")
    if loudness and abs(loudness["after"]["integrated"] + 16) > 0.3:
        raise SystemExit(f"the result has {loudness['after']['integrated']} LUFS")
    return encoded, cpu(os.getpid()) - before


async def against_loudnorm(audio: FFmpegAudio, found: dict[str, Path], rounds: int) -> None:
    rows = []
    for name, source in found.items():
        mine, checked, theirs = [], [], []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                theirs.append(loudnorm(source, Path(folder)))
            encoded, whole = await ours(audio, source, AudioFormat("wav"), Treatment(loudness=-16))
            mine.append(encoded)
            checked.append(whole)
        share = ratio(mine, theirs)
        times = [f"{statistics.median(each):.1f}" for each in (mine, theirs)]
        rows.append([name, *times, f"{share:.2f}", verdict(share, TARGET), f"{ratio(checked, theirs):.2f}"])
    table(["10 min to -16 LUFS", "ours, CPU s", "loudnorm", "ratio", f"target {TARGET}", "with the check"], rows)


async def against_ffmpeg(audio: FFmpegAudio, source: Path, rounds: int) -> None:
    wav = cache() / "loudness-source.wav"
    ffmpeg("-i", str(source), str(wav))
    rows = []
    for container in FORMATS:
        wanted = AudioFormat(container, sample_rate=44_100)  # asked for: a WAV would be copied
        mine, checked, theirs = [], [], []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                theirs.append(plain(container, wav, Path(folder)))
            encoded, whole = await ours(audio, wav, wanted, Treatment())
            mine.append(encoded)
            checked.append(whole)
        times = [f"{statistics.median(each):.1f}" for each in (mine, theirs)]
        rows.append([container, *times, f"{ratio(mine, theirs):.2f}", f"{ratio(checked, theirs):.2f}"])
    wav.unlink()
    table(["10 min of WAV to", "ours, CPU s", "FFmpeg alone", "ratio", "with the check"], rows)


async def run(rounds: int) -> None:
    launcher = Launcher()
    launcher.start()
    audio = FFmpegAudio(Toolbox(launcher, resolve(FFmpegSettings(), cache() / "tools.json"), FFmpegSettings()))
    try:
        found = sources()
        await against_loudnorm(audio, found, rounds)
        print()
        await against_ffmpeg(audio, next(iter(found.values())), rounds)
    finally:
        launcher.close()


if __name__ == "__main__":
    asyncio.run(run(**asked(__doc__, rounds=3)))

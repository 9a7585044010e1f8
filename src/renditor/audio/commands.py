"""From a plan to the arguments of FFmpeg. Pure; names of files are relative to the job folder.

Nothing that a file or a person says is put into a filter graph: only numbers and words of our own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from renditor.audio.cover import COVER_FILE, PICTURE_TAG_FILE
from renditor.audio.loudness import CEILING
from renditor.audio.plan import AudioFile, AudioPlan
from renditor.ffmpeg.run import NO_METADATA
from renditor.ffmpeg.workspace import WORK

LOUDNESS_FILE: Final = WORK / "loudness.txt"
SILENCE_STARTS, SILENCE_ENDS = WORK / "silence-starts.txt", WORK / "silence-ends.txt"
SUM_FILE: Final = WORK / "sum.txt"

_SILENT: Final = "-60dB"
_SILENT_SECONDS: Final = 0.1
# Times the sample rate at which a limiter works. Between two samples the sound can be louder than both: at twice the
# rate little of that goes unseen, at four times next to nothing (ITU-R BS.1770-5, annex 2). Each step doubles its time.
PLAIN, FINE, FINEST = 1, 2, 4
# dB below the ceiling: what mostly lies between samples, and what the way back from a higher rate adds (measured).
_ROOM: Final = 0.3
_PICTURE: Final = ("-map", "1:v", "-c:v", "copy", "-disposition:v:0", "attached_pic")
_JPEG: Final = ("-protocol_whitelist", "file", "-f", "jpeg_pipe", "-i", f"file:{COVER_FILE}")
_TAGS: Final = ("-protocol_whitelist", "file", "-f", "ffmetadata", "-i", f"file:{PICTURE_TAG_FILE}")


@dataclass(frozen=True, slots=True)
class Mix:
    """The sound with a number of channels: ``gain`` in dB, and how many times the sample rate the limiter works at that
    keeps it below the ceiling; 0: there is none. ``reached``: the LUFS to which that brings it, None: it is left alone.
    """

    channels: int
    gain: float = 0.0
    limiter: int = 0
    reached: float | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What was heard, and what follows from it.

    ``start``: where the result begins, in seconds from the beginning of the sound; ``length``: how long it is, None
    where nobody has listened to the end. ``mixes`` by number of channels. ``tags`` and ``corrections`` (dB that make up
    for what a codec takes off, one after the other) by name of file.
    """

    start: float
    length: float | None
    mixes: Mapping[int, Mix]
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    corrections: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def encode(
    plan: AudioPlan, files: Sequence[AudioFile], decided: Decided, source: list[str], *, cover: bool
) -> list[str]:
    """One run for all files that are encoded: the sound is decoded once.

    Args:
        plan: what is made.
        files: those of the plan that are not copied.
        decided: see there.
        source: the arguments that open it (``Toolbox.open``).
        cover: whether ``COVER_FILE`` and ``PICTURE_TAG_FILE`` are there.
    """
    arguments = [*source, *_inputs(cover=cover), "-filter_complex", _graph(plan, files, decided)]
    for number, file in enumerate(files):
        arguments += ["-map", f"[a{number}]", "-c:a", file.encoder, *_rate(file)]
        arguments += _output(plan, file, decided, cover=cover)
    return arguments


def copy(plan: AudioPlan, file: AudioFile, decided: Decided, source: list[str], *, cover: bool) -> list[str]:
    """Take over the packets of the source as they are; otherwise as ``encode``."""
    return [
        *source,
        *_inputs(cover=cover),
        *("-map", f"0:{plan.stream}", "-c:a", "copy"),
        *_output(plan, file, decided, cover=cover),
    ]


def decoded_sum(stream: str, source: list[str]) -> list[str]:
    """Write the MD5 of all decoded samples into ``SUM_FILE``: the same sound, to the bit, has the same.

    The time that the run reports is that of the samples, wherever they lie in the file.
    """
    return [*source, "-map", stream, "-af", "asetpts=N/SR/TB", "-c:a", "pcm_f32le", "-f", "md5", str(SUM_FILE)]


def packet_sum(stream: str, source: list[str]) -> list[str]:
    """Write the MD5 of all packets, as they are, into ``SUM_FILE``."""
    return [*source, "-map", stream, "-c:a", "copy", "-f", "md5", str(SUM_FILE)]


def measure(plan: AudioPlan, mix: Mix, decided: Decided, source: list[str]) -> list[str]:
    """Listen to one mix, without writing sound. The loudness goes to ``LOUDNESS_FILE`` where it matters; the places of
    silence, where it is to be cut off and has not been found yet (``decided.length`` is None), to theirs."""
    chain = [*_prepare(plan, mix, decided)]
    if plan.treatment.trim_silence and decided.length is None:
        chain.append(f"silencedetect=noise={_SILENT}:duration={_SILENT_SECONDS}")
        chain += [
            f"ametadata=print:key=lavfi.{key}:file={file}"
            for key, file in (("silence_start", SILENCE_STARTS), ("silence_end", SILENCE_ENDS))
        ]
    if plan.treatment.listens:
        chain += [*_louder(mix.gain), *_limit_peaks(mix.limiter, plan.sample_rate), *_meter("sample")]
    graph = f"[0:{plan.stream}]{','.join(chain)}[m]"
    return [*source, "-filter_complex", graph, "-map", "[m]", *_limit(plan), "-f", "null", "-"]


def listen(source: list[str], *, loudness: bool) -> list[str]:
    """Decode a result from its beginning to its end; with ``loudness`` into ``LOUDNESS_FILE`` too."""
    meter = ("-af", ",".join(_meter("true"))) if loudness else ()
    return [*source, "-map", "0:a", *meter, "-f", "null", "-"]


def _meter(peak: str) -> list[str]:
    return [f"ebur128=metadata=1:peak={peak}", f"ametadata=print:file={LOUDNESS_FILE}"]


def _inputs(*, cover: bool) -> tuple[str, ...]:
    return (*_JPEG, *_TAGS) if cover else ()


def _output(plan: AudioPlan, file: AudioFile, decided: Decided, *, cover: bool) -> list[str]:
    """All of an output but its sound."""
    block = cover and file.format.cover == "block"
    picture = _PICTURE if cover and file.format.cover == "stream" else ("-vn",)
    tags = {**dict(plan.tags), **decided.tags.get(file.name, {})}
    return [
        *picture,
        *_limit(plan),
        *NO_METADATA,
        *(("-map_metadata", "2") if block else ()),
        *(part for name, value in tags.items() for part in ("-metadata", f"{name}={value}")),
        *file.format.muxer,
        *(("-rf64", "auto") if file.large else ()),
        file.name,
    ]


def _rate(file: AudioFile) -> tuple[str, ...]:
    if file.quality is not None:
        return ("-q:a", f"{file.quality:g}")
    if file.bitrate is not None:
        return ("-b:a", str(file.bitrate))
    if file.codec == "flac":
        return ("-sample_fmt", "s32", "-bits_per_raw_sample", "24") if file.bit_depth == 24 else ("-sample_fmt", "s16")
    return ()


def _graph(plan: AudioPlan, files: Sequence[AudioFile], decided: Decided) -> str:
    """Source -> a chain for each number of channels -> the sample rate of each file."""
    counts = sorted({file.channels for file in files})
    parts = [f"[0:{plan.stream}]asplit={len(counts)}{''.join(f'[m{count}]' for count in counts)}"]
    for count in counts:
        numbers = [number for number, file in enumerate(files) if file.channels == count]
        chain = [*_prepare(plan, decided.mixes[count], decided), *_finish(plan, decided.mixes[count], decided)]
        ends = "".join(f"[s{number}]" for number in numbers)
        parts.append(f"[m{count}]{','.join(chain)},asplit={len(numbers)}{ends}")
        parts += [f"[s{number}]{','.join(_fit(files[number], decided))}[a{number}]" for number in numbers]
    return ";".join(parts)


def _fit(file: AudioFile, decided: Decided) -> list[str]:
    """For one format: its sample rate, and where the loudness matters what its encoder takes off."""
    chain = [f"aresample={file.sample_rate}"]
    correction, mix = sum(decided.corrections.get(file.name, ())), decided.mixes[file.channels]
    if correction:
        chain += [*_louder(correction), *_limit_peaks(mix.limiter, file.sample_rate)]
    lowered = file.format.lowered(file.bitrate) if mix.gain else 0.0
    return [*chain, *_louder(lowered)]


def _prepare(plan: AudioPlan, mix: Mix, decided: Decided) -> list[str]:
    """Gaps become silence, so that the length stays; then the channels, and the part that is kept."""
    chain = ["aresample=async=1", "asetpts=PTS-STARTPTS"]
    if mix.channels < plan.channels:
        # ITU-R BS.775. Whole numbers would be made quieter by 7.7 dB so that they cannot overflow; the limiter sees
        # to that better.
        chain.append("aformat=sample_fmts=fltp:channel_layouts=stereo")
    end = plan.treatment.end if decided.length is None else decided.start + decided.length
    if decided.start or end is not None:
        until = "" if end is None else f":end={end:.6f}"
        chain += [f"atrim=start={decided.start:.6f}{until}", "asetpts=PTS-STARTPTS"]
    return chain


def _finish(plan: AudioPlan, mix: Mix, decided: Decided) -> list[str]:
    """Loudness, then fades."""
    chain = [*_louder(mix.gain), *_limit_peaks(mix.limiter, plan.sample_rate)]
    treatment, length = plan.treatment, decided.length or plan.length or math.inf
    # Fades that are longer than the sound take all of it: else it would end, or begin, before they are over.
    if treatment.fade_in:
        chain.append(f"afade=t=in:d={min(treatment.fade_in, length):.6f}")
    if treatment.fade_out:
        seconds = min(treatment.fade_out, length)
        chain.append(f"afade=t=out:st={length - seconds:.6f}:d={seconds:.6f}")
    return chain


def _louder(gain: float) -> list[str]:
    return [f"volume={gain:.3f}dB"] if gain else []


def _limit_peaks(times: int, rate: int) -> list[str]:
    """A limiter at so many ``times`` the sample rate (Hz), none for 0. High rates have nothing to hear between their
    samples: they need less. It looks 5 ms ahead, gives the level back, and takes nothing of the length."""
    if not times:
        return []
    higher = rate * max(1, times if rate < 88_200 else times // 2 if rate < 176_400 else 1)
    limiter = f"alimiter=limit={10 ** ((CEILING - _ROOM) / 20):.6f}:level=disabled:latency=1"
    return [limiter] if higher == rate else [f"aresample={higher}", limiter, f"aresample={rate}"]


def _limit(plan: AudioPlan) -> tuple[str, ...]:
    """Nothing is longer than the probe said: a file whose packets lie about time stops here, and fails its check."""
    return ("-t", f"{plan.length * 1.02 + 2:.3f}") if plan.length else ()

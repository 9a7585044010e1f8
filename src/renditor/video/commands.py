"""From a plan to the arguments of FFmpeg. Pure: the same plan gives the same command, shown by ``--dry-run``.

Names of files are relative to the job folder. Nothing that a file or a user says is ever put into a filter graph:
only numbers and names from our own tables are.
"""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import Final

from renditor.ffmpeg.languages import language_code
from renditor.ffmpeg.packets import copy_filters
from renditor.ffmpeg.run import NO_METADATA
from renditor.ffmpeg.workspace import WORK
from renditor.video.colour import Colour
from renditor.video.ladder import Rung
from renditor.video.plan import GOP_SECONDS, VideoPlan
from renditor.video.tracks import AudioTrack

# A key frame at the first frame and then every 2 s after the last one. Counted in time, not in frames, so that all
# rungs have theirs at the same place; a little less than 2 s, because times are floating point numbers.
_KEY_FRAMES: Final = f"expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{GOP_SECONDS - 0.001}))"
# Seconds; with the rounding still less than a frame at 60 a second.
_BEFORE: Final = 0.001
# Every output says what it is; a player that has to guess does so by size, and rungs differ in size.
_BT709: Final = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
# Brightness of the master and other notes on HDR are no longer true.
_SDR: Final = "sidedata=mode=delete"
# Linear light at 100 nits = 1.0; `hable` keeps detail in highlights; BT.709 comes out.
_TONE_MAP: Final = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,"
    "zscale=t=bt709:m=bt709:p=bt709:r=tv,format=yuv420p"
)
# The sum of loud channels goes beyond full scale by up to 7.7 dB and would be clipped. Held below it for the moments in
# which that happens; scaling everything down instead would make films as much quieter than all other videos.
_LIMITER: Final = "alimiter=limit=0.9:level=0:latency=1"
_TRANSFERS: Final = {"pq": "smpte2084", "hlg": "arib-std-b67", "wide": "bt2020-10"}


def rung_file(rung: Rung) -> PurePosixPath:
    """Where the encoded picture of a rung lies until it is packaged."""
    return WORK / f"{rung.name}.mp4"


def track_file(track: AudioTrack) -> PurePosixPath:
    """Where the encoded sound of a track lies until it is packaged."""
    return WORK / f"{track.name}.mp4"


def encode(plan: VideoPlan, source: list[str], *, threads: int, tone_mapping: bool) -> list[str]:
    """One run for everything: the source is decoded once, and each rung and the sound become a file of their own.

    A copied rung is written in the same run, so that its frames get the same times as those of the others.

    Args:
        plan: what to make.
        source: the arguments that open the source (``Toolbox.open``).
        threads: of each encoder.
        tone_mapping: whether this FFmpeg can bring HDR to SDR; without it HDR comes out flat.
    """
    filters = graph(plan, tone_mapping=tone_mapping)
    arguments = [*source, *(("-filter_complex", filters) if filters else ())]
    for number, rung in enumerate(encoded_rungs(plan)):
        arguments += ["-map", f"[v{number}]", *_x264(plan, rung), "-threads", str(threads), *_written(plan, rung)]
    for rung in plan.rungs:
        if rung.copied:
            copied = ("-map", f"0:{plan.moving.stream}", "-c:v", "copy", "-bsf:v", copy_filters(plan.moving.rate))
            arguments += [*copied, *_written(plan, rung)]
    for number, track in enumerate(plan.audio):
        arguments += [
            *("-map", f"[a{number}]", "-c:a", "aac", "-b:a", str(track.bitrate)),
            *limit(plan),
            *NO_METADATA,
            *_language(0, track),
            *("-f", "mp4", str(track_file(track))),
        ]
    return arguments


def encoded_rungs(plan: VideoPlan) -> tuple[Rung, ...]:
    """The rungs that are not copied, in their order: ``[v0]``, ``[v1]``, ... of the graph."""
    return tuple(rung for rung in plan.rungs if not rung.copied)


def progressive(plan: VideoPlan, opened: list[list[str]], output: str) -> list[str]:
    """The largest rung and the sound, as they are, in one MP4 whose index comes first (``faststart``).

    Args:
        plan: what is made.
        opened: the arguments that open the rung's file, and then those of the sound.
        output: name of the file.
    """
    inputs = [argument for source in opened for argument in source]
    sound = [part for number in range(len(plan.audio)) for part in ("-map", f"{number + 1}:a:0")]
    described = [part for number, track in enumerate(plan.audio) for part in _described(number, track)]
    return [
        *inputs,
        *("-map", "0:v:0", *sound, "-c", "copy"),
        *NO_METADATA,
        *described,
        *("-movflags", "+faststart", "-f", "mp4", output),
    ]


def colours(colour: Colour, size: str, *, tone_mapping: bool) -> list[str]:
    """Filters that bring a picture of the source to BT.709, 8 bit, limited range, at ``size`` (``w=..:h=..``).

    The input's matrix and range are named first: where the file leaves them open, filters would guess differently.
    """
    if colour.dynamic == "sdr" or not tone_mapping:
        known = [] if colour.matrix == "gbr" else [f"setparams=colorspace={colour.matrix}"]
        return [*known, f"scale={size}:flags=bicubic:out_color_matrix=bt709:out_range=tv", "format=yuv420p"]
    matrix = "" if colour.matrix == "gbr" else f":colorspace={colour.matrix}"
    bits = "pc" if colour.full_range else "tv"
    named = f"setparams=range={bits}:color_primaries=bt2020:color_trc={_TRANSFERS[colour.dynamic]}{matrix}"
    scaled = f"zscale={size}:filter=bicubic"
    if colour.dynamic == "wide":
        return [named, f"{scaled}:t=bt709:m=bt709:p=bt709:r=tv", "format=yuv420p"]
    return [named, scaled, _TONE_MAP]


def graph(plan: VideoPlan, *, tone_mapping: bool) -> str:
    """The filter graph from the source to ``[v0]``, ``[v1]``, ... and ``[a0]``, ``[a1]``, ..."""
    sound = [_sound(track, number) for number, track in enumerate(plan.audio)]
    return ";".join([*(_pictures(plan, tone_mapping=tone_mapping) if encoded_rungs(plan) else ()), *sound])


def _pictures(plan: VideoPlan, *, tone_mapping: bool) -> list[str]:
    """Steps that all rungs share run once, before the split."""
    picture = plan.moving
    # Pictures start with the sound: a first frame that comes late is shown from the beginning.
    # What lies before time 0 is not shown: of a part of a video, reading begins at the key frame before it.
    uneven = "trim=start=0,setpts='if(eq(N,0),0,PTS)'"
    times = uneven if picture.variable else f"fps={picture.rate}:start_time=0"
    shared = [times]
    if picture.deinterlace:
        shared.insert(0, "bwdif=mode=send_frame:deint=interlaced")
    rungs = encoded_rungs(plan)
    top = rungs[0]
    own = [colours(picture.colour, f"w={rung.width}:h={rung.height}", tone_mapping=tone_mapping) for rung in rungs]
    if picture.colour.dynamic in ("pq", "hlg") and tone_mapping:
        # Tone-mapping works on 32-bit floats: once, at the largest size, instead of for every rung.
        shared += colours(picture.colour, f"w={top.width}:h={top.height}", tone_mapping=True)
        shared.append(_SDR)
        own = [[f"scale=w={rung.width}:h={rung.height}:flags=bicubic"] for rung in rungs]
    count = len(rungs)
    outs = "".join(f"[s{number}]" for number in range(count))
    parts = [f"[0:{picture.stream}]{','.join(shared)},split={count}{outs}"]
    parts += [f"[s{number}]{','.join(filters)},setsar=1,{_BT709}[v{number}]" for number, filters in enumerate(own)]
    return parts


def _sound(track: AudioTrack, number: int) -> str:
    """Stereo (5.1 is mixed down), from time 0, with gaps filled by silence, so that it stays with the pictures."""
    resample = f"aresample={track.sample_rate}:async=1:first_pts=0"
    limited = f",{_LIMITER}" if track.mixed_down else ""
    return f"[0:{track.stream}]{resample},aformat=channel_layouts=stereo{limited}[a{number}]"


def _described(number: int, track: AudioTrack) -> list[str]:
    """Its language, and whether it plays unasked: of copied tracks, all would."""
    return [*_language(number, track), f"-disposition:a:{number}", "default" if track.default else "0"]


def _language(number: int, track: AudioTrack) -> tuple[str, ...]:
    code = language_code(track.language)
    return (f"-metadata:s:a:{number}", f"language={code}") if code else ()


def _x264(plan: VideoPlan, rung: Rung) -> list[str]:
    references = ("-refs", "4") if plan.preset == "slow" else ()  # 5 would need level 5 at 1080p: not every device
    return [
        *("-c:v", "libx264", "-preset", plan.preset, "-profile:v", "high", *references),
        # Constant quality, capped: easy scenes cost less than the cap, hard ones never more.
        *("-crf", str(rung.crf), "-maxrate", str(rung.maxrate), "-bufsize", str(rung.bufsize)),
        *timing(plan),
        # Key frames only where asked for, and closed: a segment never needs the one before it.
        *("-force_key_frames", _key_frames(plan), "-forced-idr", "1", "-sc_threshold", "0"),
        *("-x264-params", f"fps={plan.moving.rate}:open-gop=0"),
    ]


def _key_frames(plan: VideoPlan) -> str:
    """Where a rung is copied, its own key frames; each a moment earlier, because the first frame from then on counts.

    With two decimals: one argument of a program holds 128 KiB (MAX_ARG_STRLEN of Linux).
    """
    if not plan.key_frames:
        return _KEY_FRAMES
    return ",".join(f"{max(0, math.floor((time - _BEFORE) * 100)) / 100:.2f}" for time in plan.key_frames)


def _written(plan: VideoPlan, rung: Rung) -> list[str]:
    return [*limit(plan), *NO_METADATA, "-f", "mp4", str(rung_file(rung))]


def timing(plan: VideoPlan) -> tuple[str, ...]:
    """Frames keep the times that the graph gave them.

    If those are uneven they are rounded to the grid, two on one place become one, and there are no B-frames: what is
    decoded ahead of its time over a long gap would make segments longer than their playlists say.
    """
    rate = plan.moving.rate
    even = ("-fps_mode", "passthrough")
    uneven = ("-fps_mode", "vfr", "-enc_time_base", f"{rate.denominator}/{rate.numerator}", "-bf", "0")
    return uneven if plan.moving.variable else even


def limit(plan: VideoPlan) -> tuple[str, str]:
    """Nothing is longer than the probe said: a file whose packets lie about time stops here."""
    return ("-t", f"{plan.length * 1.02 + 2:.3f}")

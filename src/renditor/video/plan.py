"""The plan of a video: everything that will be made of it, decided from the probe alone. Pure.

A plan is plain JSON, and its digest is the idempotency key of the work: the same source description, tier and outputs
give the same plan. Nothing in it names a path, a machine or a moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Final, Literal

from renditor.errors import NoSuchStream, UnsupportedMedia
from renditor.ffmpeg.probe import MediaProbe, VideoStream
from renditor.video.ladder import Rung, ladder

Tier = Literal["instant", "standard", "best"]
OutputKind = Literal["hls", "mp4", "poster"]

OUTPUTS: Final[tuple[OutputKind, ...]] = ("hls", "mp4", "poster")

# x264 presets. Measured at equal VMAF: `faster` is 0.62 of medium's CPU time for 8 % more bytes, `veryfast` 0.44 for
# 31 %, `slow` 1.36 for about 1 % less.
PRESETS: Final[Mapping[Tier, str]] = {"instant": "veryfast", "standard": "faster", "best": "slow"}

GOP_SECONDS: Final = 2  # a player can start, seek and switch every 2 s (Apple's HLS authoring specification)
SEGMENT_SECONDS: Final = 6  # as above; a whole number of GOPs
AUDIO_BITRATE: Final = 128_000
_HIGHEST_RATE = Fraction(60)
_LOWEST_RATE = Fraction(1)
_USUAL_RATE = Fraction(25)  # for streams that give none
_MOST_REPEATS = 4
# Names of matrices (ITU-T H.273) that FFmpeg's filters know. They go into a filter graph: nothing else may pass.
_MATRICES = {"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc", "bt2020c", "gbr"}
_ENGINE = 1  # goes into the digest: raise it when the same plan gives another result


@dataclass(frozen=True, slots=True)
class Colour:
    """How the colours of the source are stored, in FFmpeg's names. Every output is BT.709, 8 bit, limited range.

    ``dynamic``: ``sdr``; ``wide`` (BT.2020 colours without HDR); ``pq`` or ``hlg`` (HDR, to be tone-mapped).
    ``matrix`` is named even where the source leaves it open: players guess by size, and rungs differ in size.
    """

    dynamic: Literal["sdr", "wide", "pq", "hlg"]
    matrix: str
    full_range: bool


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The one AAC stereo track: index of the source stream, Hz, bit/s, ISO 639 code or None.

    ``duration`` is how long the source's sound lasts, in seconds, None if that is not known.
    """

    stream: int
    sample_rate: int
    bitrate: int = AUDIO_BITRATE
    channels: int = 2
    language: str | None = None
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """What will be made of one video.

    ``width`` and ``height`` are the source in px as displayed. ``duration`` is how long its pictures last in seconds,
    from the moment the sound or they begin; ``length`` the longer of pictures and sound.

    ``frame_rate`` (a fraction such as ``30000/1001``) is the grid on which the frames of the output lie. Every place
    of it has a frame, repeated from the source where one is missing, unless ``variable``: then frames keep their
    times, because the source has so few for its length that repeating them could cost hours of computing.
    """

    duration: float
    length: float
    video_stream: int
    width: int
    height: int
    frame_rate: str
    variable: bool
    deinterlace: bool
    colour: Colour
    preset: str
    rungs: tuple[Rung, ...]
    audio: AudioTrack | None
    outputs: tuple[OutputKind, ...] = OUTPUTS
    engine: int = _ENGINE

    @property
    def rate(self) -> Fraction:
        return Fraction(self.frame_rate)

    @property
    def bitrate(self) -> int:
        """The most that the largest rung with sound may take, in bit/s."""
        return self.rungs[0].maxrate + (self.audio.bitrate if self.audio else 0)

    @property
    def digest(self) -> str:
        """sha256 of the plan, hexadecimal: equal plans make equal outputs."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; ``from_json`` gives an equal plan."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> VideoPlan:
        """The plan that ``to_json`` wrote. Raises TypeError or KeyError for anything else."""
        audio = data["audio"]
        parts: dict[str, Any] = {
            "colour": Colour(**data["colour"]),
            "rungs": tuple(Rung(**rung) for rung in data["rungs"]),
            "audio": AudioTrack(**audio) if audio else None,
            "outputs": tuple(data["outputs"]),
        }
        return cls(**{**data, **parts})


def plan(probe: MediaProbe, tier: Tier = "standard", outputs: tuple[OutputKind, ...] = OUTPUTS) -> VideoPlan:
    """Decide what to make of a video.

    Args:
        probe: the source; limits have been applied to it.
        tier: ``instant`` (soonest), ``standard`` or ``best`` (smallest).
        outputs: what is wanted; the ladder is encoded in any case, the largest rung alone if no HLS is wanted.

    Raises:
        NoSuchStream: there are no moving pictures.
        UnsupportedMedia: Dolby Vision profile 5, whose colours FFmpeg cannot turn into ordinary ones.
    """
    video = probe.video
    if video is None:
        raise NoSuchStream("The file has no moving pictures.")
    if video.dolby_vision == 5:
        raise UnsupportedMedia(
            "Dolby Vision profile 5 cannot be converted: its colours have no standard form.",
            hint="Export the video as HDR10, HLG or SDR.",
        )
    rate = _frame_rate(video)
    rungs = ladder(video.width, video.height, rate)
    duration = _lasts(video.duration or probe.duration or float(1 / rate), video.start, probe)
    return VideoPlan(
        duration=duration,
        length=max(duration, round(probe.duration or 0.0, 6)),
        video_stream=video.index,
        width=video.width,
        height=video.height,
        frame_rate=str(rate),
        variable=_sparse(video, duration, rate),
        deinterlace=video.interlaced,
        colour=source_colour(video),
        preset=PRESETS[tier],
        rungs=rungs if "hls" in outputs else rungs[:1],
        audio=_audio_track(probe),
        outputs=tuple(kind for kind in OUTPUTS if kind in outputs),
    )


def _frame_rate(video: VideoStream) -> Fraction:
    """The natural rate; above 60 halved until it is not."""
    rate = video.frame_rate.limit_denominator(100_000)
    if rate < _LOWEST_RATE:
        return _USUAL_RATE  # a slide show, or none given
    measured = _measured_rate(video, rate / 2)
    if measured and abs(measured - rate / 2) < rate / 2 * Fraction(5, 100):
        rate /= 2  # timestamps in milliseconds, or of fields, look like twice the rate
    while rate > _HIGHEST_RATE:
        rate /= 2
    return rate


def _measured_rate(video: VideoStream, rate: Fraction) -> Fraction | None:
    """Frames by the time from the first to the last one, if each lasts as long as at ``rate``."""
    if not video.frames or not video.duration or video.frames < 2:
        return None
    span = Fraction(video.duration).limit_denominator(1_000_000) - 1 / rate
    return (video.frames - 1) / span if span > 0 else None


def _sparse(video: VideoStream, duration: float, rate: Fraction) -> bool:
    """Whether filling the grid would repeat each frame more than three times on average.

    26 KB with ten frames hours apart would else become a million frames.
    """
    return video.frames is None or video.frames * _MOST_REPEATS < duration * rate


def source_colour(video: VideoStream) -> Colour:
    """How the colours of a stream are stored, guessed as players do where it does not say."""
    wide = video.primaries == "bt2020"
    dynamic: Literal["sdr", "wide", "pq", "hlg"] = video.hdr or ("wide" if wide else "sdr")
    matrix = video.matrix or ""
    if matrix not in _MATRICES:
        # What players assume: BT.601 up to standard definition, BT.709 above.
        short = min(video.width, video.height)
        matrix = "bt2020nc" if dynamic != "sdr" else "bt709" if short > 576 else "smpte170m"
    return Colour(dynamic=dynamic, matrix=matrix, full_range=video.full_range)


def _audio_track(probe: MediaProbe) -> AudioTrack | None:
    stream = probe.main_audio
    if stream is None:
        return None
    # 44.1 kHz and its halves stay in their family: resampling to 48 kHz would gain nothing.
    sample_rate = 44_100 if stream.sample_rate % 11_025 == 0 else 48_000
    duration = _lasts(stream.duration, stream.start, probe) if stream.duration else None
    return AudioTrack(stream=stream.index, sample_rate=sample_rate, language=stream.language, duration=duration)


def _lasts(seconds: float, start: float, probe: MediaProbe) -> float:
    """A stream that begins later than the file is filled up from the file's beginning."""
    return round(seconds + max(0.0, start - probe.start), 6)

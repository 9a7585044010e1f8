"""The plan of a video: everything that will be made of it, decided from the probe alone. Pure.

A plan is plain JSON, and its digest is the idempotency key of the work: the same source description, tier and outputs
give the same plan. Nothing in it names a path, a machine or a moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any, Final, Literal

from renditor.errors import NoSuchStream, UnsupportedMedia
from renditor.ffmpeg.probe import AudioStream, Chapter, MediaProbe, VideoStream
from renditor.video.ladder import Rung, ladder

Tier = Literal["instant", "standard", "best"]
OutputKind = Literal["hls", "mp4", "poster", "storyboard", "preview", "chapters"]

OUTPUTS: Final[tuple[OutputKind, ...]] = ("hls", "mp4", "poster", "storyboard", "preview", "chapters")

# Of these, what the providers here can make.
MADE: Final[frozenset[OutputKind]] = frozenset({"hls", "mp4", "poster"})

# x264 presets. Measured at equal VMAF: `faster` is 0.62 of medium's CPU time for 8 % more bytes, `veryfast` 0.44 for
# 31 %, `slow` 1.36 for about 1 % less.
PRESETS: Final[Mapping[Tier, str]] = {"instant": "veryfast", "standard": "faster", "best": "slow"}

GOP_SECONDS: Final = 2  # a player can start, seek and switch every 2 s (Apple's HLS authoring specification)
SEGMENT_SECONDS: Final = 6  # as above; a whole number of GOPs
AUDIO_BITRATE: Final = 128_000
# Sound alone is offered at a second rate, for slow networks.
LOW_AUDIO_BITRATE: Final = 64_000
_HIGHEST_RATE = Fraction(60)
_LOWEST_RATE = Fraction(1)
_USUAL_RATE = Fraction(25)  # for streams that give none
_MOST_REPEATS = 4
# Names of matrices (ITU-T H.273) that FFmpeg's filters know. They go into a filter graph: nothing else may pass.
_MATRICES = {"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc", "bt2020c", "gbr"}
_ENGINE = 2  # goes into the digest: raise it when the same plan gives another result


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
class Picture:
    """The moving pictures of the source, and how they are prepared.

    ``stream`` is their index in the source, ``width`` and ``height`` px as displayed, ``duration`` how long they last
    in seconds, from the moment the sound or they begin.

    ``frame_rate`` (a fraction such as ``30000/1001``) is the grid on which the frames of the output lie. Every place
    of it has a frame, repeated from the source where one is missing, unless ``variable``: then frames keep their
    times, because the source has so few for its length that repeating them could cost hours of computing.
    """

    stream: int
    width: int
    height: int
    duration: float
    frame_rate: str
    variable: bool
    deinterlace: bool
    colour: Colour

    @property
    def rate(self) -> Fraction:
        return Fraction(self.frame_rate)


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One AAC stereo track. ``name`` is its folder in the set; ``stream`` the index of the source stream.

    ``sample_rate`` in Hz, ``bitrate`` in bit/s, ``language`` an ISO 639 code or None, ``label`` for people.
    ``duration`` is how long the source's sound lasts, in seconds, None if that is not known.
    """

    name: str
    stream: int
    sample_rate: int
    bitrate: int = AUDIO_BITRATE
    channels: int = 2
    language: str | None = None
    label: str = "Main"
    default: bool = True
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class TextTrack:
    """One track of captions. ``name`` is its folder in the set; ``stream`` the index of the source stream."""

    name: str
    stream: int
    language: str | None = None
    label: str = "Captions"
    default: bool = False
    forced: bool = False


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """What will be made of one video, or, where ``picture`` is None, of sound alone: then there are no rungs.

    ``length`` is the longer of pictures and sound, in seconds. ``key_frames``: where a rung is copied, the times of its
    key frames in seconds; all other rungs have theirs there too. ``first_playable``: the smallest rung is made known
    before the others are encoded. ``notes`` say what was decided that one might not expect.
    """

    length: float
    picture: Picture | None
    preset: str
    rungs: tuple[Rung, ...]
    audio: tuple[AudioTrack, ...] = ()
    captions: tuple[TextTrack, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    outputs: tuple[OutputKind, ...] = OUTPUTS
    first_playable: bool = False
    key_frames: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    engine: int = _ENGINE

    @property
    def moving(self) -> Picture:
        """The pictures of a plan that has some. Raises: NoSuchStream."""
        if self.picture is None:
            raise NoSuchStream("The file has no moving pictures.")
        return self.picture

    @property
    def bitrate(self) -> int:
        """The most that the largest rung with all sound may take, in bit/s."""
        return max((rung.maxrate for rung in self.rungs), default=0) + sum(track.bitrate for track in self.audio)

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
        picture = data["picture"]
        parts: dict[str, Any] = {
            "picture": Picture(**{**picture, "colour": Colour(**picture["colour"])}) if picture else None,
            "rungs": tuple(Rung(**rung) for rung in data["rungs"]),
            "audio": tuple(AudioTrack(**track) for track in data["audio"]),
            "captions": tuple(TextTrack(**track) for track in data["captions"]),
            "chapters": tuple(Chapter(**chapter) for chapter in data["chapters"]),
            **{name: tuple(data[name]) for name in ("outputs", "key_frames", "notes")},
        }
        return cls(**{**data, **parts})


def plan(probe: MediaProbe, tier: Tier = "standard", outputs: tuple[OutputKind, ...] = OUTPUTS) -> VideoPlan:
    """Decide what to make of a video, or of sound alone.

    Args:
        probe: the source; limits have been applied to it.
        tier: ``instant`` (soonest), ``standard`` or ``best`` (smallest).
        outputs: what is wanted; the ladder is encoded in any case, the largest rung alone if no HLS is wanted. Sound
            alone has no other output than ``hls``.

    Raises:
        NoSuchStream: there is nothing to make the outputs of.
        UnsupportedMedia: Dolby Vision profile 5, whose colours FFmpeg cannot turn into ordinary ones.
    """
    video = probe.video
    if video is None:
        return _sound_alone(probe, tier, outputs)
    if video.dolby_vision == 5:
        raise UnsupportedMedia(
            "Dolby Vision profile 5 cannot be converted: its colours have no standard form.",
            hint="Export the video as HDR10, HLG or SDR.",
        )
    rate = _frame_rate(video)
    rungs = ladder(video.width, video.height, rate)
    duration = _lasts(video.duration or probe.duration or float(1 / rate), video.start, probe)
    main = probe.main_audio
    picture = Picture(
        stream=video.index,
        width=video.width,
        height=video.height,
        duration=duration,
        frame_rate=str(rate),
        variable=_sparse(video, duration, rate),
        deinterlace=video.interlaced,
        colour=source_colour(video),
    )
    return VideoPlan(
        length=max(duration, round(probe.duration or 0.0, 6)),
        picture=picture,
        preset=PRESETS[tier],
        rungs=rungs if "hls" in outputs else rungs[:1],
        audio=(_audio_track("audio", main, probe),) if main else (),
        outputs=tuple(kind for kind in OUTPUTS if kind in outputs and kind in MADE),
    )


def _sound_alone(probe: MediaProbe, tier: Tier, outputs: tuple[OutputKind, ...]) -> VideoPlan:
    main = probe.main_audio
    if main is None or "hls" not in outputs:
        raise NoSuchStream("The file has no moving pictures.")
    track = _audio_track("audio", main, probe)
    length = probe.duration or track.duration or 0.0
    low = replace(track, name="audio-64k", bitrate=LOW_AUDIO_BITRATE, default=False)
    return VideoPlan(length, None, PRESETS[tier], (), audio=(track, low), outputs=("hls",))


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


def _audio_track(name: str, stream: AudioStream, probe: MediaProbe) -> AudioTrack:
    # 44.1 kHz and its halves stay in their family: resampling to 48 kHz would gain nothing.
    sample_rate = 44_100 if stream.sample_rate % 11_025 == 0 else 48_000
    duration = _lasts(stream.duration, stream.start, probe) if stream.duration else None
    return AudioTrack(name, stream.index, sample_rate, language=stream.language, duration=duration)


def _lasts(seconds: float, start: float, probe: MediaProbe) -> float:
    """A stream that begins later than the file is filled up from the file's beginning."""
    return round(seconds + max(0.0, start - probe.start), 6)

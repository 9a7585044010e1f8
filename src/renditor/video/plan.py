"""The plan of a video: everything that will be made of it, decided from the probe alone. Pure.

A plan is plain JSON, and its digest is the idempotency key of the work: the same source description, tier and outputs
give the same plan. Nothing in it names a path, a machine or a moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any, Final, Literal

from renditor.errors import NoSuchStream
from renditor.ffmpeg.probe import Chapter, MediaProbe, VideoStream
from renditor.video.colour import Colour, source_colour
from renditor.video.compliance import copy_fault, shared_key_frames
from renditor.video.ladder import Rung, ladder
from renditor.video.steps import DEFAULT_STEPS, Step
from renditor.video.tracks import AudioTrack, TextTrack, audio_tracks, lasts, text_tracks

Tier = Literal["instant", "standard", "best"]
OutputKind = Literal["hls", "mp4", "poster", "storyboard", "preview", "chapters"]

OUTPUTS: Final[tuple[OutputKind, ...]] = ("hls", "mp4", "poster", "storyboard", "preview", "chapters")

# x264 presets. Measured at equal VMAF: `faster` is 0.62 of medium's CPU time for 8 % more bytes, `veryfast` 0.44 for
# 31 %, `slow` 1.36 for about 1 % less.
PRESETS: Final[Mapping[Tier, str]] = {"instant": "veryfast", "standard": "faster", "best": "slow"}

GOP_SECONDS: Final = 2  # a player can start, seek and switch every 2 s (Apple's HLS authoring specification)
SEGMENT_SECONDS: Final = 6  # as above; a whole number of GOPs
# Sound alone is offered at a second rate, for slow networks.
LOW_AUDIO_BITRATE: Final = 64_000
# Seven hours of one every 2 s. The encoders are told of all of them in one argument of at most 128 KiB.
_MOST_KEY_FRAMES: Final = 13_000
_BITS: Final = 8  # of every output
_HIGHEST_RATE = Fraction(60)
_LOWEST_RATE = Fraction(1)
_USUAL_RATE = Fraction(25)  # for streams that give none
_MOST_REPEATS = 4
# Below this the whole ladder is made nearly as soon as its lowest rung alone would be.
_FIRST_PLAYABLE_SECONDS = 30
_ENGINE = 2  # goes into the digest: raise it when the same plan gives another result


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
        """sha256 of the plan without its notes, hexadecimal: equal digests make equal outputs."""
        work = {name: value for name, value in self.to_json().items() if name != "notes"}
        text = json.dumps(work, sort_keys=True, separators=(",", ":"))
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


def plan(
    probe: MediaProbe,
    tier: Tier = "standard",
    outputs: tuple[OutputKind, ...] = OUTPUTS,
    *,
    steps: Sequence[Step] = DEFAULT_STEPS,
    first_playable: bool = False,
) -> VideoPlan:
    """Decide what to make of a video, or of sound alone.

    Args:
        probe: the source; limits have been applied to it. A rung is copied only if it holds the key frames.
        tier: ``instant`` (soonest), ``standard`` or ``best`` (smallest).
        outputs: what is wanted; the ladder is encoded in any case, the largest rung alone if no HLS is wanted. Sound
            alone has no other output than ``hls``.
        steps: the ladder, largest first.
        first_playable: whether the smallest rung is to be made known first, where that helps.

    Raises:
        NoSuchStream: there is nothing to make the outputs of.
        UnsupportedMedia: colours that FFmpeg cannot turn into ordinary ones.
    """
    if probe.video is None:
        return _sound_alone(probe, tier, outputs)
    notes: list[str] = []
    picture = _picture(probe, probe.video, notes)
    rungs = ladder(picture.width, picture.height, picture.rate, steps)
    rungs = rungs if "hls" in outputs else rungs[:1]
    rungs, key_frames = _copied(probe, picture, rungs, notes)
    length = max(picture.duration, round(probe.duration or 0.0, 6))
    early = first_playable and "hls" in outputs and len(rungs) > 1 and length >= _FIRST_PLAYABLE_SECONDS
    chapters = plan_chapters(probe, length) if "chapters" in outputs else ()
    return VideoPlan(
        length=length,
        picture=picture,
        preset=PRESETS[tier],
        rungs=rungs,
        audio=audio_tracks(probe, notes),
        captions=text_tracks(probe, notes) if "hls" in outputs else (),
        chapters=chapters,
        outputs=tuple(kind for kind in OUTPUTS if kind in outputs and (kind != "chapters" or chapters)),
        first_playable=early,
        key_frames=key_frames,
        notes=tuple(notes),
    )


def _sound_alone(probe: MediaProbe, tier: Tier, outputs: tuple[OutputKind, ...]) -> VideoPlan:
    """The track that plays unasked, at two bit rates."""
    notes: list[str] = []
    tracks = audio_tracks(probe, notes)
    if not tracks or "hls" not in outputs:
        raise NoSuchStream("The file has no moving pictures.")
    main = tracks[0]
    notes += [f"audio stream {track.stream} left out: sound alone has one track" for track in tracks[1:]]
    low = replace(main, name="audio-64k", bitrate=LOW_AUDIO_BITRATE, default=False)
    length = probe.duration or main.duration or 0.0
    return VideoPlan(length, None, PRESETS[tier], (), audio=(main, low), outputs=("hls",), notes=tuple(notes))


def _picture(probe: MediaProbe, video: VideoStream, notes: list[str]) -> Picture:
    rate = frame_rate(video)
    duration = lasts(video.duration or probe.duration or float(1 / rate), video.start, probe)
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
    notes += _remarks(video, picture)
    return picture


def _remarks(video: VideoStream, picture: Picture) -> list[str]:
    """What becomes of the pictures beside a change of size."""
    dynamic = picture.colour.dynamic
    remarks = {
        f"Dolby Vision profile {video.dolby_vision}: its base layer is taken": video.dolby_vision is not None,
        f"tone-mapped from {dynamic.upper()}": dynamic in ("pq", "hlg"),
        "colours brought from BT.2020 to BT.709": dynamic == "wide",
        f"{video.bit_depth} bit brought to 8": video.bit_depth > _BITS,
        "deinterlaced": picture.deinterlace,
        f"turned by {video.rotation} degrees": video.rotation != 0,
        f"frame rate brought from {video.frame_rate} to {picture.frame_rate}": video.frame_rate != picture.rate,
        "frames keep their uneven times": picture.variable,
        f"uneven frames brought to {picture.frame_rate} a second": video.variable and not picture.variable,
    }
    return [remark for remark, there in remarks.items() if there]


def _copied(
    probe: MediaProbe, picture: Picture, rungs: tuple[Rung, ...], notes: list[str]
) -> tuple[tuple[Rung, ...], tuple[float, ...]]:
    """The rungs, the largest copied if the source complies, and the key frames that all then share."""
    if probe.key_frames is None:
        return rungs, ()
    top = rungs[0]
    key_frames = shared_key_frames(probe.key_frames.times, SEGMENT_SECONDS, GOP_SECONDS)
    fault = copy_fault(probe, top, picture.rate)
    if len(key_frames) > _MOST_KEY_FRAMES:
        fault = fault or f"more than {_MOST_KEY_FRAMES:,} key frames"
    if fault:
        notes.append(f"copy refused: {fault}")
        return rungs, ()
    notes.append(f"rung {top.name} copied")
    return (replace(top, copied=True), *rungs[1:]), key_frames


def plan_chapters(probe: MediaProbe, length: float) -> tuple[Chapter, ...]:
    """Chapters within a video or a sound of a ``length``, one after the other, in seconds from its beginning.

    Those without title are numbered. One that is not over when the next begins ends there.
    """
    begins = [round(max(0.0, chapter.start - probe.start), 3) for chapter in probe.chapters]
    ends = [round(min(chapter.end - probe.start, length), 3) for chapter in probe.chapters]
    found: list[Chapter] = []
    for chapter, begin, end, following in zip(probe.chapters, begins, ends, [*begins, length][1:], strict=True):
        if min(end, following) > begin:
            found.append(Chapter(begin, min(end, following), chapter.title or f"Chapter {len(found) + 1}"))
    return tuple(found)


def frame_rate(video: VideoStream) -> Fraction:
    """The rate of all rungs, frames a second: the natural one, above 60 halved until it is not."""
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

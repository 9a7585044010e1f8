"""One video file into another: what is wanted, and what is decided from the source. Pure.

A codec that its container cannot hold is refused by name before anything runs. What complies already and is not asked
to change is copied: pictures and sound each by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from renditor.errors import BadRequest
from renditor.ffmpeg.probe import AudioStream, MediaProbe, SubtitleStream, VideoStream
from renditor.video.convert.clip import Clip
from renditor.video.convert.containers import AUDIO_CODECS, CONTAINERS, SPEEDS, VIDEO_CODECS, Container
from renditor.video.ladder import Rung, fit
from renditor.video.plan import Picture, VideoPlan, plan
from renditor.video.tracks import AUDIO_BITRATE, text_tracks

_PRESET: Final = "medium"
# Containers whose packets have times that can be taken over.
_TRUSTED: Final = frozenset({"mp4", "mov", "matroska", "webm"})


@dataclass(frozen=True, slots=True)
class TranscodeOptions:
    """What is wanted; None takes the default of the container or codec, or leaves it as it is.

    ``container``: mp4, mov, webm or mkv. ``preset``: x264's names, ultrafast to veryslow, for every codec. ``crf``: 0
    (best) to 51, or 63 for VP9 and AV1. ``audio_bitrate`` in bit/s. ``max_width`` and ``max_height`` in px: nothing is
    enlarged. ``clip``: the part of the source, cut on the frame.

    Raises:
        BadRequest: an unknown name, a number out of range, or a codec that the container cannot hold.
    """

    container: str
    video_codec: str | None = None
    audio_codec: str | None = None
    preset: str | None = None
    crf: int | None = None
    audio_bitrate: int | None = None
    max_width: int | None = None
    max_height: int | None = None
    clip: Clip = field(default_factory=Clip)

    def __post_init__(self) -> None:
        if self.container not in CONTAINERS:
            raise BadRequest(f"A video cannot be written as .{self.container}.", hint=f"Use {any_of(CONTAINERS)}.")
        _expect(self.video, VIDEO_CODECS, "video codec")
        _expect(self.audio, AUDIO_CODECS, "audio codec")
        _expect(self.speed, SPEEDS, "preset")
        container = self.holder
        if self.video not in container.video:
            names = [VIDEO_CODECS[codec].name for codec in container.video]
            raise _cannot_hold(container, VIDEO_CODECS[self.video].name, names)
        if self.audio not in container.audio:
            names = [AUDIO_CODECS[codec].name for codec in container.audio]
            raise _cannot_hold(container, AUDIO_CODECS[self.audio].name, names)
        worst = VIDEO_CODECS[self.video].worst_crf
        if not 0 <= self.quality <= worst:
            raise BadRequest(f"CRF {self.crf} is out of range for {VIDEO_CODECS[self.video].name}: 0 to {worst}.")
        if not 8_000 <= self.bitrate <= 512_000:
            raise BadRequest("The audio bitrate must lie between 8k and 512k.")
        if any(side is not None and side < 2 for side in (self.max_width, self.max_height)):
            raise BadRequest("The largest width and height must be at least 2.")

    @property
    def holder(self) -> Container:
        return CONTAINERS[self.container]

    @property
    def video(self) -> str:
        return self.video_codec or self.holder.video[0]

    @property
    def audio(self) -> str:
        return self.audio_codec or self.holder.audio[0]

    @property
    def speed(self) -> str:
        return self.preset or _PRESET

    @property
    def quality(self) -> int:
        return VIDEO_CODECS[self.video].crf if self.crf is None else self.crf

    @property
    def bitrate(self) -> int:
        return AUDIO_BITRATE if self.audio_bitrate is None else self.audio_bitrate


@dataclass(frozen=True, slots=True)
class TranscodePlan:
    """A decided transcode.

    ``source`` says how the source is read: a ladder of one rung, with all languages, captions and chapters.
    ``audio_copied``: its sound is taken over as it is; the rung says so of the pictures. ``titles`` of streams are
    their authors' words, by index; ``commentary``: the streams that are such. ``container``: of the source.
    """

    source: VideoPlan
    options: TranscodeOptions
    container: str
    audio_copied: bool = False
    titles: dict[int, str] = field(default_factory=dict)
    commentary: tuple[int, ...] = ()

    @property
    def rung(self) -> Rung:
        return self.source.rungs[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result in px."""
        return self.rung.width, self.rung.height

    @property
    def copied(self) -> tuple[str, ...]:
        """What is taken over as it is: ``video``, ``audio``."""
        found = {"video": self.rung.copied, "audio": self.audio_copied}
        return tuple(kind for kind, copied in found.items() if copied)

    @property
    def encoders(self) -> tuple[str, ...]:
        """The encoders of FFmpeg that are needed."""
        options = self.options
        needed = {
            VIDEO_CODECS[options.video].encoder: not self.rung.copied,
            AUDIO_CODECS[options.audio].encoder: self.source.audio and not self.audio_copied,
            options.holder.text: self.source.captions,
        }
        return tuple(encoder for encoder, need in needed.items() if need)

    def to_json(self) -> dict[str, Any]:
        """What ``--dry-run`` shows."""
        options = self.options
        decided = {
            "video_codec": options.video,
            "audio_codec": options.audio,
            "preset": options.speed,
            "crf": options.quality,
            "audio_bitrate": options.bitrate,
            "copied": list(self.copied),
        }
        return {**asdict(options), **decided, "source": self.source.to_json()}


def parse_resolution(text: str) -> tuple[int, int]:
    """``1920x1080`` as width and height in px. Raises BadRequest."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip().lower())
    if not found or min(int(found[1]), int(found[2])) < 2:
        raise BadRequest(f"{text!r} is not a resolution.", hint="Write width x height in pixels, such as 1920x1080.")
    return int(found[1]), int(found[2])


def parse_bitrate(text: str) -> int:
    """``128k``, ``1.5M`` or ``128000`` in bit/s. Raises BadRequest."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([kKmM]?)", text.strip())
    if not found:
        raise BadRequest(f"{text!r} is not a bitrate.", hint="Write bits a second, such as 128k.")
    return round(float(found[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[found[2].lower()])


def plan_transcode(probe: MediaProbe, options: TranscodeOptions) -> TranscodePlan:
    """Decide sizes, rate and colours as for a ladder; the size is the source's own, fitted into the wanted box.

    Raises:
        BadRequest: the source has no pictures in the wanted part.
        NoSuchStream, UnsupportedMedia: as ``plan``.
    """
    whole = plan(probe, outputs=("mp4", "chapters"))
    picture = whole.moving
    width, height = fit(
        picture.width, picture.height, options.max_width or picture.width, options.max_height or picture.height
    )
    copied = _pictures_comply(probe, picture, options) and (width, height) == (picture.width, picture.height)
    # No cap on the bit rate: quality alone decides.
    rung = Rung(options.container, width, height, crf=options.quality, maxrate=0, bufsize=0, copied=copied)
    notes = list(whole.notes)
    fixed_rate = AUDIO_CODECS[options.audio].sample_rate
    audio = tuple(
        replace(track, sample_rate=fixed_rate or track.sample_rate, bitrate=options.bitrate) for track in whole.audio
    )
    ready = replace(
        whole,
        rungs=(rung,),
        audio=audio,
        captions=text_tracks(probe, notes),
        preset=options.speed,
        notes=tuple(notes),
    )
    return TranscodePlan(
        source=options.clip.plan(ready),
        options=options,
        container=probe.format,
        audio_copied=_sound_complies(probe, {track.stream for track in audio}, options),
        titles=_titles([*probe.audio, *probe.subtitles]),
        commentary=tuple(one.index for one in probe.audio if one.commentary),
    )


def _titles(streams: Iterable[AudioStream | SubtitleStream]) -> dict[int, str]:
    return {stream.index: stream.title for stream in streams if stream.title}


def _pictures_comply(probe: MediaProbe, picture: Picture, options: TranscodeOptions) -> bool:
    """Whether the pictures are what encoding would make them: then it could only make them worse."""
    asked = options.crf is not None or options.preset is not None or not options.clip.whole
    video = probe.video
    if asked or video is None or probe.format not in _TRUSTED:
        return False
    return video.codec == VIDEO_CODECS[options.video].codec and _is_ordinary(video, picture)


def _is_ordinary(video: VideoStream, picture: Picture) -> bool:
    return (
        video.as_stored
        and video.pixel_format == "yuv420p"
        and not (video.interlaced or video.variable or picture.variable)
        and video.frame_rate == picture.rate
        and picture.colour.dynamic == "sdr"
        and video.dolby_vision is None
        and not (video.width % 2 or video.height % 2)
    )


def _sound_complies(probe: MediaProbe, taken: Collection[int], options: TranscodeOptions) -> bool:
    """Whether every track that is taken is what encoding would make it."""
    asked = options.audio_bitrate is not None or not options.clip.whole
    streams: Iterable[AudioStream] = [one for one in probe.audio if one.index in taken]
    ordinary = all(one.codec == options.audio and one.channels <= 2 for one in streams)
    return bool(taken) and ordinary and not asked and probe.format in _TRUSTED


def _expect(value: str, known: Collection[str], what: str) -> None:
    if value not in known:
        raise BadRequest(f"{value!r} is not a known {what}.", hint=f"Use {any_of(known)}.")


def _cannot_hold(container: Container, codec: str, allowed: list[str]) -> BadRequest:
    return BadRequest(f"{container.name} cannot hold {codec}.", hint=f"{container.name} takes {any_of(allowed)}.")


def any_of(names: Iterable[str]) -> str:
    """``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last

"""One video file into another, with the codecs, quality and size that were asked for. Pure.

A codec that its container cannot hold is refused by name before anything runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from renditor.errors import BadRequest
from renditor.ffmpeg.probe import MediaProbe
from renditor.ffmpeg.run import NO_METADATA
from renditor.video.commands import graph, limit, timing
from renditor.video.ladder import Rung, fit
from renditor.video.plan import VideoPlan, plan

_SPEEDS: Final = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VideoCodec:
    """A codec and its encoder. ``worst_crf`` is the end of its quality scale (0 is best), ``name`` for people."""

    name: str
    encoder: str
    crf: int
    worst_crf: int
    # What ffprobe calls it.
    codec: str
    # Presets are named as x264's; other encoders count. None: the encoder knows the names.
    speeds: tuple[int, ...] | None = None


VIDEO_CODECS: Final[Mapping[str, VideoCodec]] = {
    "h264": VideoCodec("H.264", "libx264", 23, 51, "h264"),
    "h265": VideoCodec("H.265", "libx265", 28, 51, "hevc"),
    "vp9": VideoCodec("VP9", "libvpx-vp9", 31, 63, "vp9", (5, 5, 5, 4, 3, 2, 1, 1, 0)),
    "av1": VideoCodec("AV1", "libsvtav1", 35, 63, "av1", (12, 11, 10, 9, 8, 7, 5, 4, 3)),
}
# Codec -> encoder, sample rates it takes (None: any). Opus works at 48 kHz whatever comes in.
AUDIO_CODECS: Final[Mapping[str, tuple[str, int | None]]] = {
    "aac": ("aac", None),
    "opus": ("libopus", 48_000),
    "mp3": ("libmp3lame", None),
}
_AUDIO_NAMES: Final = {"aac": "AAC", "opus": "Opus", "mp3": "MP3"}


@dataclass(frozen=True, slots=True)
class Container:
    """What a container can hold; the first of each is its default."""

    name: str
    muxer: str
    content_type: str
    video: tuple[str, ...]
    audio: tuple[str, ...]


CONTAINERS: Final[Mapping[str, Container]] = {
    "mp4": Container("MP4", "mp4", "video/mp4", ("h264", "h265", "vp9", "av1"), ("aac", "opus", "mp3")),
    "mov": Container("QuickTime", "mov", "video/quicktime", ("h264", "h265"), ("aac", "mp3")),
    "webm": Container("WebM", "webm", "video/webm", ("vp9", "av1"), ("opus",)),
    "mkv": Container(
        "Matroska", "matroska", "video/x-matroska", ("h264", "h265", "vp9", "av1"), ("aac", "opus", "mp3")
    ),
}


@dataclass(frozen=True, slots=True)
class TranscodeOptions:
    """What is wanted; None takes the default of the container or codec.

    ``container``: mp4, mov, webm or mkv. ``preset``: x264's names, ultrafast to veryslow. ``crf``: 0 (best) to 51, or
    63 for VP9 and AV1. ``audio_bitrate`` in bit/s. ``max_width`` and ``max_height`` in px: nothing is enlarged.

    Raises:
        BadRequest: an unknown name, a number out of range, or a codec that the container cannot hold.
    """

    container: str
    video_codec: str | None = None
    audio_codec: str | None = None
    preset: str = "medium"
    crf: int | None = None
    audio_bitrate: int = 128_000
    max_width: int | None = None
    max_height: int | None = None

    def __post_init__(self) -> None:
        container = CONTAINERS.get(self.container)
        if container is None:
            raise BadRequest(f"A video cannot be written as .{self.container}.", hint=f"Use {_any_of(CONTAINERS)}.")
        _expect(self.video, VIDEO_CODECS, "video codec")
        _expect(self.audio, AUDIO_CODECS, "audio codec")
        _expect(self.preset, _SPEEDS, "preset")
        if self.video not in container.video:
            names = [VIDEO_CODECS[codec].name for codec in container.video]
            raise _cannot_hold(container, VIDEO_CODECS[self.video].name, names)
        if self.audio not in container.audio:
            raise _cannot_hold(container, _AUDIO_NAMES[self.audio], [_AUDIO_NAMES[codec] for codec in container.audio])
        worst = VIDEO_CODECS[self.video].worst_crf
        if not 0 <= self.quality <= worst:
            raise BadRequest(f"CRF {self.crf} is out of range for {VIDEO_CODECS[self.video].name}: 0 to {worst}.")
        if not 8_000 <= self.audio_bitrate <= 512_000:
            raise BadRequest("The audio bitrate must lie between 8k and 512k.")
        if any(side is not None and side < 2 for side in (self.max_width, self.max_height)):
            raise BadRequest("The largest width and height must be at least 2.")

    @property
    def video(self) -> str:
        return self.video_codec or CONTAINERS[self.container].video[0]

    @property
    def audio(self) -> str:
        return self.audio_codec or CONTAINERS[self.container].audio[0]

    @property
    def quality(self) -> int:
        return VIDEO_CODECS[self.video].crf if self.crf is None else self.crf


@dataclass(frozen=True, slots=True)
class TranscodePlan:
    """A decided transcode: how the source is read (a ladder of one rung), and how the result is written."""

    source: VideoPlan
    options: TranscodeOptions

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result in px."""
        return self.source.rungs[0].width, self.source.rungs[0].height

    @property
    def encoders(self) -> tuple[str, ...]:
        """The encoders of FFmpeg that are needed."""
        sound = (AUDIO_CODECS[self.options.audio][0],) if self.source.audio else ()
        return (VIDEO_CODECS[self.options.video].encoder, *sound)

    def to_json(self) -> dict[str, Any]:
        """What ``--dry-run`` shows."""
        decided = {"video_codec": self.options.video, "audio_codec": self.options.audio, "crf": self.options.quality}
        return {**asdict(self.options), **decided, "source": self.source.to_json()}


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
        NoSuchStream, UnsupportedMedia: as ``plan``.
    """
    whole = plan(probe, outputs=("mp4",))
    picture = whole.moving
    box = (options.max_width or picture.width, options.max_height or picture.height)
    width, height = fit(picture.width, picture.height, *box)
    rung = Rung(options.container, width, height, crf=options.quality, maxrate=0, bufsize=0)
    fixed_rate = AUDIO_CODECS[options.audio][1]
    audio = tuple(
        replace(track, sample_rate=fixed_rate or track.sample_rate, bitrate=options.audio_bitrate)
        for track in whole.audio
    )
    return TranscodePlan(source=replace(whole, rungs=(rung,), audio=audio, preset=options.preset), options=options)


def arguments(plan: TranscodePlan, source: list[str], output: str, *, threads: int, tone_mapping: bool) -> list[str]:
    """Arguments of FFmpeg; see ``commands.encode``."""
    options = plan.options
    container = CONTAINERS[options.container]
    sound = [part for number in range(len(plan.source.audio)) for part in ("-map", f"[a{number}]")]
    if sound:
        sound += ["-c:a", AUDIO_CODECS[options.audio][0], "-b:a", str(options.audio_bitrate)]
    return [
        *source,
        *("-filter_complex", graph(plan.source, tone_mapping=tone_mapping)),
        *("-map", "[v0]", *_encoder(options), *timing(plan.source), "-threads", str(threads)),
        *sound,
        *limit(plan.source),
        *NO_METADATA,
        # The index first, so that playing can begin before the end has arrived.
        *(("-movflags", "+faststart") if container.muxer in ("mp4", "mov") else ()),
        *("-f", container.muxer, output),
    ]


def _encoder(options: TranscodeOptions) -> list[str]:
    codec = VIDEO_CODECS[options.video]
    arguments = ["-c:v", codec.encoder, "-crf", str(options.quality)]
    if codec.speeds is None:
        arguments += ["-preset", options.preset]
    else:
        number = str(codec.speeds[_SPEEDS.index(options.preset)])
        arguments += ["-cpu-used", number] if codec.encoder == "libvpx-vp9" else ["-preset", number]
    if codec.encoder == "libvpx-vp9":
        arguments += ["-b:v", "0", "-deadline", "good", "-row-mt", "1"]  # 0: quality alone decides; rows in parallel
    if codec.encoder == "libx265":
        arguments += ["-x265-params", "log-level=error"]
        if options.container in ("mp4", "mov"):
            arguments += ["-tag:v", "hvc1"]  # Apple's players know this name of H.265, not `hev1`
    return arguments


def _expect(value: str, known: Mapping[str, object] | tuple[str, ...], what: str) -> None:
    if value not in known:
        raise BadRequest(f"{value!r} is not a known {what}.", hint=f"Use {_any_of(known)}.")


def _cannot_hold(container: Container, codec: str, allowed: list[str]) -> BadRequest:
    return BadRequest(f"{container.name} cannot hold {codec}.", hint=f"{container.name} takes {_any_of(allowed)}.")


def _any_of(names: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last

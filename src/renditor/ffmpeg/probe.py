"""What a media file is, as values: streams, sizes as displayed, durations, and the limits it must keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any, Final, Literal

from renditor.errors import LimitExceeded
from renditor.ffmpeg.settings import FFmpegSettings

# Transfer functions of HDR video (ITU-T H.273): SMPTE ST 2084 and ARIB STD-B67.
_HDR_TRANSFERS: Final[Mapping[str, Literal["pq", "hlg"]]] = {"smpte2084": "pq", "arib-std-b67": "hlg"}


@dataclass(frozen=True, slots=True)
class VideoStream:
    """One moving picture.

    ``width`` and ``height`` are px as displayed: cropped, pixels made square, rotated. ``coded_pixels`` is what the
    decoder has to hold. ``rotation`` is degrees clockwise (0, 90, 180, 270, or as stored if it is none of these).
    ``frame_rate`` is the finest regular grid its timestamps lie on, ``average_rate`` frames by duration.
    ``profile`` is the codec's, as ffprobe names it, ``level`` that of H.264 times ten. ``as_stored`` says that pictures
    are shown as the decoder gives them: upright, not mirrored, not cropped by the container, with square pixels.
    ``dolby_vision`` is the profile of it; ``dolby_vision_alone`` says that its pictures are of use to nothing else.
    """

    index: int
    codec: str
    width: int
    height: int
    coded_pixels: int
    rotation: int = 0
    frame_rate: Fraction = Fraction(0)
    average_rate: Fraction = Fraction(0)
    variable: bool = False
    frames: int | None = None
    duration: float | None = None
    start: float = 0.0
    pixel_format: str | None = None
    bit_depth: int = 8
    interlaced: bool = False
    transfer: str | None = None
    primaries: str | None = None
    matrix: str | None = None
    full_range: bool = False
    dolby_vision: int | None = None
    dolby_vision_alone: bool = False
    bitrate: int | None = None
    profile: str | None = None
    level: int | None = None
    as_stored: bool = False

    @property
    def hdr(self) -> Literal["pq", "hlg"] | None:
        """The transfer of HDR; Dolby Vision without a base layer carries no other sign of being PQ."""
        if self.dolby_vision_alone:
            return "pq"
        return _HDR_TRANSFERS.get(self.transfer or "")

    @property
    def hdr_name(self) -> str | None:
        """What a person calls it: ``dolby-vision``, ``pq`` (HDR10), ``hlg`` or None."""
        return "dolby-vision" if self.dolby_vision is not None else self.hdr


@dataclass(frozen=True, slots=True)
class AudioStream:
    """One sound track. ``sample_rate`` in Hz, ``bitrate`` in bit/s, ``language`` as ISO 639 (2 or 3 letters).

    ``bit_depth``: bits of a sample where they are stored as such (PCM, FLAC, ALAC, TrueHD); None of lossy codecs.
    """

    index: int
    codec: str
    channels: int
    sample_rate: int
    layout: str | None = None
    duration: float | None = None
    start: float = 0.0
    bitrate: int | None = None
    language: str | None = None
    default: bool = False
    title: str | None = None
    commentary: bool = False
    bit_depth: int | None = None


@dataclass(frozen=True, slots=True)
class SubtitleStream:
    """One subtitle track. ``language`` as of ``AudioStream``; ``title`` as its author wrote it, untrusted."""

    index: int
    codec: str
    language: str | None = None
    title: str | None = None
    default: bool = False
    forced: bool = False
    hearing_impaired: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """A named part: ``start`` and ``end`` in seconds of the file's own time; ``title`` is untrusted, may be empty."""

    start: float
    end: float
    title: str = ""


@dataclass(frozen=True, slots=True)
class KeyFrames:
    """The packets of the moving pictures, as far as they could be copied into segments of a stream.

    ``fault`` says why they cannot: then nothing else is known. ``times`` of the key frames and ``length`` of the whole
    are in seconds, from the beginning of the file; all GOPs are closed, and every place of a grid of ``rate`` frames a
    second has its frame. ``peak`` is the highest bit rate over 6 s, ``average`` that of the whole, both in bit/s.
    """

    rate: Fraction = Fraction(0)
    times: tuple[float, ...] = ()
    length: float = 0.0
    peak: int = 0
    average: int = 0
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class MediaProbe:
    """A file as its container and streams describe it. ``duration`` in seconds, ``bitrate`` in bit/s, size in bytes.

    ``start`` is the time of the first packet, in seconds: the streams' own ``start`` counts from the same zero.
    ``cover`` is the index of an attached picture, which is not a video. ``estimated`` says that
    ``duration`` is absent or a guess from the bit rate, ``measured`` that the packets have been read.
    ``key_frames`` are known where they were asked for and the header lets a copy seem possible.
    """

    media_type: Literal["video", "audio"]
    format: str
    duration: float | None
    bytes: int
    bitrate: int | None = None
    video: VideoStream | None = None
    audio: tuple[AudioStream, ...] = ()
    cover: int | None = None
    subtitles: tuple[SubtitleStream, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    estimated: bool = False
    measured: bool = False
    streams: int = 1
    start: float = 0.0
    key_frames: KeyFrames | None = None

    @property
    def main_audio(self) -> AudioStream | None:
        """The track a player would choose: marked default, else the first."""
        return next((stream for stream in self.audio if stream.default), self.audio[0] if self.audio else None)

    @property
    def needs_measuring(self) -> bool:
        """Whether the packets should be read to know where the main stream ends and how many frames it has."""
        video = self.video
        incomplete = video is not None and (video.duration is None or video.frames is None)
        return not self.measured and (self.estimated or incomplete)

    def with_measured(self, seconds: float, frames: int) -> MediaProbe:
        """The same with what reading the packets of the main stream gave."""
        duration = seconds if self.estimated else self.duration
        video = self.video and replace(self.video, duration=seconds, frames=frames)
        bitrate = self.bitrate or (round(self.bytes * 8 / duration) if duration else None)
        return replace(self, duration=duration, video=video, bitrate=bitrate, measured=True)

    def to_json(self) -> dict[str, Any]:
        """Flat, as ``renditor probe --json`` prints it; absent values are null."""
        video, audio = self.video, self.main_audio
        return {
            "media_type": self.media_type,
            "format": self.format,
            "duration": _rounded(self.duration),
            "bytes": self.bytes,
            "bitrate": self.bitrate,
            "width": video and video.width,
            "height": video and video.height,
            "rotation": video and video.rotation,
            "frame_rate": video and _rounded(float(video.average_rate or video.frame_rate)),
            "variable_frame_rate": video and video.variable,
            "video_codec": video and video.codec,
            "pixel_format": video and video.pixel_format,
            "bit_depth": video and video.bit_depth,
            "interlaced": video and video.interlaced,
            "hdr": video and video.hdr_name,
            "audio_codec": audio and audio.codec,
            "channels": audio and audio.channels,
            "sample_rate": audio and audio.sample_rate,
            "audio_streams": [asdict(stream) for stream in self.audio],
            "subtitles": [stream.language or "und" for stream in self.subtitles],
            "subtitle_streams": [asdict(stream) for stream in self.subtitles],
            "chapters": len(self.chapters),
            "chapter_list": [asdict(chapter) for chapter in self.chapters],
            "cover": self.cover is not None,
            "tags": dict(self.tags),
        }


def check_limits(probe: MediaProbe, settings: FFmpegSettings) -> None:
    """Refuse what would cost too much, from the header alone.

    Raises:
        LimitExceeded: frame too large, media too long, too many streams.
    """
    if probe.streams > settings.max_streams:
        raise LimitExceeded(
            f"The file has {probe.streams} streams; at most {settings.max_streams} are allowed.",
            hint="Send it with fewer streams, or raise ffmpeg.max_streams.",
        )
    video = probe.video
    if video and video.coded_pixels > settings.max_pixels:
        raise LimitExceeded(
            f"The video has {video.coded_pixels:,} pixels a frame; at most {settings.max_pixels:,} are allowed.",
            hint="Send a smaller video, or raise ffmpeg.max_pixels.",
        )
    longest = max(probe.duration or 0.0, (video and video.duration) or 0.0)
    if longest > settings.max_duration:
        raise LimitExceeded(
            f"The media is {longest:,.0f} seconds long; at most {settings.max_duration:,.0f} are allowed.",
            hint="Cut it into parts, or raise ffmpeg.max_duration.",
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)

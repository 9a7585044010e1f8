"""From wanted formats to the arguments of FFmpeg. Pure; names of files are relative to the job folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from renditor.audio.base import SAMPLE_RATES, AudioFormat
from renditor.errors import NoSuchStream
from renditor.ffmpeg.probe import AudioStream, MediaProbe
from renditor.ffmpeg.run import NO_METADATA
from renditor.ffmpeg.workspace import WORK

COVER_FILE: Final = WORK / "cover.jpg"
_COVER_SIDE: Final = 1000  # px; what players show, and no more of a huge picture is carried along
_PICTURE: Final = ("-map", "1:v", "-c:v", "copy", "-disposition:v:0", "attached_pic")


@dataclass(frozen=True, slots=True)
class _Writer:
    """How a container is written. ``content_type`` is what it is served as; ``cover``: it can hold a picture."""

    encoder: str
    muxer: tuple[str, ...]
    content_type: str
    cover: bool


WRITERS: Final[Mapping[str, _Writer]] = {
    # Version 3 of ID3v2 is what old players read.
    "mp3": _Writer("libmp3lame", ("-id3v2_version", "3", "-f", "mp3"), "audio/mpeg", cover=True),
    # The index first, so that playing can begin before the end has arrived.
    "m4a": _Writer("aac", ("-movflags", "+faststart", "-f", "ipod"), "audio/mp4", cover=True),
    # FFmpeg cannot write pictures into Ogg.
    "opus": _Writer("libopus", ("-f", "opus"), "audio/ogg", cover=False),
}


def names(formats: Sequence[AudioFormat]) -> list[str]:
    """File names: ``audio.mp3``, then ``audio-2.mp3`` for a second one of the same container."""
    found: list[str] = []
    for number, wanted in enumerate(formats):
        earlier = sum(other.container == wanted.container for other in formats[:number])
        found.append(f"audio{f'-{earlier + 1}' if earlier else ''}.{wanted.container}")
    return found


def sample_rate(wanted: AudioFormat, stream: AudioStream) -> int:
    """Hz of the result: what was asked for, else the source's own where the format has it, else its family's."""
    if wanted.codec == "opus":
        return 48_000  # Opus knows no other; players convert
    if wanted.sample_rate:
        return wanted.sample_rate
    if stream.sample_rate in SAMPLE_RATES:
        return stream.sample_rate
    return 44_100 if stream.sample_rate % 11_025 == 0 else 48_000


def cover(probe: MediaProbe, source: list[str]) -> list[str]:
    """Decode the attached picture into a plain JPEG: nothing but pixels of it is carried on."""
    return [
        *source,
        *("-map", f"0:{probe.cover}", "-frames:v", "1"),
        *("-vf", f"scale=w='min({_COVER_SIDE},iw)':h=-1,format=yuvj420p", "-c:v", "mjpeg", "-q:v", "3"),
        *NO_METADATA,
        *("-f", "image2", "-update", "1", str(COVER_FILE)),
    ]


def encode(formats: Sequence[AudioFormat], probe: MediaProbe, source: list[str], *, with_cover: bool) -> list[str]:
    """One run for all formats: the sound is decoded once.

    Args:
        formats: what to write.
        probe: the source.
        source: the arguments that open it (``Toolbox.open``).
        with_cover: whether ``COVER_FILE`` is there.
    """
    stream = main_stream(probe)
    tags = [part for name, value in probe.tags.items() for part in ("-metadata", f"{name}={value}")]
    picture = ("-protocol_whitelist", "file", "-f", "jpeg_pipe", "-i", f"file:{COVER_FILE}") if with_cover else ()
    arguments = [*source, *picture, "-filter_complex", _graph(formats, stream)]
    for number, (wanted, name) in enumerate(zip(formats, names(formats), strict=True)):
        writer = WRITERS[wanted.container]
        arguments += [
            *("-map", f"[a{number}]", "-c:a", writer.encoder, "-b:a", str(_bitrate(wanted, stream))),
            *(_PICTURE if with_cover and writer.cover else ("-vn",)),
            *_limit(probe),
            *NO_METADATA,
            *tags,
            *writer.muxer,
            name,
        ]
    return arguments


def main_stream(probe: MediaProbe) -> AudioStream:
    """The sound track to use. Raises NoSuchStream where there is none."""
    stream = probe.main_audio
    if stream is None:
        raise NoSuchStream("The file has no sound.", hint="Send a file with an audio track.")
    return stream


def _graph(formats: Sequence[AudioFormat], stream: AudioStream) -> str:
    """Gaps become silence, so that the length stays; surround is mixed down to stereo, mono stays mono."""
    layout = "mono" if stream.channels == 1 else "stereo"
    split = "".join(f"[s{number}]" for number in range(len(formats)))
    parts = [f"[0:{stream.index}]aresample=async=1,aformat=channel_layouts={layout},asplit={len(formats)}{split}"]
    for number, wanted in enumerate(formats):
        parts.append(f"[s{number}]aresample={sample_rate(wanted, stream)}[a{number}]")
    return ";".join(parts)


def _bitrate(wanted: AudioFormat, stream: AudioStream) -> int:
    """MP3 below 32 kHz is another layer with a shorter scale (ISO/IEC 13818-3), and below 16 kHz shorter still."""
    if wanted.codec != "mp3":
        return wanted.bitrate
    rate = sample_rate(wanted, stream)
    return min(wanted.bitrate, 320_000 if rate >= 32_000 else 160_000 if rate >= 16_000 else 64_000)


def _limit(probe: MediaProbe) -> tuple[str, ...]:
    """Nothing is longer than the probe said: a file whose packets lie about time stops here."""
    return ("-t", f"{probe.duration * 1.02 + 2:.3f}") if probe.duration else ()

"""The plan of a piece of sound: which files, written how, after which treatment, decided from the probe alone. Pure.

A plan is plain JSON, and its digest is the idempotency key of the work. What has to be heard first (where silence ends,
how loud it is) is found out when it is carried out, and follows from the same bytes in the same way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from renditor.audio.formats import FORMATS, MOST_CHANNELS, OPUS_RATE, AudioFormat, Format
from renditor.audio.treatment import Treatment
from renditor.errors import BadRequest, CorruptMedia, NoSuchStream, UnsupportedMedia
from renditor.ffmpeg.languages import language_tag
from renditor.ffmpeg.probe import AudioStream, MediaProbe

_ENGINE = 2  # goes into the digest: raise it when the same plan gives another result
# Bits a second of the whole file: less than any codec needs for silence (Opus: about 180 with its containers). 26 KB
# with timestamps hours apart would else become hours of sound, all of it filled in.
_THINNEST: Final = 50
_MOST_RIFF: Final = 4_000_000_000  # bytes; its sizes have 32 bits
# Containers that count samples, not milliseconds or guesses.
_COUNTING: Final = {"wav", "flac", "aiff", "caf"}


@dataclass(frozen=True, slots=True)
class AudioFile:
    """One file of the result. ``codec`` is ffprobe's name, ``sample_rate`` in Hz, ``bitrate`` in bit/s (None: decided
    by quality, or lossless), ``bit_depth`` of lossless formats. ``copied``: the packets of the source are taken over as
    they are, if that gives the very same sound; else they are encoded like the rest. ``large``: a WAV that may pass
    4 GB, and then is RF64 (EBU Tech 3306). Others are left as every program knows them, without room for that.
    """

    name: str
    container: str
    codec: str
    channels: int
    sample_rate: int
    bitrate: int | None = None
    quality: float | None = None
    bit_depth: int | None = None
    copied: bool = False
    large: bool = False

    @property
    def format(self) -> Format:
        return FORMATS[self.container]

    @property
    def encoder(self) -> str:
        """FFmpeg's name of what writes it."""
        return self.codec if self.codec.startswith("pcm_") else self.format.encoder

    @property
    def most_bits(self) -> int:
        """bit/s; what it may need at most, the largest first guess for a budget."""
        if self.format.lossless:
            return self.sample_rate * self.channels * (self.bit_depth or 16)
        return self.bitrate or 256_000 * self.channels  # quality 10 of Vorbis is 250k a channel


@dataclass(frozen=True, slots=True)
class AudioPlan:
    """What will be made of one track of sound.

    ``stream`` is its index in the source, ``channels`` and ``sample_rate`` (Hz) the source's. ``length``: how long the
    sound lasts between start and end, in seconds, None if nobody says; ``exact``: to the sample. ``cover``: index of
    the attached picture. ``tags``: those of the source that describe the work. ``notes``: what was decided that one
    might not expect.
    """

    stream: int
    channels: int
    sample_rate: int
    length: float | None
    exact: bool
    files: tuple[AudioFile, ...]
    treatment: Treatment
    cover: int | None = None
    tags: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    engine: int = _ENGINE

    @property
    def digest(self) -> str:
        """sha256 of the plan, hexadecimal: equal plans of the same source make equal files."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; ``from_json`` gives an equal plan."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AudioPlan:
        """The plan that ``to_json`` wrote. Raises TypeError or KeyError for anything else."""
        parts: dict[str, Any] = {
            "files": tuple(AudioFile(**one) for one in data["files"]),
            "treatment": Treatment(**data["treatment"]),
            "tags": tuple((str(name), str(value)) for name, value in data["tags"]),
            "notes": tuple(data["notes"]),
        }
        return cls(**{**data, **parts})


def plan_audio(
    probe: MediaProbe, formats: Sequence[AudioFormat], treatment: Treatment | None = None, track: str | None = None
) -> AudioPlan:
    """Decide how each of the formats is written.

    Mono stays mono. More than two channels stay in lossless formats and become stereo in the others.

    Args:
        probe: the source; limits have been applied to it.
        formats: what is wanted.
        treatment: what is done to the sound; None: nothing.
        track: number of the sound track, from 1, or its language; None: the one a player would choose.

    Raises:
        NoSuchStream: there is no sound, or not this track.
        BadRequest: the wanted part lies beyond the end.
        CorruptMedia: far too few bytes for the length that the file claims.
        UnsupportedMedia: so many channels that nobody can say which is which.
    """
    treatment = treatment or Treatment()
    stream = choose(probe, track)
    _expect_plausible(probe, stream)
    length = _length(sound_length(probe, stream), treatment)
    files = tuple(
        _large(_file(wanted, name, stream, treatment), length)
        for wanted, name in zip(formats, _names(formats), strict=True)
    )
    return AudioPlan(
        stream=stream.index,
        channels=stream.channels,
        sample_rate=stream.sample_rate,
        length=length,
        exact=_counts(probe, stream),
        files=files,
        treatment=treatment,
        cover=probe.cover,
        tags=tuple(sorted(probe.tags.items())),
        notes=tuple(_notes(formats, files, stream, treatment)),
    )


def choose(probe: MediaProbe, track: str | None = None) -> AudioStream:
    """The sound track to use. Raises: NoSuchStream, naming those there are."""
    main = probe.main_audio
    if main is None:
        raise NoSuchStream("The file has no sound.", hint="Send a file with an audio track.")
    if track is None:
        return main
    if track.isdecimal() and 1 <= int(track) <= len(probe.audio):
        return probe.audio[int(track) - 1]
    tag = language_tag(track)
    found = next((one for one in probe.audio if tag and language_tag(one.language) == tag), None)
    if found is None:
        known = ", ".join(
            f"{number} ({language_tag(one.language) or 'no language'})" for number, one in enumerate(probe.audio, 1)
        )
        raise NoSuchStream("The file has no such sound track.", hint=f"It has {known}.")
    return found


def sound_length(probe: MediaProbe, stream: AudioStream) -> float | None:
    """Seconds that one track lasts. Of several, only some containers say: Matroska gives the length of the longest."""
    return probe.duration if _alone(probe) else stream.duration


def _expect_plausible(probe: MediaProbe, stream: AudioStream) -> None:
    if probe.duration and probe.bytes * 8 < probe.duration * _THINNEST:
        raise CorruptMedia(
            f"The file says that it lasts {probe.duration:,.0f} seconds, which its {probe.bytes:,} bytes cannot hold."
        )
    if stream.channels > MOST_CHANNELS and stream.layout is None:
        raise UnsupportedMedia(
            f"The file has {stream.channels} channels of sound and does not say what they are.",
            hint="Export it with a layout that has a name, such as stereo, 5.1 or 7.1.",
        )


def _names(formats: Sequence[AudioFormat]) -> list[str]:
    """``audio.mp3``, then ``audio-2.mp3`` for a second one of the same container."""
    found: list[str] = []
    for number, wanted in enumerate(formats):
        earlier = sum(other.container == wanted.container for other in formats[:number])
        found.append(f"audio{f'-{earlier + 1}' if earlier else ''}.{wanted.container}")
    return found


def _file(wanted: AudioFormat, name: str, stream: AudioStream, treatment: Treatment) -> AudioFile:
    fmt = wanted.format
    kept = fmt.lossless and stream.channels <= MOST_CHANNELS
    channels = stream.channels if kept else min(stream.channels, 2)
    rate = fmt.sample_rate(wanted.sample_rate, stream.sample_rate)
    depth = (24 if (stream.bit_depth or 16) > 16 else 16) if fmt.lossless else None
    codec = f"pcm_s{depth}le" if wanted.container == "wav" else fmt.codec
    return AudioFile(
        name=name,
        container=wanted.container,
        codec=codec,
        channels=channels,
        sample_rate=rate,
        bitrate=_bitrate(fmt, wanted.bitrate, rate, channels),
        quality=None if fmt.quality is None else (fmt.quality[2] if wanted.quality is None else wanted.quality),
        bit_depth=depth,
        copied=wanted.as_it_comes
        and not treatment.changes
        and (stream.codec, stream.channels, stream.sample_rate) == (codec, channels, rate),
    )


def _large(file: AudioFile, length: float | None) -> AudioFile:
    if file.container != "wav":
        return file
    return replace(file, large=length is None or file.most_bits / 8 * length > _MOST_RIFF)


def _bitrate(fmt: Format, wanted: int | None, rate: int, channels: int) -> int | None:
    if fmt.bitrates is None:
        return None
    return min(wanted or fmt.default[channels > 1], fmt.highest_bitrate(rate, channels))


def _counts(probe: MediaProbe, stream: AudioStream) -> bool:
    """Whether the length that the file gives is that of its samples: lossy codecs add some at both ends."""
    counted = probe.format in _COUNTING and not probe.estimated
    return counted and _alone(probe) and (stream.codec == "flac" or stream.codec.startswith("pcm_"))


def _alone(probe: MediaProbe) -> bool:
    return probe.video is None and len(probe.audio) == 1


def _length(whole: float | None, treatment: Treatment) -> float | None:
    """Seconds between start and end."""
    if not whole:
        return None
    if treatment.start >= whole:
        raise BadRequest(f"The sound lasts only {whole:.1f} seconds: it has ended before the start that was given.")
    return round(min(treatment.end or whole, whole) - treatment.start, 6)


def _notes(
    formats: Sequence[AudioFormat], files: Sequence[AudioFile], stream: AudioStream, treatment: Treatment
) -> list[str]:
    found = []
    mixed = [file.format.title for file in files if file.channels < stream.channels]
    if mixed:
        found.append(f"{stream.channels} channels are mixed down to stereo in {', '.join(mixed)}.")
    for wanted, file in zip(formats, files, strict=True):
        if wanted.sample_rate and file.sample_rate != wanted.sample_rate:
            found.append(f"Opus always has {OPUS_RATE} Hz.")
        if wanted.bitrate and file.bitrate != wanted.bitrate:
            most = (file.bitrate or 0) // 1000
            found.append(f"{file.format.title} at {file.sample_rate} Hz takes at most {most}k.")
        if treatment.tag_loudness and not file.format.gain:
            found.append(f"{file.format.title} has no place for its loudness: it is not written.")
    return found

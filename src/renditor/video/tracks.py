"""Sound and captions of a plan: which streams of the source become tracks, and what they are called. Pure.

Titles and languages come from the file and stand in manifests: only what cannot be mistaken for syntax there is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from renditor.ffmpeg.languages import language_name, language_tag
from renditor.ffmpeg.probe import AudioStream, MediaProbe, SubtitleStream

# Subtitles are for those who do not know the language; captions, for those who do not hear, tell of sounds too.
TextKind = Literal["captions", "subtitles"]

AUDIO_BITRATE: Final = 128_000
_STEREO: Final = 2
# Films come with up to a dozen dubbings. Each is one more encoder, and a line for every rung in the master playlist.
_MOST_AUDIO: Final = 8
_MOST_CAPTIONS: Final = 32
# Codecs of text, by FFmpeg's names. Captions that are stored as pictures cannot become text without reading them.
_TEXT: Final = frozenset({"subrip", "ass", "ssa", "mov_text", "webvtt", "text"})
_BITMAPS: Final = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"})
_LONGEST_LABEL: Final = 60  # characters


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One AAC stereo track. ``name`` is its folder in the set; ``stream`` the index of the source stream.

    ``sample_rate`` in Hz, ``bitrate`` in bit/s, ``language`` a BCP 47 tag or None, ``label`` for people.
    ``duration`` is how long the source's sound lasts, in seconds, None if that is not known. ``mixed_down`` says that
    the source has more channels than the track.
    """

    name: str
    stream: int
    sample_rate: int
    bitrate: int = AUDIO_BITRATE
    channels: int = _STEREO
    language: str | None = None
    label: str = "Main"
    default: bool = True
    duration: float | None = None
    mixed_down: bool = False


@dataclass(frozen=True, slots=True)
class TextTrack:
    """One track of captions. ``name`` is its folder in the set; ``stream`` the index of the source stream.

    ``language`` is a BCP 47 tag or None, ``label`` for people.
    """

    name: str
    stream: int
    language: str | None = None
    label: str = "Captions"
    default: bool = False
    forced: bool = False
    kind: TextKind = "subtitles"


def lasts(seconds: float, start: float, probe: MediaProbe) -> float:
    """How long a stream lasts: one that begins later than the file is filled up from the file's beginning."""
    return round(seconds + max(0.0, start - probe.start), 6)


def audio_tracks(probe: MediaProbe, notes: list[str]) -> tuple[AudioTrack, ...]:
    """One track for each language and role, the one that plays unasked first.

    Args:
        probe: the source.
        notes: what is left out or mixed down is noted here.
    """
    kept: dict[tuple[object, ...], AudioStream] = {}
    for stream in _main_first(probe):
        role = (language_tag(stream.language), stream.commentary, _label(stream.title))
        if role in kept:
            notes.append(f"audio stream {stream.index} left out: the same as stream {kept[role].index}")
        elif len(kept) == _MOST_AUDIO:
            notes.append(f"audio stream {stream.index} left out: more than {_MOST_AUDIO} tracks")
        else:
            kept[role] = stream
    names, labels = _Names(), _Names(" ")
    tracks: list[AudioTrack] = []
    for stream in kept.values():
        tag = language_tag(stream.language)
        name = names.unique(f"audio-{tag.lower()}" if tag and tracks else "audio")
        label = labels.unique(_audio_label(stream, tag))
        tracks.append(_audio_track(stream, probe, name, label, default=not tracks))
        if stream.channels > _STEREO:
            notes.append(f"audio stream {stream.index}: {stream.channels} channels mixed down to stereo")
    return tuple(tracks)


def text_tracks(probe: MediaProbe, notes: list[str]) -> tuple[TextTrack, ...]:
    """A track for every stream of captions that is text, in the order of the file.

    Args:
        probe: the source.
        notes: what is left out is noted here.
    """
    names, labels = _Names(), _Names(" ")
    tracks: list[TextTrack] = []
    for stream in probe.subtitles:
        if stream.codec not in _TEXT:
            reason = "pictures, not text" if stream.codec in _BITMAPS else "not a codec of captions that is read"
            notes.append(f"subtitle stream {stream.index} ({_label(stream.codec)}) left out: {reason}")
        elif len(tracks) == _MOST_CAPTIONS:
            notes.append(f"subtitle stream {stream.index} left out: more than {_MOST_CAPTIONS} tracks")
        else:
            tag = language_tag(stream.language)
            name = names.unique(f"text-{tag.lower()}" if tag else "text")
            label = labels.unique(_text_label(stream, tag))
            # One at most is shown unasked; forced captions are shown by players wherever no others are.
            default = stream.default and not stream.forced and not any(track.default for track in tracks)
            kind: TextKind = "captions" if stream.hearing_impaired else "subtitles"
            tracks.append(TextTrack(name, stream.index, tag, label, default=default, forced=stream.forced, kind=kind))
    return tuple(tracks)


def _main_first(probe: MediaProbe) -> list[AudioStream]:
    """The stream that a player would choose, then the others in the order of the file; commentary never leads."""
    streams = sorted(probe.audio, key=lambda stream: (stream.commentary, not stream.default))
    return streams[:1] + [stream for stream in probe.audio if stream not in streams[:1]]


def _audio_track(stream: AudioStream, probe: MediaProbe, name: str, label: str, *, default: bool) -> AudioTrack:
    return AudioTrack(
        name=name,
        stream=stream.index,
        # 44.1 kHz and its halves stay in their family: resampling to 48 kHz would gain nothing.
        sample_rate=44_100 if stream.sample_rate % 11_025 == 0 else 48_000,
        language=language_tag(stream.language),
        label=label,
        default=default,
        duration=lasts(stream.duration, stream.start, probe) if stream.duration else None,
        mixed_down=stream.channels > _STEREO,
    )


def _audio_label(stream: AudioStream, tag: str | None) -> str:
    usual = language_name(tag) or ("Main" if tag is None else tag)
    return _label(stream.title) or (f"{usual} (commentary)" if stream.commentary else usual)


def _text_label(stream: SubtitleStream, tag: str | None) -> str:
    usual = language_name(tag) or ("Captions" if tag is None else tag)
    kinds: Mapping[str, bool] = {"forced": stream.forced, "SDH": stream.hearing_impaired}
    more = " ".join(kind for kind, there in kinds.items() if there)
    return _label(stream.title) or (f"{usual} ({more})" if more else usual)


def _label(text: str | None) -> str:
    """Letters, digits, spaces and harmless signs of a title, in one line; empty if nothing is left.

    Quotation marks, commas, brackets of tags, controls and marks of writing direction have no place in manifests.
    """
    kept = re.sub(r"[^\w.()&+'/:!?-]+", " ", text or "")
    return " ".join(kept.split())[:_LONGEST_LABEL].strip()


class _Names:
    """Names that are each given out once: the second gets a 2, the third a 3."""

    def __init__(self, between: str = "-") -> None:
        self._between = between
        self._given: set[str] = set()

    def unique(self, name: str) -> str:
        wanted, number = name, 1
        while wanted in self._given:
            number += 1
            wanted = f"{name}{self._between}{number}"
        self._given.add(wanted)
        return wanted

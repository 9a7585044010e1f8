"""HLS playlists and DASH manifests as text: reading them, measuring bit rates, adding what the packager leaves out.

Source: RFC 8216 (HLS), Apple's HLS authoring specification, ISO/IEC 23009-1 (DASH).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

# Links of our sets. A playlist comes out of the sandbox: a link that leaves its folder must not be followed.
_LINK = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
# NAME=value, value either quoted (may hold commas) or bare.
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)(?:,|$)')


@dataclass(frozen=True, slots=True)
class Segment:
    """One entry of a media playlist: file, seconds, and ``(length, offset)`` in bytes if it is a part of the file."""

    uri: str
    duration: float
    byte_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """One rendition. ``target`` is EXT-X-TARGETDURATION in seconds, ``header`` the file of EXT-X-MAP."""

    target: int
    header: str | None
    segments: tuple[Segment, ...]
    ended: bool
    key_frames_only: bool

    @property
    def duration(self) -> float:
        """Seconds, the sum over the segments."""
        return sum(segment.duration for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag of a master playlist with its attributes (quotes kept) and, for EXT-X-STREAM-INF, the line below it."""

    tag: str
    attributes: dict[str, str]
    uri: str | None = None

    def get(self, name: str) -> str | None:
        """An attribute without its quotes."""
        value = self.attributes.get(name)
        return None if value is None else value.strip('"')

    def with_attributes(self, **changes: str) -> Entry:
        """Attribute names are given with ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in changes.items()}
        return replace(self, attributes={**self.attributes, **named})

    def __str__(self) -> str:
        line = f"#{self.tag}:" + ",".join(f"{name}={value}" for name, value in self.attributes.items())
        return f"{line}\n{self.uri}" if self.uri else line


@dataclass(frozen=True, slots=True)
class MasterPlaylist:
    """A master playlist: audio groups, variants, and key-frame playlists for scrubbing."""

    media: tuple[Entry, ...] = ()
    variants: tuple[Entry, ...] = ()
    key_frames: tuple[Entry, ...] = ()

    def __str__(self) -> str:
        """Version 6: EXT-X-MAP in playlists that are not key frames only."""
        head = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]
        return "\n".join([*head, *map(str, (*self.media, *self.variants, *self.key_frames))]) + "\n"


def parse_master(text: str) -> MasterPlaylist:
    """Read a master playlist. Raises ValueError for text that is none."""
    lines = _lines(text)
    found: dict[str, list[Entry]] = {"EXT-X-MEDIA": [], "EXT-X-STREAM-INF": [], "EXT-X-I-FRAME-STREAM-INF": []}
    for line in lines:
        tag, _, rest = line.removeprefix("#").partition(":")
        if tag in found:
            entry = Entry(tag, dict(_ATTRIBUTE.findall(rest)))
            found[tag].append(replace(entry, uri=_link(next(lines, ""))) if tag == "EXT-X-STREAM-INF" else entry)
    return MasterPlaylist(*(tuple(entries) for entries in found.values()))


def parse_media(text: str) -> MediaPlaylist:
    """Read a media playlist. Raises ValueError for text that is none, and for numbers that are none."""
    state = _Media()
    for line in _lines(text):
        if line.startswith("#"):
            state.tag(*line[1:].partition(":")[::2])
        else:
            state.segment(line)
    if state.target is None:
        raise ValueError("no EXT-X-TARGETDURATION")
    return MediaPlaylist(state.target, state.header, tuple(state.segments), state.ended, state.key_frames_only)


def clean_media(text: str) -> str:
    """The same playlist without comments."""
    return "\n".join(line for line in text.splitlines() if line and not _is_comment(line)) + "\n"


def peak_and_average(segments: Sequence[tuple[int, float]], target: int) -> tuple[int, int]:
    """Peak and average bit rate of ``(bytes, seconds)`` segments, in bit/s, rounded up.

    The peak is the largest over any run of segments that lasts between 0.5 and 1.5 target durations (RFC 8216,
    4.3.4.2): a last segment of a few frames does not count alone.
    """
    total_bytes, total_seconds = sum(size for size, _ in segments), sum(seconds for _, seconds in segments)
    if total_seconds <= 0:
        return 0, 0
    average = total_bytes * 8 / total_seconds
    peak = average
    for first in range(len(segments)):
        size, seconds = 0, 0.0
        for segment_bytes, segment_seconds in segments[first:]:
            size, seconds = size + segment_bytes, seconds + segment_seconds
            if seconds > 1.5 * target:
                break
            if seconds >= 0.5 * target:
                peak = max(peak, size * 8 / seconds)
    return _up(peak), _up(average)


def finish_manifest(text: str, frame_rate: Fraction) -> str:
    """The DASH manifest without comments and with the planned frame rate.

    The packager takes the rate from the distance of the first two frames, which says little of an uneven video.
    """
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    return re.sub(r'\b(maxFrameRate|frameRate)="[^"]*"', rf'\1="{frame_rate}"', text)


def manifest_files(text: str, counts: dict[str, int]) -> set[str]:
    """The files a manifest made of SegmentTemplates names, given the number of segments by folder."""
    files = set()
    for found in re.finditer(r'<SegmentTemplate\b[^>]*\binitialization="([^"]+)"[^>]*\bmedia="([^"]+)"', text):
        header, media = found[1], found[2]
        folder = media.partition("/")[0]
        files.add(header)
        files.update(media.replace("$Number$", str(number)) for number in range(1, counts.get(folder, 0) + 1))
    return files


@dataclass(slots=True)
class _Media:
    """What has been read of a media playlist so far."""

    target: int | None = None
    header: str | None = None
    ended: bool = False
    key_frames_only: bool = False
    segments: list[Segment] = field(default_factory=list)
    _duration: float | None = None
    _range: tuple[int, int] | None = None

    def tag(self, name: str, value: str) -> None:
        if name == "EXT-X-TARGETDURATION":
            self.target = int(value)
        elif name == "EXT-X-MAP":
            self.header = _link(dict(_ATTRIBUTE.findall(value)).get("URI", "").strip('"'))
        elif name == "EXTINF":
            self._duration = float(value.partition(",")[0])
        elif name == "EXT-X-BYTERANGE":
            length, _, offset = value.partition("@")
            self._range = (int(length), int(offset or 0))
        elif name == "EXT-X-I-FRAMES-ONLY":
            self.key_frames_only = True
        elif name == "EXT-X-ENDLIST":
            self.ended = True

    def segment(self, uri: str) -> None:
        if self._duration is None:
            raise ValueError("a segment without EXTINF")
        self.segments.append(Segment(_link(uri), self._duration, self._range))
        self._duration = self._range = None


def _lines(text: str) -> Iterator[str]:
    lines = iter([line.strip() for line in text.splitlines() if line.strip() and not _is_comment(line)])
    if next(lines, None) != "#EXTM3U":
        raise ValueError("no playlist")
    return lines


def _link(uri: str) -> str:
    if not _LINK.fullmatch(uri):
        raise ValueError("a link that is not a plain relative name")
    return uri


def _is_comment(line: str) -> bool:
    return line.startswith("#") and not line.startswith("#EXT")


def _up(bits: float) -> int:
    return int(bits) + (bits > int(bits))

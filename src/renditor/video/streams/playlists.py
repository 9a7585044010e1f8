"""HLS playlists as values: read, changed, written.

Source: RFC 8216. One parser for what the packager wrote and for what anyone wrote: the caller says what a fault in the
text does. Links are handed on as they stand; who follows them decides where they may lead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NoReturn

# NAME=value, value either quoted (may hold commas) or bare (RFC 8216, 4.2).
_ATTRIBUTE: Final = re.compile(r' *([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s][^",]*)(?:,|$)')
_MASTER_TAGS: Final = ("EXT-X-MEDIA", "EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF")
# Attributes of the tags read here that are quoted strings (RFC 8216, 4.3.2 and 4.3.4).
_QUOTED: Final = {
    *("URI", "CODECS", "AUDIO", "VIDEO", "SUBTITLES", "GROUP-ID", "NAME", "LANGUAGE", "ASSOC-LANGUAGE", "INSTREAM-ID"),
    *("CHARACTERISTICS", "CHANNELS", "KEYFORMAT", "KEYFORMATVERSIONS"),
}
_METHODS: Final = ("NONE", "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR")  # the last one: RFC 8216bis, 4.4.4.4
_LINE_END: Final = re.compile(r"\r?\n")  # no other (RFC 8216, 4.1)
_DATE: Final = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}T[0-9]{2}:?[0-9]{2}.{0,40}")  # ISO/IEC 8601
_LONGEST_SECONDS: Final = 10**9  # of one segment: beyond this a number is nonsense, not a duration

FaultCode = Literal["bad-tag", "missing-tag", "duplicate-tag"]
OnFault = Callable[[FaultCode, str], None]
"""Called with a code and one sentence for each thing that is wrong; reading goes on."""


@dataclass(frozen=True, slots=True)
class Header:
    """EXT-X-MAP: the file that initialises a decoder, and ``(length, offset)`` in bytes if it is a part of it."""

    uri: str
    byte_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One entry of a media playlist: file, seconds, and ``(length, offset)`` in bytes if it is a part of the file.

    ``gap``: it is said not to be there.
    """

    uri: str
    duration: float
    byte_range: tuple[int, int] | None = None
    header: Header | None = None
    discontinuity: bool = False
    encrypted: bool = False
    gap: bool = False


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """One rendition. ``target`` is EXT-X-TARGETDURATION in seconds; ``fractions``: EXTINF with a decimal point.

    ``keys``: the links of EXT-X-KEY.
    """

    target: int
    segments: tuple[Segment, ...]
    ended: bool
    key_frames_only: bool
    version: int = 1
    kind: str | None = None
    independent: bool = False
    fractions: bool = False
    keys: frozenset[str] = frozenset()

    @property
    def header(self) -> str | None:
        """The file of the first segment's EXT-X-MAP."""
        first = self.segments[0].header if self.segments else None
        return first.uri if first else None

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

    @property
    def link(self) -> str | None:
        """The playlist this entry leads to, wherever it names it."""
        return self.uri if self.tag == "EXT-X-STREAM-INF" else self.get("URI")

    def with_attributes(self, **changes: str) -> Entry:
        """Attribute names are given with ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in changes.items()}
        return replace(self, attributes={**self.attributes, **named})

    def __str__(self) -> str:
        line = f"#{self.tag}:" + ",".join(f"{name}={value}" for name, value in self.attributes.items())
        return f"{line}\n{self.uri}" if self.uri else line


@dataclass(frozen=True, slots=True)
class MasterPlaylist:
    """A master playlist: groups of renditions, variants, and key-frame playlists for scrubbing.

    Written with version 6: EXT-X-MAP in playlists that are not key frames only.
    """

    media: tuple[Entry, ...] = ()
    variants: tuple[Entry, ...] = ()
    key_frames: tuple[Entry, ...] = ()
    version: int = 6
    independent: bool = True

    def __str__(self) -> str:
        head = ["#EXTM3U", f"#EXT-X-VERSION:{self.version}"]
        head += ["#EXT-X-INDEPENDENT-SEGMENTS"] if self.independent else []
        return "\n".join([*head, *map(str, (*self.media, *self.variants, *self.key_frames))]) + "\n"


def refuse(code: FaultCode, message: str) -> NoReturn:
    """The policy for our own playlists: the first fault ends the reading."""
    raise ValueError(f"{code}: {message}")


def is_master(text: str) -> bool:
    """Whether a playlist leads to other playlists, rather than to segments."""
    return any(line.startswith(tuple(f"#{tag}:" for tag in _MASTER_TAGS)) for line in _LINE_END.split(text))


def parse_master(text: str, on_fault: OnFault = refuse) -> MasterPlaylist:
    """Read a master playlist.

    Raises:
        ValueError: it does not begin as a playlist, or ``on_fault`` refuses.
    """
    found: dict[str, list[Entry]] = {tag: [] for tag in _MASTER_TAGS}
    version, independent = 1, False
    open_since = 0  # the line of an EXT-X-STREAM-INF whose link has not come yet
    for number, line in [*_lines(text), (0, "#")]:
        if not line.startswith("#"):
            if open_since:
                found["EXT-X-STREAM-INF"][-1] = replace(found["EXT-X-STREAM-INF"][-1], uri=line)
            else:
                on_fault("bad-tag", f"line {number}: a link that belongs to no EXT-X-STREAM-INF")
            open_since = 0
            continue
        if open_since:
            on_fault("bad-tag", f"line {open_since}: no link follows EXT-X-STREAM-INF")
        tag, _, rest = line[1:].partition(":")
        open_since = number if tag == "EXT-X-STREAM-INF" else 0
        if tag == "EXT-X-VERSION":
            version = _whole(rest, number, on_fault)
        elif tag == "EXT-X-INDEPENDENT-SEGMENTS":
            independent = True
        elif tag in found:
            found[tag].append(Entry(tag, _attributes(rest, number, on_fault)))
    media, variants, key_frames = (tuple(found[tag]) for tag in _MASTER_TAGS)
    return MasterPlaylist(media, variants, key_frames, version, independent)


def parse_media(text: str, on_fault: OnFault = refuse) -> MediaPlaylist:
    """Read a media playlist.

    Raises:
        ValueError: it does not begin as a playlist, or ``on_fault`` refuses.
    """
    state = _Media(on_fault)
    for number, line in _lines(text):
        if line.startswith("#"):
            state.tag(number, *line[1:].partition(":")[::2])
        else:
            state.segment(number, line)
    if state.target is None:
        on_fault("missing-tag", "EXT-X-TARGETDURATION is not there")
    return MediaPlaylist(
        target=state.target or 0,
        segments=tuple(state.segments),
        ended=state.ended,
        key_frames_only=state.key_frames_only,
        version=state.version or 1,
        kind=state.kind,
        independent=state.independent,
        fractions=state.fractions,
        keys=frozenset(state.keys),
    )


def clean_media(text: str) -> str:
    """The same playlist without comments, with the smallest target duration that its segments allow.

    The packager gives the target duration of the longest rendition, rounded up, to all.
    """
    longest = max((rounded(segment.duration) for segment in parse_media(text).segments), default=1)
    lines = [line for line in text.splitlines() if line and not _is_comment(line)]
    target = "#EXT-X-TARGETDURATION:"
    return "\n".join(f"{target}{max(1, longest)}" if line.startswith(target) else line for line in lines) + "\n"


def rounded(seconds: float) -> int:
    """EXTINF as TARGETDURATION is compared with it: to the nearest whole second, half up (RFC 8216, 4.3.3.1)."""
    return math.floor(seconds + 0.5)


@dataclass(slots=True)
class _Media:
    """What has been read of a media playlist so far."""

    on_fault: OnFault
    target: int | None = None
    version: int = 0
    kind: str | None = None
    ended: bool = False
    key_frames_only: bool = False
    independent: bool = False
    fractions: bool = False
    segments: list[Segment] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    _header: Header | None = None
    _duration: float | None = None
    _range: tuple[int, int] | None = None
    _ends: dict[str, int] = field(default_factory=dict)
    _discontinuity: bool = False
    _encrypted: bool = False
    _gap: bool = False

    def tag(self, number: int, name: str, value: str) -> None:
        if name == "EXT-X-TARGETDURATION":
            if self.target is not None:
                self.on_fault("duplicate-tag", f"line {number}: EXT-X-TARGETDURATION is there twice")
            self.target = _whole(value, number, self.on_fault)
        elif name == "EXT-X-VERSION":
            if self.version:
                self.on_fault("duplicate-tag", f"line {number}: EXT-X-VERSION is there twice")
            self.version = _whole(value, number, self.on_fault)
        elif name in ("EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE"):
            _whole(value, number, self.on_fault)
        elif name == "EXTINF":
            given = value.partition(",")[0]
            self.fractions |= "." in given
            self._duration = _seconds(given, number, self.on_fault)
        elif name == "EXT-X-BYTERANGE":
            self._range = self._byte_range(value, number)
        elif name == "EXT-X-MAP":
            self._map(number, value)
        elif name == "EXT-X-KEY":
            self._key(number, _attributes(value, number, self.on_fault))
        else:
            self._mark(number, name, value)

    def segment(self, number: int, uri: str) -> None:
        if self._duration is None:
            self.on_fault("missing-tag", f"line {number}: a segment without EXTINF")
        span = self._range
        if span:
            # Without an offset a range follows the one before it in the same file (RFC 8216, 4.3.2.2).
            if span[1] < 0 and uri not in self._ends:
                self.on_fault("bad-tag", f"line {number}: a range without offset, and none of this file before it")
            offset = self._ends.get(uri, 0) if span[1] < 0 else span[1]
            span = (span[0], offset)
            self._ends[uri] = offset + span[0]
        seconds, marks = self._duration or 0.0, (self._discontinuity, self._encrypted, self._gap)
        self.segments.append(Segment(uri, seconds, span, self._header, *marks))
        self._duration = self._range = None
        self._discontinuity = self._gap = False

    def _key(self, number: int, attributes: dict[str, str]) -> None:
        method, uri = attributes.get("METHOD"), attributes.get("URI", "").strip('"')
        if method not in _METHODS:
            self.on_fault("bad-tag", f"line {number}: METHOD of EXT-X-KEY is none of {', '.join(_METHODS)}")
        self._encrypted = method != "NONE"
        if uri:
            self.keys.add(uri)
        elif self._encrypted:
            self.on_fault("bad-tag", f"line {number}: EXT-X-KEY without URI")

    def _mark(self, number: int, name: str, value: str) -> None:
        if name == "EXT-X-PLAYLIST-TYPE":
            self.kind = value
            if value not in ("VOD", "EVENT"):
                self.on_fault("bad-tag", f"line {number}: EXT-X-PLAYLIST-TYPE is neither VOD nor EVENT")
        elif name == "EXT-X-PROGRAM-DATE-TIME" and not _DATE.fullmatch(value):
            self.on_fault("bad-tag", f"line {number}: EXT-X-PROGRAM-DATE-TIME is no date")
        elif name == "EXT-X-GAP":
            self._gap = True
        elif name == "EXT-X-DISCONTINUITY":
            self._discontinuity = True
        elif name == "EXT-X-I-FRAMES-ONLY":
            self.key_frames_only = True
        elif name == "EXT-X-INDEPENDENT-SEGMENTS":
            self.independent = True
        elif name == "EXT-X-ENDLIST":
            self.ended = True

    def _map(self, number: int, value: str) -> None:
        attributes = _attributes(value, number, self.on_fault)
        uri, span = attributes.get("URI", "").strip('"'), attributes.get("BYTERANGE")
        if not uri:
            self.on_fault("bad-tag", f"line {number}: EXT-X-MAP without URI")
            return
        length, offset = self._byte_range(span.strip('"'), number) if span else (0, 0)
        self._header = Header(uri, (length, max(0, offset)) if span else None)

    def _byte_range(self, value: str, number: int) -> tuple[int, int]:
        """``length[@offset]``; offset -1: none given."""
        length, given, offset = value.partition("@")
        return _whole(length, number, self.on_fault), _whole(offset, number, self.on_fault) if given else -1


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of the lines that are neither empty nor comments, after the first."""
    numbered = ((number, line.strip()) for number, line in enumerate(_LINE_END.split(text), 1))
    lines = iter([(number, line) for number, line in numbered if line and not _is_comment(line)])
    if next(lines, (0, ""))[1] != "#EXTM3U":
        raise ValueError("it does not begin with #EXTM3U")
    return lines


def _attributes(text: str, number: int, on_fault: OnFault) -> dict[str, str]:
    """What cannot be read is left out, up to the next comma."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _ATTRIBUTE.match(text, place)
        if match is None:
            on_fault("bad-tag", f"line {number}: an attribute cannot be read")
            place = text.find(",", place) + 1 or len(text)
            continue
        if match[1] in found:
            on_fault("bad-tag", f"line {number}: the attribute {match[1]} is there twice")
        if match[1] in _QUOTED and not match[2].startswith('"'):
            on_fault("bad-tag", f"line {number}: {match[1]} is no text in quotation marks")
        found[match[1]] = match[2]
        place = match.end()
    return found


def _whole(text: str, number: int, on_fault: OnFault) -> int:
    # 20 digits: longer ones are an attack on int(), which takes time with the square of the length.
    if re.fullmatch(r"[0-9]{1,20}", text.strip()):
        return int(text)
    on_fault("bad-tag", f"line {number}: a whole number was expected")
    return 0


def _seconds(text: str, number: int, on_fault: OnFault) -> float:
    if re.fullmatch(r"[0-9]{1,20}(?:\.[0-9]{0,30})?", text.strip()):
        seconds = float(text)
        if math.isfinite(seconds) and seconds < _LONGEST_SECONDS:
            return seconds
    on_fault("bad-tag", f"line {number}: EXTINF does not give seconds")
    return 0.0


def _is_comment(line: str) -> bool:
    return line.startswith("#") and not line.startswith("#EXT")

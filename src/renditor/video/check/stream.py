"""A set as values, the same for HLS and DASH: renditions, their segments, what is declared and what lies inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["video", "audio", "text", "other"]


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file: from ``offset``, ``length`` of them or all that follow."""

    name: str
    offset: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment as a playlist or manifest describes it. ``duration`` in seconds; ``start`` too, where it is said.

    ``nominal``: both are the same step for all segments, which need not keep to it. ``gap``: it need not be there.
    """

    span: Span
    duration: float
    header: Span | None = None
    discontinuity: bool = False
    encrypted: bool = False
    start: float | None = None
    nominal: bool = False
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What a segment holds. Times in seconds; of its main track: the pictures, or the sound where there are none.

    ``start`` is when its first sample is decoded, ``shown`` when the earliest is shown (edit list applied), ``gap`` the
    largest break between its fragments. ``frame`` is how long the longest sample lasts, ``shortest`` the shortest.
    ``sizes``: px as coded and as displayed. ``encrypted``: its boxes can be read, its samples not.
    """

    size: int
    kind: Kind
    container: Literal["mp4", "ts", "text", "other"]
    codecs: tuple[str, ...] = ()
    sizes: frozenset[tuple[int, int]] = frozenset()
    start: float | None = None
    shown: float | None = None
    duration: float | None = None
    samples: int = 0
    frame: float = 0.0
    shortest: float = 0.0
    sync: bool | None = None
    gap: float = 0.0
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """What is promised of a rendition: RFC 6381 codecs, bit/s, px, frames a second. None: not said."""

    codecs: tuple[str, ...] | None = None
    bandwidth: int | None = None
    average: int | None = None
    size: tuple[int, int] | None = None
    frame_rate: float | None = None


@dataclass(slots=True)
class Rendition:
    """One playable list of segments. ``where`` names it in findings, ``contents`` are those of ``pieces`` in order.

    ``target``: EXT-X-TARGETDURATION in seconds; ``independent``: that segments begin with a key frame is promised.
    ``begins``: seconds from the start of the presentation to that of its period. Between renditions of one ``group``
    players switch.
    """

    where: str
    pieces: tuple[Piece, ...] = field(repr=False)
    target: int | None = None
    key_frames_only: bool = False
    independent: bool = False
    live: bool = False
    begins: float = 0.0
    group: int = 0
    contents: tuple[Content | None, ...] = field(default=(), repr=False)

    @property
    def kind(self) -> Kind:
        return next((content.kind for content in self.contents if content), "other")

    @property
    def duration(self) -> float:
        """Seconds, the sum over the segments as declared."""
        return sum(piece.duration for piece in self.pieces)

    @property
    def samples(self) -> int:
        """Frames that were found in its segments."""
        return sum(content.samples for content in self.contents if content)

    @property
    def looked_at(self) -> list[tuple[Piece, Content]]:
        """The segments that could be looked at, with what they hold."""
        return [(piece, content) for piece, content in zip(self.pieces, self.contents, strict=True) if content]

    @property
    def complete(self) -> bool:
        """Whether all segments could be looked at: what is not there has no bit rate."""
        return bool(self.contents) and None not in self.contents

    @property
    def loads(self) -> list[tuple[int, float]]:
        """Bytes and declared seconds of each of them."""
        return [(content.size, piece.duration) for piece, content in self.looked_at]

    @property
    def codecs(self) -> frozenset[str]:
        """What its segments are coded in."""
        return frozenset(codec for content in self.contents if content for codec in content.codecs)


@dataclass(frozen=True, slots=True)
class Variant:
    """One choice of a player: a rendition, what is said of it, and the sound that may play beside it."""

    where: str
    rendition: Rendition
    declared: Declared
    sound: tuple[Rendition, ...] = ()


@dataclass(slots=True)
class Stream:
    """All that one master playlist, lone media playlist or manifest leads to.

    ``length``: seconds that a manifest gives for the whole; ``buffered``: its minBufferTime.
    """

    name: str
    form: Literal["hls", "dash"]
    variants: list[Variant] = field(default_factory=list)
    others: list[Rendition] = field(default_factory=list)
    named: set[str] = field(default_factory=set, repr=False)
    length: float | None = None
    buffered: float = 0.0
    live: bool = False

    @property
    def renditions(self) -> list[Rendition]:
        """Every one once, in the order of the playlist."""
        return list({id(one): one for one in [*(v.rendition for v in self.variants), *self.others]}.values())

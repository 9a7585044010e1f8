"""Looking inside segments: what they really hold, read in small pieces and only as far as needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from renditor.errors import NotFound, TooLarge
from renditor.video.check import mpegts
from renditor.video.check.findings import Findings
from renditor.video.check.reading import LARGEST_FILE, Reader, absent
from renditor.video.check.stream import Content, Kind, Piece, Rendition, Span
from renditor.video.streams.boxes import HEADER_BYTES, Box, read_header
from renditor.video.streams.fragments import Fragment, Track, read_fragments, read_tracks

# One read brings the boxes before the first samples, and usually the whole of a ``moof``.
_WINDOW: Final = 16 * 1024
# A ``moof`` of ten minutes has about 1 MB; what is larger has been made to fill memory.
_LARGEST_MOOF: Final = 4 * 1024**2
_MOST_BOXES: Final = 20_000  # in one segment: a million empty boxes would cost minutes
_HEAD: Final = 16  # tells the kinds of segments apart
_MOST_FAILURES: Final = 100  # of one rendition: what follows a hundred missing segments is not worth the time
_AT_ONCE: Final = 8  # segments that are looked at together: a server answers while others are read
_ORDER: Final = {"video": 0, "audio": 1}  # what a segment is judged by
_TS_PACKET: Final = b"G"
_MP4_BOXES: Final = (b"styp", b"ftyp", b"moof", b"sidx", b"emsg", b"prft", b"free", b"moov", b"mdat", b"uuid")
_PACKED: Final = (b"ID3", b"\x0b\x77")  # tags before sound; AC-3. MPEG sound begins with eleven ones
_WEBM: Final = (b"\x1a\x45\xdf\xa3", b"\x1f\x43\xb6\x75")  # a file, or a cluster of it (RFC 9559): not looked into
_STILLS: Final = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")  # pictures for scrubbing, JPEG, PNG, WebP
_TEXT_BEGINS: Final = (b"WEBVTT", b"\xef\xbb\xbfWEBVTT")


class Looker:
    """Looks at the segments of one set; each only once, although HLS and DASH name the same ones."""

    def __init__(self, reader: Reader, findings: Findings) -> None:
        self._reader = reader
        self._findings = findings
        self._headers: dict[Span, Mapping[int, Track] | None] = {}
        self._known: dict[tuple[Span, Span | None, bool, bool], Content | None] = {}

    async def fill(self, rendition: Rendition) -> None:
        """Look at every segment of ``rendition`` and note what it holds; what cannot be read becomes a finding."""
        for header in dict.fromkeys(piece.header for piece in rendition.pieces):
            if header and header not in self._headers:
                self._headers[header] = await self._header(rendition, header)
        contents: list[Content | None] = []
        for first in range(0, len(rendition.pieces), _AT_ONCE):
            some = rendition.pieces[first : first + _AT_ONCE]
            contents += await asyncio.gather(*(self._look(rendition, piece) for piece in some))
            known = zip(rendition.pieces, contents, strict=False)
            if sum(content is None and not piece.gap for piece, content in known) > _MOST_FAILURES:
                break
        rendition.contents = (*contents, *[None] * (len(rendition.pieces) - len(contents)))

    async def _look(self, rendition: Rendition, piece: Piece) -> Content | None:
        if piece.gap:
            return None
        key = (piece.span, piece.header, rendition.key_frames_only, piece.encrypted)
        if key not in self._known:
            self._known[key] = await self._new(rendition, piece)
        return self._known[key]

    async def _new(self, rendition: Rendition, piece: Piece) -> Content | None:
        where = piece.span.name
        try:
            end = await self._end(piece.span)
            if end is None:
                self._findings.add("range-outside", rendition.where, f"{where} ends before the range that is named")
                return None
            if piece.encrypted:
                return Content(end - piece.span.offset, "other", "other")
            return await self._inside(rendition, piece, end)
        except NotFound as error:
            self._findings.add("missing-file", rendition.where, absent(where, error))
        except TooLarge:
            self._findings.add("too-large", rendition.where, f"{where} is too large to be looked at")
        except ValueError as error:
            self._findings.add("unreadable", rendition.where, f"{where}: {error}")
        return None

    async def _end(self, span: Span) -> int | None:
        """Where a span ends in its file; None if that is beyond the file."""
        size = await self._reader.size(span.name)
        end = size if span.length is None else span.offset + span.length
        return end if span.offset < end <= size or end == span.offset == 0 else None

    async def _inside(self, rendition: Rendition, piece: Piece, end: int) -> Content:
        span = piece.span
        window = _Window(self._reader, span.name, end)
        head = await window.bytes(span.offset, _HEAD)
        if not head:
            raise ValueError("it is empty")
        if head.startswith(_TS_PACKET) and not (piece.header and self._headers[piece.header]):
            return await self._transport_stream(rendition, piece, end)
        if head.startswith(_TEXT_BEGINS):
            return Content(end - span.offset, "text", "text")
        if head.startswith((*_WEBM, *_STILLS)):
            return Content(end - span.offset, "other", "other")
        if head[4:8] not in _MP4_BOXES:
            return _packed(head, piece, end - span.offset)
        tracks = self._tracks(rendition, piece)
        if tracks is None:
            return Content(end - span.offset, "other", "mp4")
        fragments = await _fragments(window, span.offset, tracks, only_first=rendition.key_frames_only)
        return _content(end - span.offset, tracks, fragments, key_frame=rendition.key_frames_only)

    async def _transport_stream(self, rendition: Rendition, piece: Piece, end: int) -> Content:
        size, tables = end - piece.span.offset, b""
        if size > LARGEST_FILE:
            raise TooLarge
        data = await self._reader.read(piece.span.name, (piece.span.offset, size))
        if piece.header:  # may hold the tables of all segments (RFC 8216, 3.2)
            tables = await self._reader.read(piece.header.name, (piece.header.offset, piece.header.length or _WINDOW))
        # A key frame of a transport stream is cut out without the tables before it.
        tracks = [] if rendition.key_frames_only else mpegts.read(tables + data)
        main = next((track for track in tracks if track.kind == "video"), tracks[0] if tracks else None)
        if main is None:
            return Content(len(data), "video", "ts")
        times = _unwrapped(main.times)
        codecs = tuple(track.codec for track in tracks)
        if not times:
            return Content(len(data), main.kind, "ts", codecs, sync=main.sync)
        frame = (max(times) - min(times)) / (len(times) - 1) / mpegts.TICKS if len(times) > 1 else 0.0
        start = min(times) / mpegts.TICKS
        counts = main.kind == "video" and len(times) > 1  # a packet of sound holds several frames
        return Content(
            size=len(data),
            kind=main.kind,
            container="ts",
            codecs=codecs,
            start=start,
            shown=start,
            duration=frame * len(times) if counts else None,
            samples=len(times) if main.kind == "video" else 0,
            frame=frame,
            shortest=frame,
            sync=main.sync,
        )

    def _tracks(self, rendition: Rendition, piece: Piece) -> Mapping[int, Track] | None:
        if piece.header is None:
            self._findings.add("no-map", rendition.where, f"{piece.span.name} is fragmented MP4 without EXT-X-MAP")
            return None
        return self._headers[piece.header] or None

    async def _header(self, rendition: Rendition, span: Span) -> Mapping[int, Track] | None:
        try:
            end = await self._end(span)
            if end is None:
                self._findings.add("range-outside", rendition.where, f"{span.name} ends before its header does")
                return None
            # A header is small: one that is larger is cut off here, and found to be damaged.
            data = await self._reader.read(span.name, (span.offset, min(end - span.offset, _LARGEST_MOOF)))
            return {} if data.startswith((*_WEBM, _TS_PACKET)) else read_tracks(data)
        except NotFound as error:
            self._findings.add("missing-file", rendition.where, absent(span.name, error))
        except ValueError as error:
            self._findings.add("unreadable", rendition.where, f"{span.name}: {error}")
        return None


@dataclass(slots=True)
class _Window:
    """Part of a file, read ahead. ``end``: where the segment ends."""

    reader: Reader
    name: str
    end: int
    _offset: int = 0
    _data: bytes = b""

    async def bytes(self, offset: int, length: int) -> bytes:
        length = min(length, self.end - offset)
        if not self._offset <= offset <= offset + length <= self._offset + len(self._data):
            wanted = min(max(length, _WINDOW), self.end - offset)
            self._data = await self.reader.read(self.name, (offset, wanted))
            self._offset = offset
        start = offset - self._offset
        return self._data[start : start + length]


def _packed(head: bytes, piece: Piece, size: int) -> Content:
    """Sound without a container (RFC 8216, 3.4): its segments are not looked into."""
    if piece.header or not (head.startswith(_PACKED) or (head[0] == 0xFF and head[1] & 0xE0 == 0xE0)):
        raise ValueError("neither fragmented MP4 nor MPEG-TS, nor sound or captions by themselves")
    return Content(size, "audio", "other")


async def _fragments(
    window: _Window, place: int, tracks: Mapping[int, Track], *, only_first: bool
) -> list[tuple[Box, list[Fragment]]]:
    """The movie fragments between ``place`` and the end of the window. Raises ValueError: damaged."""
    found: list[tuple[Box, list[Fragment]]] = []
    for _ in range(_MOST_BOXES):
        if place >= window.end:
            return found
        header = await window.bytes(place, HEADER_BYTES)
        # The range of a key frame ends within the box of its samples.
        box = read_header(header, place, 1 << 62 if only_first else window.end)
        if box.kind == "moof":
            if box.end - box.start > _LARGEST_MOOF or box.end > window.end:
                raise ValueError("a fragment whose list of samples is too long")
            found.append((box, read_fragments(await window.bytes(box.start, box.end - box.start), tracks)))
            if only_first:
                return found
        place = box.end
    raise ValueError("a segment of too many boxes")


def _content(
    size: int, tracks: Mapping[int, Track], found: list[tuple[Box, list[Fragment]]], *, key_frame: bool
) -> Content:
    order = sorted(tracks.values(), key=lambda track: _ORDER.get(track.kind, 2))
    main = order[0]
    parts = [(box, part) for box, parts in found for part in parts if part.track == main.number and part.samples]
    if not parts:
        raise ValueError("it holds no samples")
    first = parts[0][1]
    gap, samples, duration = 0, 0, 0
    expected = first.start
    for _, part in parts:
        if part.start is not None and expected is not None:
            gap = max(gap, abs(part.start - expected))
            expected = part.start
        expected = None if expected is None else expected + part.duration
        samples, duration = samples + part.samples, duration + part.duration
    scale = main.timescale
    whole = first.sync and (not key_frame or first.first_end <= size)
    return Content(
        size=size,
        kind=_kind(main),
        container="mp4",
        codecs=tuple(track.codec for track in order),
        sizes=frozenset(((main.width, main.height), main.displayed)) if main.kind == "video" else frozenset(),
        start=None if first.start is None else first.start / scale,
        shown=None if first.start is None else (first.shown - main.shift) / scale,
        duration=duration / scale,
        samples=samples,
        frame=max(part.longest for _, part in parts) / scale,
        shortest=min(part.shortest for _, part in parts) / scale,
        sync=whole,
        gap=gap / scale,
        encrypted=any(track.encrypted for track in order),
    )


def _kind(track: Track) -> Kind:
    kinds: Mapping[str, Kind] = {"video": "video", "audio": "audio", "text": "text"}
    return kinds.get(track.kind, "other")


def _unwrapped(times: list[int]) -> list[int]:
    """Time stamps that go on where they begin anew."""
    return [time + mpegts.WRAP if times and times[0] - time > mpegts.WRAP // 2 else time for time in times]

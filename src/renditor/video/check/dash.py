"""From a DASH manifest to a ``Stream``. Source: ISO/IEC 23009-1.

Static presentations of one or more periods whose segments are told by SegmentTemplate (by number or by timeline),
SegmentList, or as one file (SegmentBase with an index).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

from renditor.errors import NotFound
from renditor.video.check.findings import Findings
from renditor.video.check.reading import Reader, Texts, absent
from renditor.video.check.stream import Declared, Piece, Rendition, Span, Stream, Variant
from renditor.video.streams.boxes import find
from renditor.video.streams.manifests import parse_xml

_DURATION: Final = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,9})M)?(?:(\d{1,12}(?:\.\d{1,12})?)S)?)?"
)
_SECONDS: Final = (365 * 86_400, 30 * 86_400, 86_400, 3600, 60, 1)
_FORMAT: Final = re.compile(r"\$(RepresentationID|Number|Time|Bandwidth)(?:%0(\d{1,2})d)?\$|\$\$")
_ROUNDING: Final = 0.001  # seconds: durations are written with three decimals
_LARGEST_INDEX: Final = 4 * 1024**2


async def read_stream(reader: Reader, texts: Texts, findings: Findings, name: str, text: str) -> Stream:
    """The stream that a manifest describes. Nothing inside its segments is looked at yet."""
    stream = Stream(name, "dash", named={name})
    root = _parse(text, name, findings)
    if root is None:
        return stream
    stream.live = root.get("type", "static") != "static"
    if stream.live:
        findings.add("live", name, "a live presentation: its segments are not checked")
        return stream
    stream.length = _duration(root.get("mediaPresentationDuration"))
    stream.buffered = _duration(root.get("minBufferTime")) or 0.0
    if root.get("minBufferTime") is None or not root.get("profiles"):
        findings.add("bad-manifest", name, "MPD lacks minBufferTime or profiles")
    periods = _periods(root, stream.length)
    if not periods:
        findings.add("bad-manifest", name, "it has no Period")
    elif stream.length is None and periods[-1].length is not None:
        stream.length = periods[-1].start + periods[-1].length  # (5.3.1.2): one of the two is enough
    for period in periods:
        for number, (parents, element) in enumerate(_representations(root, period.element)):
            where = element.get("id") or str(number)
            described = _Described(name, [*parents, element], period.length, where, period.start)
            await _Reading(reader, texts, findings, stream, described).add()
    if periods and not any(period.element.find("AdaptationSet/Representation") is not None for period in periods):
        findings.add("bad-manifest", name, "it has no Representation")
    return stream


class _Period(NamedTuple):
    """``start``: seconds from that of the first one; ``length``: seconds, None if it is not said."""

    element: ET.Element
    start: float
    length: float | None


def _periods(root: ET.Element, length: float | None) -> list[_Period]:
    """When each period plays (5.3.2.1): from its start, or the end of the one before it, up to that of the next one."""
    elements = root.findall("Period")
    starts: list[float] = []
    for number, element in enumerate(elements):
        said = _duration(element.get("start"))
        before = _duration(elements[number - 1].get("duration")) if number else None
        starts.append(said if said is not None else starts[-1] + (before or 0.0) if starts else 0.0)
    ends = [*starts[1:], length]
    return (
        [
            _Period(
                element, start, _duration(element.get("duration")) or (None if end is None else max(0.0, end - start))
            )
            for element, start, end in zip(elements, starts, ends, strict=True)
        ]
        if elements
        else []
    )


def _parse(text: str, name: str, findings: Findings) -> ET.Element | None:
    try:
        root = parse_xml(text)
    except ValueError as error:
        findings.add("not-a-manifest", name, str(error))
        return None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "MPD":
        findings.add("not-a-manifest", name, "its first element is not MPD")
        return None
    return root


def _representations(root: ET.Element, period: ET.Element) -> Iterator[tuple[list[ET.Element], ET.Element]]:
    for adaptation in period.findall("AdaptationSet"):
        for element in adaptation.findall("Representation"):
            yield [root, period, adaptation], element


@dataclass(frozen=True, slots=True)
class _Described:
    """A Representation with the elements around it, outermost first.

    ``length``, ``start``: seconds of its period.
    """

    manifest: str
    levels: list[ET.Element]
    length: float | None
    number: str
    start: float = 0.0

    def get(self, name: str) -> str | None:
        """An attribute of the Representation, or of its AdaptationSet."""
        return self.levels[-1].get(name) or self.levels[-2].get(name)

    def segments(self, kind: str) -> dict[str, str] | None:
        """The attributes of a SegmentTemplate, SegmentList or SegmentBase, inner ones over outer ones."""
        found = [element for level in self.levels for element in level.findall(kind)]
        return {name: value for element in found for name, value in element.items()} if found else None

    def inside(self, kind: str, child: str) -> list[ET.Element]:
        """The innermost children of that name of a SegmentTemplate, SegmentList or SegmentBase."""
        for level in reversed(self.levels):
            found = [one for element in level.findall(kind) for one in element.findall(child)]
            if found:
                return found
        return []


class _Time(NamedTuple):
    """When a segment plays: seconds on the time line of the media, how long, and its start in ticks of the media.

    ``nominal``: told by a common duration, from which segments may differ by half (5.3.9.5.3).
    """

    start: float
    seconds: float
    ticks: int
    nominal: bool = False


class _Reading:
    """One Representation while it is read."""

    def __init__(self, reader: Reader, texts: Texts, findings: Findings, stream: Stream, described: _Described) -> None:
        self._reader = reader
        self._texts = texts
        self._findings = findings
        self._stream = stream
        self._of = described
        self._where = f"{described.manifest}, representation {described.number}"
        self._base: str | None = described.manifest

    async def add(self) -> None:
        """Put the Representation into the stream."""
        for level in self._of.levels:
            for element in level.findall("BaseURL")[:1]:
                self._base = self._base and self._texts.link(self._base, (element.text or "").strip() or ".")
        if self._base is None:
            return
        pieces = await self._pieces()
        if not pieces:
            self._bad("its segments are not told, or there are none")
        self._stream.named.update(piece.span.name for piece in pieces)
        self._stream.named.update(piece.header.name for piece in pieces if piece.header)
        rendition = Rendition(self._where, tuple(pieces), begins=self._of.start, group=id(self._of.levels[-2]))
        self._stream.variants.append(Variant(self._where, rendition, self._declared()))

    async def _pieces(self) -> list[Piece]:
        for kind, read in (("SegmentTemplate", self._template), ("SegmentList", self._list)):
            attributes = self._of.segments(kind)
            if attributes is not None:
                return list(read(attributes))
        attributes = self._of.segments("SegmentBase")
        if attributes is not None:
            return await self._indexed(attributes)
        # A file by itself, such as captions, is one segment (5.3.9.1).
        alone = self._span("") if any(level.find("BaseURL") is not None for level in self._of.levels) else None
        return [Piece(alone, self._of.length or 0.0)] if alone else []

    def _declared(self) -> Declared:
        codecs, bandwidth = self._of.get("codecs"), self._whole(self._of.get("bandwidth"))
        kind = self._of.get("mimeType")
        if not kind:
            self._bad("it has no mimeType")
        elif not codecs and kind.startswith(("video/", "audio/")):
            self._findings.add("no-codecs", self._where, "it has no codecs")
        if not bandwidth:
            self._bad("it has no bandwidth")
        width, height = self._whole(self._of.get("width")), self._whole(self._of.get("height"))
        return Declared(
            codecs=tuple(one.strip() for one in codecs.split(",")) if codecs else None,
            bandwidth=bandwidth,
            size=(width, height) if width and height else None,
            frame_rate=_rate(self._of.get("frameRate")),
        )

    def _template(self, attributes: Mapping[str, str]) -> Iterator[Piece]:
        media, first = attributes.get("media", ""), self._whole(attributes.get("startNumber") or "1") or 0
        header = self._header(attributes.get("initialization"))
        for element in self._of.inside("SegmentTemplate", "Initialization") if header is None else ():
            header = self._span(element.get("sourceURL") or "", element.get("range"))
        last = self._whole(attributes.get("endNumber"))
        for number, time in enumerate(self._times("SegmentTemplate", attributes), first):
            span = self._span(self._filled(media, number, time.ticks)) if not last or number <= last else None
            if span and self._texts.room(self._where):
                yield Piece(span, time.seconds, header, start=time.start, nominal=time.nominal)
            else:
                return

    def _list(self, attributes: Mapping[str, str]) -> Iterator[Piece]:
        header = None
        for element in self._of.inside("SegmentList", "Initialization"):
            header = self._span(element.get("sourceURL") or "", element.get("range"))
        urls = self._of.inside("SegmentList", "SegmentURL")
        times = self._times("SegmentList", attributes, len(urls))
        for element, time in zip(urls, times, strict=False):
            span = self._span(element.get("media") or "", element.get("mediaRange"))
            if span and self._texts.room(self._where):
                yield Piece(span, time.seconds, header, start=time.start, nominal=time.nominal)

    async def _indexed(self, attributes: Mapping[str, str]) -> list[Piece]:
        """One file whose ``sidx`` box tells the segments (ISO/IEC 14496-12, 8.16.3)."""
        index = self._span("", attributes.get("indexRange"))
        headers = self._of.inside("SegmentBase", "Initialization")
        header = self._span("", headers[0].get("range")) if headers else None
        if index is None or index.length is None or index.length > _LARGEST_INDEX:
            return []
        try:
            data = await self._reader.read(index.name, (index.offset, index.length))
            return [Piece(span, seconds, header) for span, seconds in _references(data, index)]
        except NotFound as error:
            self._findings.add("missing-file", self._where, absent(index.name, error))
        except (ValueError, struct.error):
            self._findings.add("unreadable", self._where, f"{index.name}: its index is damaged")
        return []

    def _times(self, kind: str, attributes: Mapping[str, str], most: int | None = None) -> Iterator[_Time]:
        """When each segment plays; without an end where neither the period nor ``most`` gives one."""
        scale = self._whole(attributes.get("timescale") or "1") or 1
        timelines = self._of.inside(kind, "SegmentTimeline")
        length, offset = self._of.length, self._whole(attributes.get("presentationTimeOffset"))
        if timelines:
            yield from self._timeline(timelines[0], scale, offset)
            return
        ticks = self._whole(attributes.get("duration"))
        if not ticks or (length is None and most is None):
            self._bad("its segments have neither a duration nor a timeline")
            return
        number = 0
        while number != most and (length is None or number * ticks / scale < length - _ROUNDING):
            start = number * ticks / scale
            seconds = ticks / scale if length is None else min(ticks / scale, length - start)
            yield _Time(start + offset / scale, seconds, number * ticks + offset, nominal=True)
            number += 1

    def _timeline(self, element: ET.Element, scale: int, offset: int) -> Iterator[_Time]:
        time, rows = 0, element.findall("S")
        for one, following in zip(rows, [*rows[1:], None], strict=True):
            time = self._whole(one.get("t")) if one.get("t") else time
            ticks = self._whole(one.get("d"))
            if not ticks:
                self._bad("an S of its timeline has no duration")
                return
            # r=-1: until the next one begins, or the period ends.
            following_time = None if following is None else following.get("t")
            end = self._whole(following_time) if following_time else (self._of.length or 0.0) * scale + offset
            repeats = -(-int(end - time) // ticks) - 1 if one.get("r") == "-1" else self._whole(one.get("r") or "0")
            for _ in range(repeats + 1):
                yield _Time(time / scale, ticks / scale, time)
                time += ticks

    def _filled(self, template: str, number: int, time: int) -> str:
        values = {
            "RepresentationID": self._of.number,
            "Number": number,
            "Time": time,
            "Bandwidth": self._of.get("bandwidth") or "",
        }

        def fill(match: re.Match[str]) -> str:
            if match[1] is None:
                return "$"
            value = values[match[1]]
            return f"{value:0{int(match[2])}d}" if match[2] and isinstance(value, int) else str(value)

        return _FORMAT.sub(fill, template)

    def _header(self, template: str | None) -> Span | None:
        return self._span(self._filled(template, 0, 0)) if template else None

    def _span(self, uri: str, byte_range: str | None = None) -> Span | None:
        name = self._texts.link(self._base or "", uri) if uri else self._base
        if name is None:
            return None
        if byte_range is None:
            return Span(name)
        found = re.fullmatch(r"(\d{1,18})-(\d{1,18})", byte_range)
        if not found or int(found[2]) < int(found[1]):
            self._bad("a range of bytes cannot be read")
            return None
        return Span(name, int(found[1]), int(found[2]) - int(found[1]) + 1)

    def _whole(self, text: str | None) -> int:
        if text is None:
            return 0
        if re.fullmatch(r"\d{1,18}", text):
            return int(text)
        self._bad("a whole number was expected")
        return 0

    def _bad(self, message: str) -> None:
        self._findings.add("bad-manifest", self._where, message)


def _references(data: bytes, index: Span) -> Iterator[tuple[Span, float]]:
    for box in find(data, "sidx"):
        wide = data[box.body] == 1
        scale = struct.unpack_from(">I", data, box.body + 8)[0]
        place = box.body + (28 if wide else 20)
        skipped = struct.unpack_from(">Q" if wide else ">I", data, place - (8 if wide else 4))[0]
        count = struct.unpack_from(">H", data, place + 2)[0]
        offset = index.offset + box.end + skipped
        for number in range(count):
            size, ticks = struct.unpack_from(">II", data, place + 4 + number * 12)
            if not scale or size & 0x80000000:
                raise ValueError("an index of indexes")
            yield Span(index.name, offset, size), ticks / scale
            offset += size
        return
    raise ValueError("no index")


def _duration(text: str | None) -> float | None:
    """``PT1H2M3.5S`` in seconds."""
    found = _DURATION.fullmatch(text or "")
    if not found:
        return None
    return sum(float(part) * seconds for part, seconds in zip(found.groups(), _SECONDS, strict=True) if part)


def _rate(text: str | None) -> float | None:
    found = re.fullmatch(r"(\d{1,9})(?:/(\d{1,9}))?", text or "")
    return float(Fraction(int(found[1]), int(found[2] or 1) or 1)) if found else None
